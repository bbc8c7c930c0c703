//! Errors of the control API and their statuses.

use http::StatusCode;
use http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use protocol::amp_api::error::{
    ERROR_TYPE_HEADER, ErrorBody, ErrorCode, ErrorExtras, FieldFault, ValidationReason,
};

use crate::catalog::error::CatalogError;
use crate::http::answer::Answer;

/// Kind of a resource, as AMP names it in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A workspace.
    Workspace,
    /// A rule groups namespace.
    RuleGroupsNamespace,
    /// An alert manager definition.
    AlertManagerDefinition,
    /// A secret.
    Secret,
}

impl Kind {
    /// As it stands in `resourceType`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::RuleGroupsNamespace => "rulegroupsnamespace",
            Self::AlertManagerDefinition => "alertmanagerdefinition",
            Self::Secret => "secret",
        }
    }
}

/// By what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Fields are not valid.
    #[error("{}", join(.0))]
    Fields(Vec<FieldFault>),
    /// The body is not JSON.
    #[error("the body is not valid JSON: {0}")]
    CannotParse(String),
    /// The request makes no sense for another reason.
    #[error("{0}")]
    Invalid(String),
    /// No operation of this method and path.
    #[error("{0}")]
    UnknownOperation(String),
    /// An operation of AMP that is not there yet.
    #[error("{0} is not built yet")]
    NotBuilt(String),
    /// Not there.
    #[error("{} {id} does not exist", kind.as_str())]
    NotFound {
        /// What kind.
        kind: Kind,
        /// Which.
        id: String,
    },
    /// There already.
    #[error("{} {id} exists already", kind.as_str())]
    Exists {
        /// What kind.
        kind: Kind,
        /// Which.
        id: String,
    },
    /// Somebody else's.
    #[error("{} {id} is owned by {owner}; only its owner may change it", kind.as_str())]
    Owned {
        /// What kind.
        kind: Kind,
        /// Which.
        id: String,
        /// Who owns it.
        owner: String,
    },
    /// A limit of the workspace.
    #[error("limit {limit} of {value} would be exceeded; raise it in the workspace configuration")]
    Quota {
        /// Its name.
        limit: &'static str,
        /// Its value.
        value: u64,
        /// What it is about.
        kind: Kind,
        /// Which.
        id: String,
    },
    /// The body is larger than any valid one.
    #[error("the body exceeds the limit of {limit} bytes")]
    BodyTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// Say who you are.
    #[error("{0}")]
    Unauthenticated(String),
    /// Not allowed.
    #[error("{0}")]
    Denied(String),
    /// Who may come in cannot be found out; try again.
    #[error("{0}")]
    Unavailable(String),
    /// Our fault, or the disk's.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A defect of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ControlError {
    /// One field is not valid.
    pub fn field(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldFault::new(name, message)])
    }

    /// The answer: code, status, body.
    pub fn answer(&self) -> Answer {
        let (code, reason) = self.code();
        let mut body = ErrorBody::new(code, self.to_string());
        body.reason = reason;
        if let Self::Fields(faults) = self {
            body.field_list.clone_from(faults);
        }
        if let Some((kind, id)) = self.resource() {
            body.resource_type = Some(kind.as_str().to_owned());
            body.resource_id = Some(id.to_owned());
        }
        if let Self::Owned { owner, .. } = self {
            body.hearth = Some(ErrorExtras { owner: Some(owner.clone()) });
        }
        if let Self::Quota { limit, .. } = self {
            body.service_code = Some("aps".to_owned());
            body.quota_code = Some((*limit).to_owned());
        }
        let answer = Answer::json(self.status(code), &body)
            .with(HeaderName::from_static(ERROR_TYPE_HEADER), code.as_str());
        match (self, code) {
            (Self::Unauthenticated(_), _) => answer.with(WWW_AUTHENTICATE, "Bearer"),
            (_, ErrorCode::InternalServerException) => answer.with(RETRY_AFTER, "1"),
            _ => answer,
        }
    }

    /// AMP knows callers by their signatures and has no word for these two: its code under HTTP's
    /// own status.
    const fn status(&self, code: ErrorCode) -> StatusCode {
        match self {
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => status(code),
        }
    }

    #[allow(clippy::enum_glob_use, reason = "a table of codes reads best without prefixes")]
    const fn code(&self) -> (ErrorCode, Option<ValidationReason>) {
        use ErrorCode::*;
        match self {
            Self::Fields(_) => (ValidationException, Some(ValidationReason::FieldValidationFailed)),
            Self::CannotParse(_) => (ValidationException, Some(ValidationReason::CannotParse)),
            Self::Invalid(_) | Self::BodyTooLarge { .. } => {
                (ValidationException, Some(ValidationReason::Other))
            }
            Self::UnknownOperation(_) | Self::NotBuilt(_) => {
                (ValidationException, Some(ValidationReason::UnknownOperation))
            }
            Self::NotFound { .. } => (ResourceNotFoundException, None),
            Self::Exists { .. } | Self::Owned { .. } | Self::Catalog(CatalogError::TokenReused) => {
                (ConflictException, None)
            }
            Self::Quota { .. } => (ServiceQuotaExceededException, None),
            Self::Unauthenticated(_) | Self::Denied(_) => (AccessDeniedException, None),
            Self::Catalog(_) | Self::Internal(_) | Self::Unavailable(_) => {
                (InternalServerException, None)
            }
        }
    }

    fn resource(&self) -> Option<(Kind, &str)> {
        match self {
            Self::NotFound { kind, id }
            | Self::Exists { kind, id }
            | Self::Owned { kind, id, .. }
            | Self::Quota { kind, id, .. } => Some((*kind, id)),
            _ => None,
        }
    }
}

/// AMP's status of each error.
const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::ValidationException => StatusCode::BAD_REQUEST,
        ErrorCode::AccessDeniedException => StatusCode::FORBIDDEN,
        ErrorCode::ResourceNotFoundException => StatusCode::NOT_FOUND,
        ErrorCode::ConflictException => StatusCode::CONFLICT,
        ErrorCode::ServiceQuotaExceededException => StatusCode::PAYMENT_REQUIRED,
        ErrorCode::ThrottlingException => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::InternalServerException => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A path that is none of the control API's: AMP's body under HTTP's own status.
pub fn no_such_path(message: &str) -> Answer {
    let mut answer = ControlError::UnknownOperation(message.to_owned()).answer();
    answer.status = StatusCode::NOT_FOUND;
    answer
}

/// A path of the control API that has no such method: AMP's body under HTTP's own status.
pub fn wrong_method(message: &str, allowed: &[&str]) -> Answer {
    let mut answer = ControlError::UnknownOperation(message.to_owned()).answer();
    answer.status = StatusCode::METHOD_NOT_ALLOWED;
    answer.with(ALLOW, &allowed.join(", "))
}

fn join(faults: &[FieldFault]) -> String {
    let faults: Vec<_> =
        faults.iter().map(|fault| format!("{}: {}", fault.name, fault.message)).collect();
    faults.join("; ")
}
