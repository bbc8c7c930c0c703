//! Errors as AMP's clients read them.
//!
//! The code stands in the header [`ERROR_TYPE_HEADER`] and in the body's `__type`.

use serde::{Deserialize, Serialize};

/// Carries the error's code.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-errortype";

/// Carries the id of a request, on every answer.
pub const REQUEST_ID_HEADER: &str = "x-amzn-requestid";

/// Which error it is: what the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorCode {
    /// Change the request.
    ValidationException,
    /// Ask for permission.
    AccessDeniedException,
    /// It is not there (any more).
    ResourceNotFoundException,
    /// It is there already, busy, or somebody else's.
    ConflictException,
    /// Raise the limit that the message names.
    ServiceQuotaExceededException,
    /// Come again later.
    ThrottlingException,
    /// Our fault; may be tried again.
    InternalServerException,
}

impl ErrorCode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationException => "ValidationException",
            Self::AccessDeniedException => "AccessDeniedException",
            Self::ResourceNotFoundException => "ResourceNotFoundException",
            Self::ConflictException => "ConflictException",
            Self::ServiceQuotaExceededException => "ServiceQuotaExceededException",
            Self::ThrottlingException => "ThrottlingException",
            Self::InternalServerException => "InternalServerException",
        }
    }
}

/// Why a request was not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ValidationReason {
    /// No such operation, here or at all.
    UnknownOperation,
    /// The body is not what it should be.
    CannotParse,
    /// `fieldList` says which fields.
    FieldValidationFailed,
    /// The message says why.
    Other,
}

/// One field that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// Path of the field as it is written in JSON.
    pub name: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl FieldFault {
    /// A fault of a field.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }
}

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Which error.
    #[serde(rename = "__type")]
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// Of a ValidationException.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ValidationReason>,
    /// Of a ValidationException.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_list: Vec<FieldFault>,
    /// The resource in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// `aps`, of quota and throttling errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_code: Option<String>,
    /// The limit's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_code: Option<String>,
    /// Beyond AMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<ErrorExtras>,
}

/// What an error says beyond AMP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorExtras {
    /// Of a ConflictException: who owns the resource, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl ErrorBody {
    /// A code and a message; everything else absent.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            reason: None,
            field_list: Vec::new(),
            resource_id: None,
            resource_type: None,
            service_code: None,
            quota_code: None,
            hearth: None,
        }
    }
}
