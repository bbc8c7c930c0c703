//! Which name is due when.                               (pure)

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::backoff::Backoff;
use crate::settings::ObjectName;

/// Names and when they are due; never one name twice, never one name in two hands.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BTreeMap<ObjectName, Instant>,
    order: BTreeSet<(Instant, ObjectName)>,
    running: BTreeSet<ObjectName>,
    failures: BTreeMap<ObjectName, u32>,
}

impl Schedule {
    /// Makes a name due at `at`, or earlier where it already was. A name that is being worked on
    /// waits until that is done.
    pub fn add(&mut self, name: ObjectName, at: Instant) {
        if let Some(known) = self.due.get(&name) {
            if *known <= at {
                return;
            }
            self.order.remove(&(*known, name.clone()));
        }
        self.order.insert((at, name.clone()));
        self.due.insert(name, at);
    }

    /// Takes the name that has been due longest and is in nobody's hands.
    pub fn take(&mut self, now: Instant) -> Option<ObjectName> {
        let free = |entry: &&(Instant, ObjectName)| !self.running.contains(&entry.1);
        let (at, name) = self.order.iter().take_while(|(at, _)| *at <= now).find(free)?.clone();
        self.order.remove(&(at, name.clone()));
        self.due.remove(&name);
        self.running.insert(name.clone());
        Some(name)
    }

    /// When the next free name becomes due.
    pub fn next(&self) -> Option<Instant> {
        self.order.iter().find(|(_, name)| !self.running.contains(name)).map(|(at, _)| *at)
    }

    /// Gives a name back after success; it becomes due again after `again`.
    pub fn done(&mut self, name: ObjectName, now: Instant, again: Option<Duration>) {
        self.running.remove(&name);
        self.failures.remove(&name);
        if let Some(wait) = again {
            self.add(name, now + wait);
        }
    }

    /// Gives a name back after a failure; it becomes due again after its back-off, which is
    /// returned.
    pub fn failed(&mut self, name: ObjectName, now: Instant, backoff: &Backoff) -> Duration {
        self.running.remove(&name);
        let failures = self.failures.entry(name.clone()).or_default();
        *failures = failures.saturating_add(1);
        let wait = backoff.wait(*failures, &name);
        self.add(name, now + wait);
        wait
    }

    /// Takes back what is in anybody's hands: they were all stopped.
    pub fn release(&mut self, now: Instant) {
        for name in std::mem::take(&mut self.running) {
            self.add(name, now);
        }
    }

    /// Names that are due by now, in nobody's hands or not.
    pub fn depth(&self, now: Instant) -> usize {
        self.order.iter().take_while(|(at, _)| *at <= now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName { namespace: "ns".to_owned(), name: name.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_added_twice_is_taken_once_at_the_earlier_time() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        schedule.add(name("a"), start + Duration::from_secs(9));
        schedule.add(name("a"), start + Duration::from_secs(1));
        schedule.add(name("a"), start + Duration::from_secs(5));
        assert_eq!(schedule.take(start), None);
        assert_eq!(schedule.next(), Some(start + Duration::from_secs(1)));
        assert_eq!(schedule.take(start + Duration::from_secs(1)), Some(name("a")));
        assert_eq!(schedule.take(start + Duration::from_secs(99)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_in_somebodys_hands_waits_and_is_not_lost() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        schedule.add(name("a"), now);
        assert_eq!(schedule.take(now), Some(name("a")));
        schedule.add(name("a"), now);
        schedule.add(name("b"), now + Duration::from_secs(1));
        assert_eq!(schedule.take(now), None);
        assert_eq!(schedule.next(), Some(now + Duration::from_secs(1)), "b, for a is taken");
        schedule.done(name("a"), now, None);
        assert_eq!(schedule.take(now), Some(name("a")), "the change during the work counts");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_back_off_and_success_forgets_them() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        let mut waits = Vec::new();
        for _ in 0..4 {
            schedule.add(name("a"), now);
            assert_eq!(schedule.take(now), Some(name("a")));
            waits.push(schedule.failed(name("a"), now, &Backoff::OBJECT));
        }
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        schedule.add(name("a"), now);
        assert_eq!(schedule.take(now), Some(name("a")), "a change does not wait for the back-off");
        schedule.done(name("a"), now, None);
        schedule.add(name("a"), now);
        schedule.take(now);
        let wait = schedule.failed(name("a"), now, &Backoff::OBJECT);
        assert!(wait < Duration::from_secs(1), "{wait:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_in_hands_comes_back_after_a_release() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        schedule.add(name("a"), now);
        schedule.take(now);
        schedule.release(now);
        assert_eq!(schedule.take(now), Some(name("a")));
    }
}
