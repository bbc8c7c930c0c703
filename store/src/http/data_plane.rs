//! The data plane: from request to action.
//!
//! Finds the workspace, reads the body, calls the action.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use crate::http::answer::Answer;
use crate::http::body;
use crate::http::context::Context;
use crate::http::data_action::DataAction;
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::routes::Scope;
use crate::http::{alerting, ingest, labels, metadata, query, status};
use crate::store::Store;
use crate::workspace::Workspace;
use crate::workspaces::Unopened;

/// A request of the data plane.
#[derive(Clone, Debug)]
pub struct DataRequest<'a> {
    /// What is asked.
    pub action: DataAction,
    /// Of which workspace.
    pub scope: Scope,
    /// What the path named besides.
    pub captures: Vec<String>,
    /// Headers and query string.
    pub parts: &'a Parts,
}

/// Answers a request.
pub async fn answer(store: &Arc<Store>, request: DataRequest<'_>, body: Body) -> Answer {
    let action = request.action;
    match act(store, request, body).await {
        Ok(answer) => answer,
        Err(error) => error_answer(action, &error),
    }
}

/// An error in the shape of the API that was asked.
pub fn error_answer(action: DataAction, error: &ApiError) -> Answer {
    match action {
        DataAction::RemoteWrite => error.text_answer(),
        _ if action.is_alert_manager() => error.json_string_answer(),
        _ => error.answer(),
    }
}

async fn act(store: &Arc<Store>, request: DataRequest<'_>, body: Body) -> Result<Answer, ApiError> {
    let DataRequest { action, scope, captures, parts } = request;
    let workspace = workspace(store, &scope).await?;
    let mut params = Params::parse(parts.uri.query().unwrap_or(""));
    let limit = match action {
        DataAction::RemoteWrite | DataAction::OtlpMetrics => body::WRITE_BYTES_MAX,
        DataAction::AmPostAlerts => body::ALERTS_BYTES_MAX,
        _ => body::FORM_BYTES_MAX,
    };
    let mut body = body::read(&parts.headers, body, limit).await?;
    if action.takes_form() && parts.method == Method::POST {
        check_form(parts, &body)?;
        params.extend(&String::from_utf8_lossy(&body));
        body = Bytes::new();
    }
    let context = Context { store, workspace, params, captures, body, parts };
    dispatch(action, context).await
}

fn check_form(parts: &Parts, body: &[u8]) -> Result<(), ApiError> {
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form =
        media_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    if is_form || body.is_empty() {
        Ok(())
    } else {
        Err(ApiError::UnsupportedMediaType(
            "the body must be a form: application/x-www-form-urlencoded".to_owned(),
        ))
    }
}

async fn workspace(store: &Arc<Store>, scope: &Scope) -> Result<Arc<Workspace>, ApiError> {
    let id = match scope {
        Scope::Workspace(text) => {
            let missing = |_| ApiError::NotFound(Unopened::Missing(shortened(text)).to_string());
            text.parse().map_err(missing)?
        }
        Scope::Default | Scope::Process => store.default_workspace().ok_or_else(|| {
            ApiError::NotFound(
                "no workspace answers here; use /workspaces/{workspaceId}/api/v1/...".to_owned(),
            )
        })?,
    };
    store.workspaces.get(&id).await.map_err(|unopened| match unopened {
        Unopened::Missing(_) => ApiError::NotFound(unopened.to_string()),
        Unopened::Failed { .. } => ApiError::Unavailable(unopened.to_string()),
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

async fn dispatch(action: DataAction, context: Context<'_>) -> Result<Answer, ApiError> {
    match action {
        DataAction::RemoteWrite => ingest::remote_write(&context).await,
        DataAction::Query => query::instant(&context).await,
        DataAction::QueryRange => query::range(&context).await,
        DataAction::QueryExemplars => metadata::exemplars(&context),
        DataAction::Metadata => metadata::metadata(&context),
        DataAction::StatusTsdb => metadata::tsdb_status(&context).await,
        DataAction::FormatQuery => query::format(&context),
        DataAction::ParseQuery => query::parse(&context),
        DataAction::Series => labels::series(&context).await,
        DataAction::Labels => labels::names(&context).await,
        DataAction::LabelValues => labels::values(&context).await,
        DataAction::Rules => alerting::rules(&context),
        DataAction::Alerts => Ok(alerting::alerts(&context)),
        DataAction::AlertManagers => Ok(alerting::alert_managers(&context)),
        action if action.is_alert_manager() => alerting::alert_manager(action, &context).await,
        DataAction::Deliveries => Ok(alerting::deliveries(&context)),
        DataAction::Targets => Ok(status::targets(&context)),
        DataAction::BuildInfo => Ok(status::build_info(&context)),
        DataAction::StatusConfig => Ok(status::config(&context)),
        DataAction::StatusFlags => Ok(status::flags(&context)),
        DataAction::RuntimeInfo => Ok(status::runtime_info(&context)),
        DataAction::Features => Ok(status::features(&context)),
        DataAction::Federate => Err(ApiError::NotBuilt("federation (/federate)".to_owned())),
        DataAction::NotBuilt | DataAction::OtlpMetrics => {
            Err(ApiError::NotBuilt(shortened(context.parts.uri.path())))
        }
        action => Err(ApiError::Internal(format!("{action:?} is served nowhere"))),
    }
}
