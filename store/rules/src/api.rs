//! `/api/v1/rules` and `/api/v1/alerts` in Prometheus's JSON.
//!
//! Only what stands below `data`; the envelope is the HTTP layer's.

use std::collections::BTreeMap;

use promql::parser::parse_metric_selector;
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use serde::Serialize;
use sha2::{Digest, Sha256};
use templates::go_time::Time;

use crate::alerting::Phase;
use crate::status::{AlertStatus, AlertingStatus, GroupStatus, RuleStatus};

/// Why a request is wrong (status 400, `bad_data`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesRequestError {
    /// `type` is neither `alert` nor `record`.
    #[error("not supported value {0:?}")]
    Type(String),
    /// `exclude_alerts` is no truth value.
    #[error("error converting exclude_alerts: {0:?} is neither true nor false")]
    ExcludeAlerts(String),
    /// `group_limit` is no positive number.
    #[error("group_limit needs to be a valid number greater than 0, not {0:?}")]
    GroupLimit(String),
    /// A token without a limit.
    #[error("group_limit needs to be present in order to paginate over the groups")]
    TokenWithoutLimit,
    /// The group at which the page began is gone.
    #[error("invalid group_next_token {0:?}, were rule groups changed?")]
    UnknownToken(String),
    /// `match[]` is no selector.
    #[error("invalid parameter \"match[]\": {0}")]
    Matcher(String),
}

/// What a client wants to see.
#[derive(Clone, Debug, Default)]
pub struct RulesFilter {
    /// Only alerting rules (`true`) or only recording rules (`false`).
    pub only_alerts: Option<bool>,
    /// Names of rules; empty: all.
    pub rule_names: Vec<String>,
    /// Names of groups; empty: all.
    pub groups: Vec<String>,
    /// Namespaces; empty: all.
    pub files: Vec<String>,
    /// A rule fits when its labels fit any of the sets; empty: all.
    pub matchers: Vec<Vec<Matcher>>,
    /// Leave out the alerts of each rule.
    pub exclude_alerts: bool,
    /// Groups a page.
    pub group_limit: Option<usize>,
    /// Where the page begins.
    pub group_next_token: Option<String>,
}

impl RulesFilter {
    /// Reads the parameters of a request; others are passed over, as Prometheus does.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, RulesRequestError> {
        let mut filter = Self::default();
        for (name, value) in parameters {
            match name {
                "type" => filter.only_alerts = only_alerts(value)?,
                "rule_name[]" => filter.rule_names.push(value.to_owned()),
                "rule_group[]" => filter.groups.push(value.to_owned()),
                "file[]" => filter.files.push(value.to_owned()),
                "match[]" => filter.matchers.push(
                    parse_metric_selector(value)
                        .map_err(|error| RulesRequestError::Matcher(error.to_string()))?,
                ),
                "exclude_alerts" => filter.exclude_alerts = truth(value)?,
                "group_limit" => {
                    let limit = value.parse().ok().filter(|limit| *limit > 0);
                    let refused = || RulesRequestError::GroupLimit(value.to_owned());
                    filter.group_limit = Some(limit.ok_or_else(refused)?);
                }
                "group_next_token" if !value.is_empty() => {
                    filter.group_next_token = Some(value.to_owned());
                }
                _ => {}
            }
        }
        if filter.group_next_token.is_some() && filter.group_limit.is_none() {
            return Err(RulesRequestError::TokenWithoutLimit);
        }
        Ok(filter)
    }

    fn takes_group(&self, group: &GroupStatus) -> bool {
        let fits = |wanted: &[String], name: &String| wanted.is_empty() || wanted.contains(name);
        fits(&self.groups, &group.name) && fits(&self.files, &group.file)
    }

    fn takes_rule(&self, rule: &RuleStatus) -> bool {
        let kind = self.only_alerts.is_none_or(|alerts| alerts == rule.alerting.is_some());
        let name = self.rule_names.is_empty() || self.rule_names.contains(&rule.name);
        let labels = Labels::from_pairs(rule.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let fits = |set: &Vec<Matcher>| set.iter().all(|matcher| matcher.matches_labels(&labels));
        kind && name && (self.matchers.is_empty() || self.matchers.iter().any(fits))
    }
}

fn only_alerts(value: &str) -> Result<Option<bool>, RulesRequestError> {
    match value.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "alert" => Ok(Some(true)),
        "record" => Ok(Some(false)),
        _ => Err(RulesRequestError::Type(value.to_owned())),
    }
}

/// Go's `strconv.ParseBool`; empty is false.
fn truth(value: &str) -> Result<bool, RulesRequestError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(RulesRequestError::ExcludeAlerts(value.to_owned())),
    }
}

/// The answer of `/api/v1/rules`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RulesAnswer {
    groups: Vec<GroupAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupAnswer {
    name: String,
    file: String,
    rules: Vec<RuleAnswer>,
    interval: f64,
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum RuleAnswer {
    Alerting(AlertingAnswer),
    Recording(RecordingAnswer),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingAnswer {
    state: &'static str,
    name: String,
    query: String,
    duration: f64,
    keep_firing_for: f64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    alerts: Vec<AlertAnswer>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordingAnswer {
    name: String,
    query: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The answer of `/api/v1/alerts`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertsAnswer {
    alerts: Vec<AlertAnswer>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertAnswer {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

/// The rules that a client asked for. `groups` are sorted by file and name.
pub fn rules(
    groups: &[GroupStatus],
    filter: &RulesFilter,
) -> Result<RulesAnswer, RulesRequestError> {
    let from = match &filter.group_next_token {
        None => 0,
        Some(token) => groups
            .iter()
            .position(|group| token_of(group) == *token)
            .ok_or_else(|| RulesRequestError::UnknownToken(token.clone()))?,
    };
    let mut page = Vec::new();
    for group in groups[from..].iter().filter(|group| filter.takes_group(group)) {
        let rules: Vec<RuleAnswer> = group
            .rules
            .iter()
            .filter(|rule| filter.takes_rule(rule))
            .map(|rule| rule_answer(rule, filter.exclude_alerts))
            .collect();
        if rules.is_empty() {
            continue;
        }
        if filter.group_limit.is_some_and(|limit| page.len() == limit) {
            return Ok(RulesAnswer { groups: page, group_next_token: Some(token_of(group)) });
        }
        page.push(group_answer(group, rules));
    }
    Ok(RulesAnswer { groups: page, group_next_token: None })
}

/// All pending and firing alerts.
pub fn alerts(groups: &[GroupStatus]) -> AlertsAnswer {
    let rules = groups.iter().flat_map(|group| &group.rules);
    let alerts = rules.filter_map(|rule| rule.alerting.as_ref()).flat_map(|rule| &rule.alerts);
    AlertsAnswer { alerts: alerts.map(alert_answer).collect() }
}

/// Names a group in a token.
fn token_of(group: &GroupStatus) -> String {
    hex::encode(Sha256::digest(format!("{};{}", group.file, group.name)))
}

fn group_answer(group: &GroupStatus, rules: Vec<RuleAnswer>) -> GroupAnswer {
    GroupAnswer {
        name: group.name.clone(),
        file: group.file.clone(),
        rules,
        interval: seconds(group.interval_ms),
        limit: group.limit,
        evaluation_time: group.evaluation_seconds,
        last_evaluation: time(group.last_evaluation_ms),
    }
}

fn rule_answer(rule: &RuleStatus, exclude_alerts: bool) -> RuleAnswer {
    let rule = rule.clone();
    let (health, last_evaluation) = (rule.health.as_str(), time(rule.last_evaluation_ms));
    let evaluation_time = rule.evaluation_seconds;
    let RuleStatus { name, query, labels, last_error, alerting, .. } = rule;
    match alerting {
        Some(AlertingStatus { phase, hold_ms, keep_firing_ms, annotations, alerts }) => {
            RuleAnswer::Alerting(AlertingAnswer {
                state: phase.map_or("unknown", Phase::as_str),
                name,
                query,
                duration: seconds(hold_ms),
                keep_firing_for: seconds(keep_firing_ms),
                labels,
                annotations,
                alerts: if exclude_alerts {
                    Vec::new()
                } else {
                    alerts.iter().map(alert_answer).collect()
                },
                health,
                last_error,
                evaluation_time,
                last_evaluation,
                kind: "alerting",
            })
        }
        None => RuleAnswer::Recording(RecordingAnswer {
            name,
            query,
            labels,
            health,
            last_error,
            evaluation_time,
            last_evaluation,
            kind: "recording",
        }),
    }
}

fn alert_answer(alert: &AlertStatus) -> AlertAnswer {
    AlertAnswer {
        labels: alert.labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        annotations: alert.annotations.clone(),
        state: alert.phase.as_str(),
        active_at: time(Some(alert.active_at_ms)),
        keep_firing_since: alert.keep_firing_since_ms.map(|since| time(Some(since))),
        value: exponent(alert.value),
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// RFC 3339 with as many decimals as needed; Go's zero time where there is none.
fn time(millis: Option<i64>) -> String {
    let time = millis.map_or_else(Time::zero, Time::from_millis);
    time.format("2006-01-02T15:04:05.999999999Z07:00")
}

/// Go's `strconv.FormatFloat(value, 'e', -1, 64)`.
fn exponent(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("the format has an exponent");
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests;
