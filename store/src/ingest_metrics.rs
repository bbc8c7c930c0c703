//! Counts of what a workspace took and refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tsdb::outcome::AppendOutcome;

/// The reason under which series are counted that were no valid series at all.
const INVALID_SERIES: &str = "label_invalid";

/// The reason under which samples are counted that came too fast, in AMP's word.
const RATE_LIMITED: &str = "rate_limited";

/// The counts since the workspace was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestCounts {
    /// Float samples written.
    pub samples: u64,
    /// Native histograms written.
    pub histograms: u64,
    /// Exemplars kept.
    pub exemplars: u64,
    /// Requests.
    pub requests: u64,
    /// Refused samples by reason; the reasons are a fixed list.
    pub refused: BTreeMap<&'static str, u64>,
}

impl IngestCounts {
    fn add(&mut self, outcome: &AppendOutcome) {
        self.samples += outcome.samples;
        self.histograms += outcome.histograms;
        self.exemplars += outcome.exemplars;
        for (reason, refused) in &outcome.refused_counts {
            *self.refused.entry(reason).or_default() += refused;
        }
    }
}

/// Counts of one workspace.
#[derive(Debug, Default)]
pub struct IngestMetrics {
    counts: Mutex<IngestCounts>,
}

impl IngestMetrics {
    /// Counts what rules wrote.
    pub fn count_rules(&self, outcome: &AppendOutcome) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.add(outcome);
    }

    /// Counts one request.
    pub fn count(&self, outcome: &AppendOutcome, invalid_series: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.requests += 1;
        counts.add(outcome);
        if invalid_series > 0 {
            *counts.refused.entry(INVALID_SERIES).or_default() += invalid_series;
        }
    }

    /// Counts a request that was refused as a whole since it came too early.
    pub fn count_rate_limited(&self, samples: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.requests += 1;
        *counts.refused.entry(RATE_LIMITED).or_default() += samples;
    }

    /// The counts now.
    pub fn snapshot(&self) -> IngestCounts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
