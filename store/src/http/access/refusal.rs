//! Why a request does not come in.

use crate::control::error::ControlError;
use crate::http::error::ApiError;

/// By what the caller does next. The words tell the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Say who you are.
    #[error("{0}")]
    Unauthenticated(String),
    /// Ask for the right.
    #[error("{0}")]
    Denied(String),
    /// Try again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated(message) => Self::Unauthenticated(message),
            Refusal::Denied(message) => Self::Denied(message),
            Refusal::Unavailable(message) => Self::Unavailable(message),
        }
    }
}

impl From<Refusal> for ControlError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated(message) => Self::Unauthenticated(message),
            Refusal::Denied(message) => Self::Denied(message),
            Refusal::Unavailable(message) => Self::Unavailable(message),
        }
    }
}
