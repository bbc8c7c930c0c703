//! How rules and receivers fare, asked of the data plane.
//!
//! Bounded summaries only: what a status can hold, never what the store can say.

use crds::alert_manager_config::ReceiverHealth;
use crds::rule_group::{FailingRule, GroupHealth};
use protocol::workspace::WorkspaceId;
use serde::Deserialize;

use crate::control::client::{ControlClient, escaped};
use crate::control::error::ControlError;

/// Groups in a status, as its schema has it.
pub const GROUPS_MAX: usize = 50;
/// Failing rules of one group in a status, as its schema has it.
pub const FAILING_MAX: usize = 10;
/// Receivers in a status, as its schema has it.
pub const RECEIVERS_MAX: usize = 20;
/// An error in a status is cut here: a status of many must stay small.
const ERROR_CHARS_MAX: usize = 256;

/// How the rules of one namespace fare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesHealth {
    /// Rules in force.
    pub rules: i64,
    /// Alerts that fire.
    pub firing: i64,
    /// Rules that fail.
    pub failing: i64,
    /// By group, at most [`GROUPS_MAX`], those that fail first.
    pub groups: Vec<GroupHealth>,
}

/// How the rules of one namespace fare.
pub async fn rules(
    client: &ControlClient,
    id: &WorkspaceId,
    namespace: &str,
) -> Result<RulesHealth, ControlError> {
    let path = format!("/workspaces/{id}/api/v1/rules?file[]={}", escaped(namespace));
    let answer: RulesAnswer = client.get(&path.replace("[]", "%5B%5D")).await?;
    Ok(summary(&answer.data.groups))
}

/// How messages to the receivers of a workspace fare.
pub async fn receivers(
    client: &ControlClient,
    id: &WorkspaceId,
) -> Result<Vec<ReceiverHealth>, ControlError> {
    let path = format!("/workspaces/{id}/hearth/deliveries");
    let answer: DeliveriesAnswer = client.get(&path).await?;
    Ok(receiver_summary(answer.receivers))
}

#[derive(Debug, Deserialize)]
struct RulesAnswer {
    data: RulesData,
}

#[derive(Debug, Deserialize)]
struct RulesData {
    groups: Vec<GroupSeen>,
}

#[derive(Debug, Deserialize)]
struct GroupSeen {
    name: String,
    rules: Vec<RuleSeen>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleSeen {
    name: String,
    #[serde(default)]
    health: String,
    last_error: Option<String>,
    #[serde(default)]
    alerts: Vec<AlertSeen>,
}

#[derive(Debug, Deserialize)]
struct AlertSeen {
    state: String,
}

#[derive(Debug, Deserialize)]
struct DeliveriesAnswer {
    receivers: Vec<DeliverySeen>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliverySeen {
    receiver: String,
    integration: String,
    #[serde(default)]
    delivered: u64,
    last_error: Option<String>,
}

fn summary(groups: &[GroupSeen]) -> RulesHealth {
    let mut health = RulesHealth::default();
    for group in groups {
        let failing: Vec<&RuleSeen> = group.rules.iter().filter(|r| r.health == "err").collect();
        let alerts = group.rules.iter().flat_map(|rule| &rule.alerts);
        health.rules += group.rules.len() as i64;
        health.firing += alerts.filter(|alert| alert.state == "firing").count() as i64;
        health.failing += failing.len() as i64;
        let word = if !failing.is_empty() {
            "err"
        } else if group.rules.iter().any(|rule| rule.health == "unknown") {
            "unknown"
        } else {
            "ok"
        };
        let failing = failing.into_iter().take(FAILING_MAX).map(|rule| FailingRule {
            rule: rule.name.clone(),
            error: cut(rule.last_error.as_deref().unwrap_or("no reason known")),
        });
        health.groups.push(GroupHealth {
            name: group.name.clone(),
            rules: group.rules.len() as i64,
            health: word.to_owned(),
            failing: failing.collect(),
        });
    }
    if health.groups.len() > GROUPS_MAX {
        health.groups.sort_by_key(|group| group.health != "err");
        health.groups.truncate(GROUPS_MAX);
    }
    health
}

fn receiver_summary(seen: Vec<DeliverySeen>) -> Vec<ReceiverHealth> {
    let one = |seen: DeliverySeen| {
        let health = match (&seen.last_error, seen.delivered) {
            (Some(_), _) => "failing",
            (None, 0) => "unknown",
            (None, _) => "ok",
        };
        ReceiverHealth {
            name: seen.receiver,
            integration: seen.integration,
            health: health.to_owned(),
            last_error: seen.last_error.as_deref().map(cut),
        }
    };
    let mut receivers: Vec<ReceiverHealth> = seen.into_iter().map(one).collect();
    receivers.sort_by(|a, b| {
        let key =
            |r: &ReceiverHealth| (r.health != "failing", r.name.clone(), r.integration.clone());
        key(a).cmp(&key(b))
    });
    receivers.truncate(RECEIVERS_MAX);
    receivers
}

/// A text as short as a status wants it.
pub fn cut(text: &str) -> String {
    if text.chars().count() <= ERROR_CHARS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(ERROR_CHARS_MAX - 3).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_counted_and_failures_named() {
        let answer = json!({"status": "success", "data": {"groups": [
            {"name": "a", "file": "x", "interval": 60, "rules": [
                {"name": "Down", "health": "ok", "type": "alerting", "alerts": [
                    {"state": "firing", "labels": {}}, {"state": "pending", "labels": {}}]},
                {"name": "r", "health": "err", "lastError": "many-to-many", "type": "recording"}]},
            {"name": "b", "rules": [{"name": "new", "health": "unknown"}]},
        ]}});
        let answer: RulesAnswer = serde_json::from_value(answer).expect("Prometheus's shape");
        let health = summary(&answer.data.groups);
        assert_eq!((health.rules, health.firing, health.failing), (3, 1, 1));
        assert_eq!(health.groups[0].health, "err");
        assert_eq!(health.groups[0].failing[0].error, "many-to-many");
        assert_eq!(health.groups[1].health, "unknown");
    }

    #[test]
    fn a_status_never_holds_more_than_its_schema_takes() {
        let rule = |health: &str| RuleSeen {
            name: "r".into(),
            health: health.into(),
            last_error: Some("x".repeat(5000)),
            alerts: Vec::new(),
        };
        let group = |n: usize| GroupSeen {
            name: n.to_string(),
            rules: (0..30).map(|_| rule(if n == 59 { "err" } else { "ok" })).collect(),
        };
        let health = summary(&(0..60).map(group).collect::<Vec<_>>());
        assert_eq!(health.groups.len(), GROUPS_MAX);
        assert_eq!(health.groups[0].name, "59", "what fails is not cut off");
        assert_eq!(health.groups[0].failing.len(), FAILING_MAX);
        assert!(health.groups[0].failing[0].error.len() <= ERROR_CHARS_MAX);
        assert_eq!(health.rules, 1800);
    }

    #[test]
    fn receivers_say_whether_anything_arrived() {
        let answer = json!({"receivers": [
            {"receiver": "a", "integration": "webhook", "delivered": 3, "failed": 0},
            {"receiver": "b", "integration": "sns", "delivered": 0, "failed": 0},
            {"receiver": "c", "integration": "webhook", "delivered": 1, "lastError": "refused"},
        ]});
        let answer: DeliveriesAnswer = serde_json::from_value(answer).expect("the store's shape");
        let found = receiver_summary(answer.receivers);
        let words: Vec<_> = found.iter().map(|r| (r.name.as_str(), r.health.as_str())).collect();
        assert_eq!(words, [("c", "failing"), ("a", "ok"), ("b", "unknown")]);
    }
}
