//! The queue of one controller.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::runtime::backoff::Backoff;
use crate::runtime::schedule::Schedule;
use crate::settings::ObjectName;

/// Names to reconcile; filled by caches, emptied by one controller.
#[derive(Debug, Default)]
pub struct Queue {
    schedule: Mutex<Schedule>,
    changed: Notify,
}

impl Queue {
    /// Makes a name due now.
    pub fn add(&self, name: ObjectName) {
        self.add_after(name, Duration::ZERO);
    }

    /// Makes a name due in a while.
    pub fn add_after(&self, name: ObjectName, wait: Duration) {
        self.with(|schedule| schedule.add(name, Instant::now() + wait));
        self.changed.notify_one();
    }

    /// Waits for the next name that is due and takes it.
    pub async fn take(&self) -> ObjectName {
        loop {
            let changed = self.changed.notified();
            let (name, next) =
                self.with(|schedule| (schedule.take(Instant::now()), schedule.next()));
            if let Some(name) = name {
                return name;
            }
            match next {
                Some(at) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = tokio::time::sleep_until(at) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Gives a name back after success.
    pub fn done(&self, name: ObjectName, again: Option<Duration>) {
        self.with(|schedule| schedule.done(name, Instant::now(), again));
        self.changed.notify_one();
    }

    /// Gives a name back after a failure; answers how long it waits now.
    pub fn failed(&self, name: ObjectName) -> Duration {
        let wait = self.with(|schedule| schedule.failed(name, Instant::now(), &Backoff::OBJECT));
        self.changed.notify_one();
        wait
    }

    /// Takes back what is in anybody's hands: they were all stopped.
    pub fn release(&self) {
        self.with(|schedule| schedule.release(Instant::now()));
        self.changed.notify_one();
    }

    /// Names that are due.
    pub fn depth(&self) -> usize {
        self.with(|schedule| schedule.depth(Instant::now()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Schedule) -> T) -> T {
        // A panic between two lines of the schedule leaves it whole enough: names only get due.
        act(&mut self.schedule.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
