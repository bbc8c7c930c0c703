//! Asks once, remembers for seconds, and never asks too much.
//!
//! Whoever asks the same at the same time waits for one answer. Different questions run side by
//! side, as many as there are lanes; a stranger who invents tokens keeps at most so many reviews
//! under way.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use world::clock::Clock;

use crate::http::access::remembered::Remembered;
use crate::http::access::reviews::Verdict;

/// A right that was taken away works this much longer; every pod asks the API server this often.
pub const YES_FOR: Duration = Duration::from_secs(10);

/// A right that was just given works after this long.
pub const NO_FOR: Duration = Duration::from_secs(2);

/// While the API server is away, each question is put to it this often.
pub const UNKNOWN_FOR: Duration = Duration::from_secs(1);

/// Reviews under way at once: a review takes milliseconds, so this is thousands a second.
const LANES: usize = 64;

/// For an answer, and for the place in the lane before it. Clients give up after 30 seconds.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Reviews that were asked for, by verdict; what was remembered is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReviewCounts {
    /// Yes.
    pub yes: u64,
    /// No.
    pub no: u64,
    /// No answer.
    pub unknown: u64,
}

/// Verdicts by question.
pub struct Decisions<K, V> {
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered<K, Verdict<V>>>,
    lanes: Vec<tokio::sync::Mutex<()>>,
    counts: Mutex<ReviewCounts>,
}

impl<K: Ord + Hash + Clone, V: Clone> Decisions<K, V> {
    /// Remembers `max` verdicts at most.
    pub fn new(clock: Arc<dyn Clock>, max: usize) -> Self {
        let lanes = (0..LANES).map(|_| tokio::sync::Mutex::new(())).collect();
        let (remembered, counts) = (Mutex::new(Remembered::new(max)), Mutex::default());
        Self { clock, remembered, lanes, counts }
    }

    /// Reviews so far.
    pub fn counts(&self) -> ReviewCounts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The verdict: the one remembered, or what `ask` says now.
    pub async fn get(&self, key: K, ask: impl Future<Output = Verdict<V>>) -> Verdict<V> {
        if let Some(known) = self.known(&key) {
            return known;
        }
        let asked = std::pin::pin!(self.ask_in_lane(key, ask));
        match select(asked, self.clock.sleep(WAIT_MAX).fuse()).await {
            Either::Left((verdict, _)) => verdict,
            Either::Right(_) => Verdict::Unknown(format!(
                "no answer within {} seconds; at most {LANES} reviews are under way at once",
                WAIT_MAX.as_secs()
            )),
        }
    }

    async fn ask_in_lane(&self, key: K, ask: impl Future<Output = Verdict<V>>) -> Verdict<V> {
        let _place = self.lanes[lane(&key)].lock().await;
        // Somebody before us in the lane may have asked the same.
        if let Some(known) = self.known(&key) {
            return known;
        }
        let verdict = ask.await;
        let lifetime = self.count(&verdict);
        let now = self.clock.steady();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.put(key, verdict.clone(), now + lifetime, now);
        verdict
    }

    /// Counts a verdict and says how long it lives.
    fn count(&self, verdict: &Verdict<V>) -> Duration {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, lifetime) = match verdict {
            Verdict::Yes(_) => (&mut counts.yes, YES_FOR),
            Verdict::No(_) => (&mut counts.no, NO_FOR),
            Verdict::Unknown(_) => (&mut counts.unknown, UNKNOWN_FOR),
        };
        *count += 1;
        lifetime
    }

    fn known(&self, key: &K) -> Option<Verdict<V>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(key, self.clock.steady())
    }
}

fn lane(key: &impl Hash) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() % LANES as u64) as usize
}

#[cfg(test)]
mod tests;
