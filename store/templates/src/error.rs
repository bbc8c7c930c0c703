//! Why a template was refused or failed.

/// A template's text or its execution is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct TemplateError {
    /// The template whose text holds the fault.
    pub name: String,
    /// Counted from 1; 0 where the fault has no place.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What kind of fault it is.
    pub kind: FaultKind,
}

/// What the caller may do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The text is no template: refuse it at the edge.
    Syntax,
    /// The text met data or functions that it did not fit.
    Execution,
    /// It wrote, looped or lasted more than allowed.
    Limit,
    /// A function gave up on purpose, to be run again later (see [`CallError::Suspended`]).
    Suspended,
}

/// Why a function or a method refused its call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The arguments do not fit.
    #[error("{0}")]
    Failed(String),
    /// The result is larger than allowed.
    #[error("result exceeds the limit of {0} bytes")]
    TooLarge(usize),
    /// What the function needs is not there yet: the caller of `render` fetches it and renders
    /// again.
    #[error("waiting for {0}")]
    Suspended(String),
}

impl CallError {
    /// A refusal in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}
