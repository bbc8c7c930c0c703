//! What a function of a range vector sees at one step.

use protocol::sample::{HistogramSample, Sample};

/// The samples of one series that a function sees at one step.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Never marks of staleness.
    pub floats: &'a [Sample],
    /// Never marks of staleness.
    pub histograms: &'a [HistogramSample],
    /// When the counters of `floats` began, 0 unknown; empty where that is not to be used.
    pub float_starts_ms: &'a [i64],
    /// The same of `histograms`.
    pub histogram_starts_ms: &'a [i64],
    /// The range is open here: a sample at this time is not in it.
    pub start_ms: i64,
    /// The range is closed here.
    pub end_ms: i64,
    /// The step itself.
    pub step_ms: i64,
    /// What is done at the edges.
    pub edges: Edges,
}

/// How a range treats its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Only samples inside count.
    Plain,
    /// The window also holds older samples, whose last stands for the range's start.
    Anchored,
    /// The window also holds older and later samples, to interpolate at both edges.
    Smoothed,
}
