//! Why a reconcile did not get through.

use std::time::Duration;

/// What a failed call to the API server means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiFault {
    /// 409: somebody else wrote, or a name is taken.
    Conflict,
    /// 404: the object, or its whole kind, is not there.
    NotFound,
    /// 410: what was asked for is too old.
    Gone,
    /// 400 or 422: the object as it is will never be taken.
    Invalid,
    /// 401 or 403: rights are missing.
    Forbidden,
    /// 429: too many requests.
    Throttled,
    /// 5xx: the API server has trouble.
    Server,
    /// No answer at all.
    Unreachable,
}

impl ApiFault {
    /// The fault behind an HTTP status.
    pub fn of_code(code: u16) -> Self {
        match code {
            409 => Self::Conflict,
            404 => Self::NotFound,
            410 => Self::Gone,
            400 | 422 => Self::Invalid,
            401 | 403 => Self::Forbidden,
            429 => Self::Throttled,
            _ => Self::Server,
        }
    }

    /// The fault behind an error of the client.
    pub fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_code(status.code),
            kube::Error::SerdeError(_) => Self::Invalid,
            _ => Self::Unreachable,
        }
    }

    /// As it stands in conditions, events and metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Conflict => "ApiConflict",
            Self::NotFound => "ApiNotFound",
            Self::Gone => "ApiGone",
            Self::Invalid => "ApiRefused",
            Self::Forbidden => "ApiForbidden",
            Self::Throttled => "ApiThrottled",
            Self::Server => "ApiServerError",
            Self::Unreachable => "ApiUnreachable",
        }
    }

    /// Whether trying again without any change can help: then the object is reconciling, else it is
    /// stalled. Either is tried again, with back-off.
    pub fn passes(self) -> bool {
        match self {
            Self::Invalid | Self::Forbidden => false,
            Self::Conflict
            | Self::NotFound
            | Self::Gone
            | Self::Throttled
            | Self::Server
            | Self::Unreachable => true,
        }
    }
}

/// Why a reconcile did not get through.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A call to the API server failed.
    #[error("could not {doing}: {message}")]
    Api {
        /// What was tried: `apply Service shop/main-store`.
        doing: String,
        /// What the API server said.
        message: String,
        /// What it means.
        fault: ApiFault,
    },
    /// Something outside the cluster's API failed, a store for example; tried again.
    #[error("{message}")]
    Remote {
        /// One CamelCase word for the condition, the event and the metric.
        reason: &'static str,
        /// What happened, and what cures it.
        message: String,
    },
    /// What is asked for cannot be done until somebody changes something.
    #[error("{message}")]
    Refused {
        /// One CamelCase word for the condition, the event and the metric.
        reason: &'static str,
        /// The culprit and the cure.
        message: String,
    },
    /// The reconcile took longer than its time box.
    #[error("not done after {} s; it goes on with the next try", .0.as_secs())]
    TimedOut(Duration),
}

impl ReconcileError {
    /// For `map_err`: a failed call to the API server.
    pub fn api(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        move |error| Self::Api {
            doing: doing.into(),
            message: api_message(&error),
            fault: ApiFault::of(&error),
        }
    }

    /// One CamelCase word for the condition, the event and the metric.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api { fault, .. } => fault.reason(),
            Self::Remote { reason, .. } | Self::Refused { reason, .. } => reason,
            Self::TimedOut(_) => "TimedOut",
        }
    }

    /// Whether trying again without any change can help.
    pub fn passes(&self) -> bool {
        match self {
            Self::Api { fault, .. } => fault.passes(),
            Self::Remote { .. } | Self::TimedOut(_) => true,
            Self::Refused { .. } => false,
        }
    }
}

/// What the API server said, without the debug print of the whole answer.
pub fn api_message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => {
            format!("{} ({})", status.message, status.code)
        }
        kube::Error::Api(status) => format!("the API server answered {}", status.code),
        kube::Error::Service(source) => format!("no answer from the API server: {source}"),
        other => other.to_string(),
    }
}
