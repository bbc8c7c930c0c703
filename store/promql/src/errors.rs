//! Why a query has no answer.

use crate::source::ReadError;

/// Why a query was refused or given up. Texts are those that clients of Prometheus know.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// The caller must change the query: it cannot be evaluated at all.
    #[error("{0}")]
    Invalid(String),
    /// The query is fine, the data does not fit it.
    #[error("{0}")]
    Execution(String),
    /// Two elements of a vector would have the same labels.
    #[error("vector cannot contain metrics with the same labelset")]
    SameLabelset,
    /// More samples in memory than the budget allows.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples {
        /// The limit.
        samples_max: usize,
    },
    /// More bytes in memory than the budget allows.
    #[error("query processing would load too many bytes into memory (limit {bytes_max})")]
    TooManyBytes {
        /// The limit.
        bytes_max: usize,
    },
    /// The caller lost interest.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// The deadline passed.
    #[error("query timed out in expression evaluation")]
    TimedOut,
    /// A series could not be read.
    #[error("expanding series: {0}")]
    Read(#[from] ReadError),
    /// This part of the language is not there yet.
    #[error("not implemented: {what}")]
    NotImplemented {
        /// Which part.
        what: String,
    },
}

impl EvalError {
    /// An execution error with this text.
    pub fn execution(text: impl Into<String>) -> Self {
        Self::Execution(text.into())
    }
}
