//! Rules, alerts, deliveries, and Alertmanager's API.

use alertmanager::api::{AlertQuery, ApiError as AlertError, PostableSilence, SilenceQuery};
use http::StatusCode;
use jiff::Timestamp;
use rules::api::RulesFilter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::answer::Answer;
use crate::http::context::Context;
use crate::http::data_action::DataAction;
use crate::http::error::ApiError;
use crate::http::status::success;

/// Rule groups with their rules and alerts.
pub fn rules(context: &Context<'_>) -> Result<Answer, ApiError> {
    let refused = |error: rules::api::RulesRequestError| ApiError::BadData(error.to_string());
    let filter = RulesFilter::from_parameters(context.params.pairs()).map_err(refused)?;
    let groups = context.workspace.rules().snapshot();
    Ok(success(&rules::api::rules(&groups, &filter).map_err(refused)?))
}

/// Alerts that are pending or firing.
pub fn alerts(context: &Context<'_>) -> Answer {
    success(&rules::api::alerts(&context.workspace.rules().snapshot()))
}

/// Where alerts go: to the workspace's own alert manager.
pub fn alert_managers(context: &Context<'_>) -> Answer {
    let url = format!(
        "{}alertmanager/api/v2/alerts",
        context.store.workspace_url(context.workspace.id())
    );
    let none: [(); 0] = [];
    success(&json!({"activeAlertmanagers": [{"url": url}], "droppedAlertmanagers": none}))
}

/// How messages to receivers fare since the start. Not Prometheus's: for people and `hearth up`.
pub fn deliveries(context: &Context<'_>) -> Answer {
    let health = context.workspace.alerts.delivery_health();
    let receivers: Vec<Value> = health
        .into_iter()
        .map(|(destination, health)| {
            let mut shown = json!({
                "receiver": destination.receiver,
                "integration": destination.integration,
                "delivered": health.delivered,
                "failed": health.failed,
            });
            let mut tell = |name: &str, value: Option<String>| {
                if let Some(value) = value {
                    shown[name] = Value::String(value);
                }
            };
            tell("lastError", health.last_failure.filter(|_| health.failing));
            tell("lastSuccess", health.last_success_ms.map(shown_time));
            tell("lastFailure", health.last_failure_ms.map(shown_time));
            shown
        })
        .collect();
    ok(&json!({"receivers": receivers}))
}

fn shown_time(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string()
}

/// Everything of Alertmanager's API.
pub async fn alert_manager(action: DataAction, context: &Context<'_>) -> Result<Answer, ApiError> {
    let manager = &context.workspace.alerts;
    let id = context.captures.first().map_or("", String::as_str);
    match action {
        DataAction::AmStatus => Ok(ok(&manager.get_status())),
        DataAction::AmReceivers => Ok(ok(&manager.get_receivers())),
        DataAction::AmListAlerts => Ok(ok(&manager.get_alerts(&alert_query(context)?))),
        DataAction::AmAlertGroups => Ok(ok(&manager.get_groups(&alert_query(context)?))),
        DataAction::AmPostAlerts => {
            let alerts = parsed(context)?;
            manager.post_alerts(alerts).await.map_err(|error| failure(error.into()))?;
            Ok(Answer::empty(StatusCode::OK))
        }
        DataAction::AmListSilences => {
            let query = SilenceQuery::parse(context.params.pairs()).map_err(failure)?;
            Ok(ok(&manager.get_silences(&query)))
        }
        DataAction::AmPutSilence => {
            let silence: PostableSilence = parsed(context)?;
            // In force at once, durable when this returns.
            Ok(ok(&manager.post_silence(silence).await.map_err(failure)?))
        }
        DataAction::AmGetSilence => Ok(ok(&manager.get_silence(id).map_err(failure)?)),
        DataAction::AmDeleteSilence => {
            manager.delete_silence(id).await.map_err(failure)?;
            Ok(Answer::empty(StatusCode::OK))
        }
        DataAction::AmHealthy => Ok(Answer::text(StatusCode::OK, "OK")),
        other => Err(ApiError::Internal(format!("{other:?} is none of the alert manager's"))),
    }
}

fn alert_query(context: &Context<'_>) -> Result<AlertQuery, ApiError> {
    AlertQuery::parse(context.params.pairs()).map_err(failure)
}

fn parsed<T: DeserializeOwned>(context: &Context<'_>) -> Result<T, ApiError> {
    serde_json::from_slice(&context.body)
        .map_err(|error| ApiError::BadData(format!("body is not what it should be: {error}")))
}

fn ok(value: &impl Serialize) -> Answer {
    Answer::json(StatusCode::OK, value)
}

fn failure(error: AlertError) -> ApiError {
    match error {
        AlertError::BadRequest(text) => ApiError::BadData(text),
        AlertError::NotFound => ApiError::NotFound(error.to_string()),
        AlertError::Unavailable(text) => ApiError::Unavailable(text),
    }
}
