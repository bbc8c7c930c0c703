//! What can go wrong, by what the caller does next.

use world::bucket::BucketError;
use world::commit_log::LogError;

use crate::wire::Malformed;

/// Why the database did not do as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TsdbError {
    /// Nothing was written or read; the same call may be tried again.
    #[error("storage is unavailable, try again: {0}")]
    Unavailable(String),
    /// The batch can never be written as it is: send it in parts.
    #[error("batch of {bytes} bytes in the log exceeds the limit of {bytes_max}, send it in parts")]
    BatchTooLarge {
        /// As it would stand in the log.
        bytes: usize,
        /// The log's limit.
        bytes_max: usize,
    },
    /// The query needs more than its budget: narrow it, or raise the limit.
    #[error("query needs more than {limit} = {max}, narrow its matchers or its time range")]
    OverBudget {
        /// The limit's name.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// Stored bytes are not what was written: call us.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which object or record.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Stored by a newer version: run that one.
    #[error("{what} has format version {found}, this program reads up to {known}, use a newer one")]
    TooNew {
        /// Which object or record.
        what: String,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// Another process writes to the same database: stop this one.
    #[error("another process wrote {0:?}: two processes use one database, stop one of them")]
    Superseded(String),
    /// The database is closed.
    #[error("database is closed")]
    Closed,
}

impl TsdbError {
    /// Bytes that do not decode, with the name of what holds them.
    pub fn malformed(what: impl Into<String>, cause: Malformed) -> Self {
        Self::Damaged { what: what.into(), reason: cause.to_string() }
    }
}

impl From<LogError> for TsdbError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::RecordTooLarge { bytes } => {
                Self::BatchTooLarge { bytes, bytes_max: world::commit_log::RECORD_BYTES_MAX }
            }
            LogError::Unavailable(reason) => Self::Unavailable(reason),
            LogError::Damaged(reason) => Self::Damaged { what: "commit log".into(), reason },
            LogError::Closed => Self::Closed,
        }
    }
}

impl From<BucketError> for TsdbError {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::Unavailable(reason) => Self::Unavailable(reason),
            BucketError::NotFound(name) => {
                Self::Damaged { what: format!("object {name:?}"), reason: "it is missing".into() }
            }
            BucketError::OutOfRange { name, offset, end } => Self::Damaged {
                what: format!("object {name:?}"),
                reason: format!("it has no bytes {offset}..{end}"),
            },
        }
    }
}
