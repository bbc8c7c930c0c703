//! Counts of requests, for the store's own metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the duration buckets, seconds: from a cached answer to a query's timeout.
pub const BUCKETS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 5.0, 25.0, 120.0];

/// What is known of one action with one status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Answers.
    pub count: u64,
    /// Seconds in all.
    pub seconds: f64,
    /// Answers within each bound of [`BUCKETS`], each in its own bucket only.
    pub buckets: [u64; BUCKETS.len()],
}

/// All tallies.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    /// By action and status; bounded by the table of routes.
    tallies: Mutex<BTreeMap<(String, u16), Tally>>,
}

impl RequestMetrics {
    /// Counts an answer.
    pub fn count(&self, action: &str, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry((action.to_owned(), status)).or_default();
        tally.count += 1;
        tally.seconds += seconds;
        if let Some(at) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            tally.buckets[at] += 1;
        }
    }

    /// All of them, in order.
    pub fn snapshot(&self) -> BTreeMap<(String, u16), Tally> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
