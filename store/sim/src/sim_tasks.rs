//! Tasks of one simulated process.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use world::tasks::{TaskHandle, Tasks};

use crate::executor::{Executor, Process};
use crate::seeded_random::SeededRandom;

/// Blocking work takes up to so much virtual time before and after it is done, so that others run
/// in between and that works overtake each other.
const BLOCKING_MICROS_MAX: u64 = 4_000;

/// Tasks of one process; a crash ends them all.
pub struct SimTasks {
    executor: Arc<Executor>,
    process: Process,
    stop: watch::Sender<bool>,
    random: Arc<SeededRandom>,
}

impl SimTasks {
    /// The tasks of a process that was just started.
    pub fn new(executor: Arc<Executor>, process: Process, random: Arc<SeededRandom>) -> Self {
        Self { executor, process, stop: watch::channel(false).0, random }
    }
}

impl Tasks for SimTasks {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let (guard, ended) = oneshot::channel::<()>();
        let id = self.executor.spawn(
            self.process,
            Box::pin(async move {
                // Dropped with the task, however it ends.
                let _guard = guard;
                task.await;
            }),
        );
        let executor = self.executor.clone();
        TaskHandle::new(Box::new(move || executor.cancel(id)), Box::pin(ended.map(drop)))
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let micros = || Duration::from_micros(self.random.below(BLOCKING_MICROS_MAX));
        let (executor, before, after) = (self.executor.clone(), micros(), micros());
        Box::pin(async move {
            executor.sleep(before).await;
            work();
            executor.sleep(after).await;
        })
    }

    fn stopping(&self) -> BoxFuture<'static, ()> {
        let mut stop = self.stop.subscribe();
        // Whether told to stop or left alone by all others: time to stop.
        Box::pin(async move { drop(stop.wait_for(|stopped| *stopped).await) })
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }
}
