//! One workspace's time series database.
//!
//! A batch is checked ([`ingest`]), logged ([`record`]), put into the head ([`head`]), and later
//! cut
//! into blocks that a manifest names ([`flush`], [`manifest`]). Samples are a set keyed by (series,
//! timestamp): late, repeated and concurrent writes are harmless, and [`precedence`] says who wins.
//! It knows no PromQL, no HTTP, no other tenant.

// What callers use.
pub mod error;
pub mod options;
pub mod outcome;
pub mod querier;
pub mod selection;
pub mod tsdb;

// Samples come in.
pub mod exemplars;
pub mod head;
pub mod head_index;
pub mod head_series;
pub mod ingest;
pub mod metadata;
pub mod postings;
pub mod precedence;
pub mod record;
pub mod replay;

// Samples come to rest.
pub mod block_changes;
pub mod block_footer;
pub mod block_index;
pub mod block_order;
pub mod block_reader;
pub mod block_writer;
pub mod compaction;
pub mod compaction_plan;
pub mod flush;
pub mod label_sets;
pub mod live;
pub mod maintenance;
pub mod manifest;
pub mod page;
pub mod section_cache;

// Bytes.
pub mod decimal;
pub mod histogram_codec;
pub mod label_codec;
pub mod page_codec;
pub mod sample_codec;
pub mod wire;

#[cfg(test)]
mod test_world;
