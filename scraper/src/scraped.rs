//! What a scrape hands to the sender.

use std::sync::Arc;

use protocol::labels::Labels;
use protocol::sample::{Exemplar, Metadata, stale_nan};

/// One sample on its way to the destination.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapedSample {
    /// Final: target labels, relabelling and external labels are in.
    pub labels: Labels,
    /// Of the labels; keeps all samples of a series in one shard of the queue.
    pub hash: u64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Any bits, the staleness marker included.
    pub value: f64,
    /// At most one a sample in the text formats.
    pub exemplar: Option<Box<Exemplar>>,
    /// Of the metric family, shared by its series.
    pub metadata: Option<Arc<Metadata>>,
}

impl ScrapedSample {
    /// The staleness marker that ends a series.
    pub fn end_of(labels: Labels, hash: u64, timestamp_ms: i64) -> Self {
        Self { labels, hash, timestamp_ms, value: stale_nan(), exemplar: None, metadata: None }
    }
}
