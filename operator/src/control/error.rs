//! Why a store did not do what it was asked.
//!
//! By what the caller does next.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use protocol::amp_api::error::{ErrorBody, ErrorCode, FieldFault};

/// An answer that is no error of the API is quoted up to here.
const QUOTED_CHARS_MAX: usize = 200;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It is somebody else's, or there already.
    #[error("ConflictException: {message}")]
    Conflict {
        /// As the store says it.
        message: String,
        /// Who owns it, where that is the reason.
        owner: Option<String>,
    },
    /// The request must be changed.
    #[error("ValidationException: {message}{}", shown(.fields))]
    Invalid {
        /// As the store says it.
        message: String,
        /// Which fields, where it says so.
        fields: Vec<FieldFault>,
    },
    /// A limit must be raised.
    #[error("ServiceQuotaExceededException: {message}")]
    Quota {
        /// As the store says it.
        message: String,
    },
    /// It is not there.
    #[error("ResourceNotFoundException: {message}")]
    NotFound {
        /// As the store says it.
        message: String,
    },
    /// Come again later.
    #[error("ThrottlingException: {message}")]
    Throttled {
        /// As the store says it.
        message: String,
        /// When, where it says so.
        retry_after: Option<Duration>,
    },
    /// Permission is missing.
    #[error("AccessDeniedException: {message}")]
    Forbidden {
        /// As the store says it.
        message: String,
    },
    /// No answer, or one that says that there will be one later.
    #[error("the store does not answer: {message}")]
    Unreachable {
        /// What was seen.
        message: String,
    },
    /// An answer that makes no sense.
    #[error("the store answers what nobody expects: {message}")]
    Unexpected {
        /// What was seen.
        message: String,
    },
}

impl ControlError {
    /// Whether waiting may help without anybody changing anything.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unreachable { .. })
    }

    /// The word for conditions and events.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "Conflicted",
            Self::Invalid { .. } => "Invalid",
            Self::Quota { .. } => "QuotaExceeded",
            Self::NotFound { .. } => "NotFound",
            Self::Throttled { .. } => "Throttled",
            Self::Forbidden { .. } => "Forbidden",
            Self::Unreachable { .. } => "StoreUnreachable",
            Self::Unexpected { .. } => "StoreError",
        }
    }

    /// What an answer that is no success means.
    pub fn from_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let Ok(error) = serde_json::from_slice::<ErrorBody>(body) else {
            return Self::from_status(status, body);
        };
        let ErrorBody { code, message, field_list: fields, hearth, .. } = error;
        match code {
            ErrorCode::ValidationException => Self::Invalid { message, fields },
            ErrorCode::AccessDeniedException => Self::Forbidden { message },
            ErrorCode::ResourceNotFoundException => Self::NotFound { message },
            ErrorCode::ConflictException => {
                Self::Conflict { message, owner: hearth.and_then(|extras| extras.owner) }
            }
            ErrorCode::ServiceQuotaExceededException => Self::Quota { message },
            ErrorCode::ThrottlingException => {
                Self::Throttled { message, retry_after: retry_after(headers) }
            }
            ErrorCode::InternalServerException => Self::Unreachable { message },
        }
    }

    /// Of an answer in another dialect: a proxy's, the data plane's.
    fn from_status(status: StatusCode, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text: String = text.trim().chars().take(QUOTED_CHARS_MAX).collect();
        let message = format!("{status}: {text}");
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Forbidden { message },
            StatusCode::NOT_FOUND => Self::NotFound { message },
            StatusCode::TOO_MANY_REQUESTS => Self::Throttled { message, retry_after: None },
            status if status.is_server_error() => Self::Unreachable { message },
            _ => Self::Unexpected { message },
        }
    }
}

/// The seconds of a `Retry-After`.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The faults of fields, unless the message is made of them already.
fn shown(fields: &[FieldFault]) -> String {
    let fields: Vec<String> = fields.iter().map(|f| format!("{}: {}", f.name, f.message)).collect();
    if fields.is_empty() { String::new() } else { format!(" ({})", fields.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ControlError {
        let status = StatusCode::from_u16(status).expect("a status");
        ControlError::from_answer(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn a_conflict_names_the_owner() {
        let body = r#"{"__type":"ConflictException","message":"workspace ws-1 is owned by api",
            "hearth":{"owner":"api"}}"#;
        match read(409, body) {
            ControlError::Conflict { owner, .. } => assert_eq!(owner.as_deref(), Some("api")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_of_another_dialect_is_told_by_its_status() {
        assert_eq!(read(503, "starting").reason(), "StoreUnreachable");
        assert_eq!(read(401, "no token").reason(), "Forbidden");
        assert_eq!(read(302, "elsewhere").reason(), "StoreError");
        assert!(read(502, &"x".repeat(5000)).to_string().len() < 300);
    }
}
