//! One workspace's time series database.
//!
//! A batch is checked ([`ingest`]), logged ([`record`]), put into the head ([`head`]), and later cut
//! into blocks that a manifest names. Samples are a set keyed by (series, timestamp): late, repeated
//! and concurrent writes are harmless, and [`precedence`] says who wins. It knows no PromQL, no
//! HTTP, no other tenant.

pub mod error;
pub mod head;
pub mod head_index;
pub mod head_series;
pub mod histogram_codec;
pub mod ingest;
pub mod options;
pub mod outcome;
pub mod postings;
pub mod precedence;
pub mod record;
pub mod sample_codec;
pub mod selection;
pub mod tsdb;
pub mod wire;

#[cfg(test)]
mod test_world;
