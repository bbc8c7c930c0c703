//! Errors of the data plane and their statuses.

use std::time::Duration;

use http::StatusCode;
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use crate::http::answer::Answer;
use crate::http::body::BodyFault;

/// By what the caller does next. The words in `errorType` are Prometheus's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Change the request.
    #[error("{0}")]
    BadData(String),
    /// The query cannot be answered.
    #[error("{0}")]
    Execution(String),
    /// The query took too long.
    #[error("{0}")]
    Timeout(String),
    /// Nobody waits any more.
    #[error("{0}")]
    Canceled(String),
    /// Say who you are.
    #[error("{0}")]
    Unauthenticated(String),
    /// Not allowed to that one.
    #[error("{0}")]
    Denied(String),
    /// Not there.
    #[error("{0}")]
    NotFound(String),
    /// No such method on this path.
    #[error("method not allowed here; allowed: {}", .0.join(", "))]
    WrongMethod(Vec<&'static str>),
    /// Known, and not there yet.
    #[error("{0} is not built yet")]
    NotBuilt(String),
    /// The body's type or encoding is none of ours.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// The body is too large.
    #[error("{0}")]
    TooLarge(String),
    /// A limit that is free again soon.
    #[error("{0}")]
    TooManyRequests(String),
    /// Too much in too short a time.
    #[error("{message}")]
    RateLimited {
        /// The limit and what exceeded it.
        message: String,
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// The log, the disk or the bucket; try again.
    #[error("{0}")]
    Unavailable(String),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

impl ApiError {
    /// The status and Prometheus's word.
    pub const fn code(&self) -> (u16, &'static str) {
        match self {
            Self::BadData(_) => (400, "bad_data"),
            Self::Execution(_) => (422, "execution"),
            Self::Timeout(_) => (503, "timeout"),
            Self::Canceled(_) => (499, "canceled"),
            Self::Unauthenticated(_) => (401, "unauthorized"),
            Self::Denied(_) => (403, "forbidden"),
            Self::NotFound(_) => (404, "not_found"),
            Self::WrongMethod(_) => (405, "bad_data"),
            Self::NotBuilt(_) => (501, "not_implemented"),
            Self::UnsupportedMediaType(_) => (415, "bad_data"),
            Self::TooLarge(_) => (413, "bad_data"),
            Self::TooManyRequests(_) | Self::RateLimited { .. } => (429, "too_many_requests"),
            Self::Unavailable(_) => (503, "unavailable"),
            Self::Internal(_) => (500, "internal"),
        }
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code().0).expect("the table holds valid statuses")
    }

    /// As Prometheus's API tells it.
    pub fn answer(&self) -> Answer {
        let (_, kind) = self.code();
        let body = json!({"status": "error", "errorType": kind, "error": self.to_string()});
        self.with_hints(Answer::json(self.status(), &body))
    }

    /// As remote write tells it: a line of text.
    pub fn text_answer(&self) -> Answer {
        self.with_hints(Answer::text(self.status(), format!("{self}\n")))
    }

    /// As Alertmanager's API tells it: a JSON string.
    pub fn json_string_answer(&self) -> Answer {
        self.with_hints(Answer::json(self.status(), &self.to_string()))
    }

    fn with_hints(&self, answer: Answer) -> Answer {
        match self {
            Self::Unauthenticated(_) => answer.with(WWW_AUTHENTICATE, "Bearer"),
            Self::WrongMethod(allowed) => answer.with(ALLOW, &allowed.join(", ")),
            Self::RateLimited { retry_after, .. } => {
                // Whole seconds, rounded up: earlier would be refused again.
                let seconds = retry_after.as_millis().div_ceil(1000).max(1);
                answer.with(RETRY_AFTER, &seconds.to_string())
            }
            Self::TooManyRequests(_) | Self::Unavailable(_) => answer.with(RETRY_AFTER, "1"),
            _ => answer,
        }
    }

    /// A parameter that is not what it should be, in Prometheus's words.
    pub fn parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter \"{name}\": {reason}"))
    }
}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge { .. } => Self::TooLarge(fault.to_string()),
            BodyFault::Broken(_) => Self::BadData(fault.to_string()),
        }
    }
}
