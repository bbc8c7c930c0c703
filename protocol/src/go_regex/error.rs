//! Why a pattern is refused.

/// Why a pattern was refused, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub struct GoRegexError(pub(super) String);

impl GoRegexError {
    /// What is wrong, and the part of the pattern that is.
    pub(super) fn new(reason: &str, part: &str) -> Self {
        Self(format!("{reason}: `{part}`"))
    }
}
