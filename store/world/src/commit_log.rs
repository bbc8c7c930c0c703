//! One log for all streams: append, replay, trim.
//!
//! Samples of each workspace, the catalog of definitions and the alert journals are streams of one
//! log, committed together: one sync, later one object, for all tenants. An append is acknowledged
//! when it is durable, never before.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

/// The name of a stream, for example `samples/ws-...`. At most [`STREAM_NAME_BYTES_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

/// Longest name of a stream: kind, slash, workspace id, and room to spare.
pub const STREAM_NAME_BYTES_MAX: usize = 128;

/// Largest record: one remote write body of 32 MiB decoded, and its framing.
pub const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

impl StreamName {
    /// # Panics
    /// Where the name is empty or longer than [`STREAM_NAME_BYTES_MAX`]: names are made by us.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        assert!(!name.is_empty() && name.len() <= STREAM_NAME_BYTES_MAX, "stream name {name:?}");
        Self(name)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The place of a record in the whole log: grows by one a record, over all streams, for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// Why the log refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The record can never be appended.
    #[error("record of {bytes} bytes exceeds the limit of {RECORD_BYTES_MAX} bytes")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Disk full, broken or read-only. Nothing was acknowledged; the same append may be tried
    /// again.
    #[error("commit log: {0}")]
    Unavailable(String),
    /// Bytes that were acknowledged can no longer be read. Never ignored silently.
    #[error("commit log is damaged: {0}")]
    Damaged(String),
    /// The log is closing.
    #[error("commit log is closed")]
    Closed,
}

/// A record as it comes back from the log.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// Its place.
    pub position: Position,
    /// What was appended.
    pub payload: Bytes,
}

/// Append, replay, trim.
pub trait CommitLog: Send + Sync + 'static {
    /// Resolves when the record is durable. Appends are ordered as these calls were made, and a
    /// later record never becomes durable without the earlier ones.
    fn append(
        &self,
        stream: &StreamName,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Position, LogError>>;

    /// Every durable record of a stream that was not trimmed, oldest first; called before the first
    /// append to that stream. May give records below the trim point: readers keep a mark of their
    /// own.
    ///
    /// # Errors
    /// [`LogError::Damaged`] *after* everything that can still be read was visited, where records
    /// of this stream are or may be lost and were not trimmed. The caller may go on with what it
    /// got, and must say so. Trimming beyond the damage ends it.
    fn replay(
        &self,
        stream: &StreamName,
        visit: &mut dyn FnMut(LogRecord) -> Result<(), LogError>,
    ) -> Result<(), LogError>;

    /// The streams that hold records.
    fn streams(&self) -> Vec<StreamName>;

    /// Says that records of `stream` up to and including `upto` are no longer needed. Space is
    /// given back once no stream needs it.
    fn trim(&self, stream: &StreamName, upto: Position);

    /// Bytes from the oldest record that a stream still needs to the end of the log, for flushing
    /// by age.
    fn pinned_bytes(&self) -> u64;

    /// For each stream the oldest position it still needs, oldest first: who is to be flushed so
    /// that space comes back. A log that never runs out of space need not tell.
    fn pins(&self) -> Vec<(Position, StreamName)> {
        Vec::new()
    }
}
