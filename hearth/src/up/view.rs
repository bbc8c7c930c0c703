//! What the terminal shows, gathered from the API.

use check::manifest::ObjectKey;
use scraper::status::{CollectorStatus, Health};
use serde_json::Value;

use crate::up::collectors::Target;
use crate::up::console::View;

/// Adds targets: up, or down with the reason.
pub fn add_targets(view: &mut View, collectors: &[(&ObjectKey, &Target, CollectorStatus)]) {
    for (key, _, status) in collectors {
        for target in &status.targets {
            let what = format!("target   {} {}", target.job, address(&target.url));
            match target.health {
                Health::Unknown => {}
                Health::Up => view.put(what, "up"),
                Health::Down => {
                    let reason = target.last_error.as_deref().unwrap_or("no reason known");
                    view.put(what, format!("down: {reason}"));
                }
            }
        }
        for (job, error) in &status.job_errors {
            view.put(format!("job      {job} of {}", key.name), error.clone());
        }
        if let Some(error) = &status.last_write_error {
            view.put(format!("scraper  {}", key.name), format!("cannot write: {error}"));
        }
        if status.samples_dropped > 0 {
            let dropped = format!("dropped {} samples, its queue was full", status.samples_dropped);
            view.put(format!("queue    {}", key.name), dropped);
        }
    }
}

/// Scheme, host and path without a query, which may hold a secret.
fn address(url: &str) -> &str {
    let end = url.find('?').unwrap_or(url.len());
    &url[..end]
}

/// Adds rules that fail, from `GET .../api/v1/rules`.
pub fn add_rules(view: &mut View, workspace: &str, answer: &Value) {
    for group in items(&answer["data"]["groups"]) {
        for rule in items(&group["rules"]) {
            let name = rule["name"].as_str().unwrap_or_default();
            let group = group["name"].as_str().unwrap_or_default();
            if rule["health"] == "err" {
                let error = rule["lastError"].as_str().unwrap_or("no reason known");
                view.put(
                    format!("rule     {workspace} {group}/{name}"),
                    format!("failing: {error}"),
                );
            }
        }
    }
}

/// Adds alerts that fire, from `GET .../api/v1/alerts`.
pub fn add_alerts(view: &mut View, workspace: &str, answer: &Value) {
    for alert in items(&answer["data"]["alerts"]) {
        let labels = alert["labels"].as_object().into_iter().flatten();
        let labels: Vec<String> = labels
            .filter(|(name, _)| *name != "alertname")
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        let name = alert["labels"]["alertname"].as_str().unwrap_or_default();
        let state = alert["state"].as_str().unwrap_or_default();
        view.put(format!("alert    {workspace} {name} {}", labels.join(" ")), state);
    }
}

/// Adds how deliveries to receivers fare, from `GET .../hearth/deliveries`.
pub fn add_deliveries(view: &mut View, workspace: &str, answer: &Value) {
    for delivery in items(&answer["receivers"]) {
        let text = |field: &str| delivery[field].as_str().unwrap_or_default().to_owned();
        let what = format!("notify   {workspace} {} ({})", text("receiver"), text("integration"));
        match delivery["lastError"].as_str() {
            Some(error) => view.put(what, format!("failing: {error}")),
            None => {
                let sent = delivery["delivered"].as_u64().unwrap_or_default();
                if sent > 0 {
                    view.put(what, format!("delivered {sent}"));
                }
            }
        }
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
