//! `status/*`, `features`, `targets`.

use http::StatusCode;
use jiff::Timestamp;
use protocol::features::{Effect, FEATURES};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::http::answer::Answer;
use crate::http::context::Context;

/// Scrapers run outside the store: it has no targets of its own, but whoever runs them in the same
/// process may tell of them, see [`crate::store::Store::set_targets_provider`].
pub fn targets(context: &Context<'_>) -> Answer {
    let told = context.store.targets(context.workspace.id());
    let params = &context.params;
    success(&selected_targets(told, params.value("state"), params.value("scrapePool")))
}

/// The three parts that Prometheus answers, only those of a state and of a pool where named.
fn selected_targets(mut told: Value, state: &str, pool: &str) -> Value {
    let mut list = |name: &str, of: &str| match told[name].take() {
        Value::Array(mut list) if state.is_empty() || state == "any" || state == of => {
            list.retain(|target| pool.is_empty() || target["scrapePool"] == pool);
            Value::Array(list)
        }
        _ => Value::Array(Vec::new()),
    };
    let active = list("activeTargets", "active");
    let dropped = list("droppedTargets", "dropped");
    let counts = match told["droppedTargetCounts"].take() {
        counts @ Value::Object(_) => counts,
        _ => json!({}),
    };
    json!({"activeTargets": active, "droppedTargets": dropped, "droppedTargetCounts": counts})
}

/// What answers. Clients look at the version to know which parts of the API there are.
pub fn build_info(context: &Context<'_>) -> Answer {
    success(&json!({
        // The Prometheus whose API this is.
        "version": "3.14.0",
        "revision": "hearth",
        "branch": "hearth",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
        "application": "hearth",
        "hearthVersion": context.store.settings.version,
    }))
}

/// The configuration of the workspace, as YAML that is also JSON.
pub fn config(context: &Context<'_>) -> Answer {
    let in_force = context.workspace.data.in_force();
    let text = serde_json::to_string_pretty(&in_force.configuration)
        .expect("a configuration is plain data");
    success(&json!({"yaml": text}))
}

/// Settings under the names of Prometheus's flags, as far as they mean something here.
pub fn flags(context: &Context<'_>) -> Answer {
    let in_force = context.workspace.data.in_force();
    let configuration = &in_force.configuration;
    let limits = configuration.limits();
    success(&json!({
        "enable-feature": configuration.features.join(","),
        "query.lookback-delta": "5m",
        "query.max-concurrency": limits.queries_at_once_max.to_string(),
        "query.max-samples": limits.query_samples_max.to_string(),
        "query.timeout": format!("{}s", limits.query_seconds_max),
        "storage.tsdb.retention.time": configuration.retention.to_string(),
        "web.enable-remote-write-receiver": "true",
        "web.external-url": context.store.workspace_url(context.workspace.id()),
    }))
}

/// How the process fares.
pub fn runtime_info(context: &Context<'_>) -> Answer {
    let started = Timestamp::from_millisecond(context.store.started_ms).unwrap_or_default();
    let in_force = context.workspace.data.in_force();
    success(&json!({
        "startTime": started.to_string(),
        "reloadConfigSuccess": true,
        "storageRetention": in_force.configuration.retention.to_string(),
        "workspaceId": context.workspace.id().as_str(),
    }))
}

/// Which features are on, by Prometheus's groups.
pub fn features(context: &Context<'_>) -> Answer {
    let in_force = context.workspace.data.in_force();
    let flags: Map<String, Value> = FEATURES
        .iter()
        .map(|(name, effect)| {
            let on = match effect {
                Effect::AlwaysOn => true,
                Effect::Switch => in_force.configuration.has_feature(name),
                Effect::NotBuilt => false,
            };
            ((*name).to_owned(), Value::Bool(on))
        })
        .collect();
    success(&json!({"prometheus": flags}))
}

/// Prometheus's envelope.
pub fn success(data: &impl Serialize) -> Answer {
    Answer::json(StatusCode::OK, &json!({"status": "success", "data": data}))
}
