//! What rules and alerts look like from outside, at one moment.

use std::collections::BTreeMap;

use protocol::labels::Labels;

use crate::alerting::Phase;

/// How the last evaluation of a rule went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// Well.
    Ok,
    /// Badly.
    Err,
}

impl Health {
    /// As the API says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Err => "err",
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupStatus {
    /// The namespace.
    pub file: String,
    /// The group.
    pub name: String,
    /// Between two evaluations.
    pub interval_ms: i64,
    /// Of series or alerts a rule; 0: any number.
    pub limit: usize,
    /// How long the last evaluation took.
    pub evaluation_seconds: f64,
    /// When it was, milliseconds since 1970.
    pub last_evaluation_ms: Option<i64>,
    /// In order.
    pub rules: Vec<RuleStatus>,
    /// Counters for `/metrics`.
    pub metrics: GroupMetrics,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleStatus {
    /// Of the series or alerts.
    pub name: String,
    /// The expression.
    pub query: String,
    /// As written.
    pub labels: BTreeMap<String, String>,
    /// How the last evaluation went.
    pub health: Health,
    /// What went wrong.
    pub last_error: Option<String>,
    /// How long it took.
    pub evaluation_seconds: f64,
    /// When it was, milliseconds since 1970.
    pub last_evaluation_ms: Option<i64>,
    /// What only alerting rules have.
    pub alerting: Option<AlertingStatus>,
}

/// What only alerting rules have.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertingStatus {
    /// `None` before the first evaluation.
    pub phase: Option<Phase>,
    /// `for`
    pub hold_ms: i64,
    /// `keep_firing_for`
    pub keep_firing_ms: i64,
    /// As written.
    pub annotations: BTreeMap<String, String>,
    /// Pending and firing alerts.
    pub alerts: Vec<AlertStatus>,
}

/// A pending or firing alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertStatus {
    /// All labels.
    pub labels: Labels,
    /// Expanded.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub phase: Phase,
    /// When it was first seen.
    pub active_at_ms: i64,
    /// Since when only `keep_firing_for` keeps it firing.
    pub keep_firing_since_ms: Option<i64>,
    /// What the expression returned.
    pub value: f64,
}

/// The `prometheus_rule_*` metrics of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupMetrics {
    /// `prometheus_rule_evaluations_total`
    pub evaluations: u64,
    /// `prometheus_rule_evaluation_failures_total`
    pub evaluation_failures: u64,
    /// `prometheus_rule_group_iterations_total`, missed ones included.
    pub iterations: u64,
    /// `prometheus_rule_group_iterations_missed_total`
    pub iterations_missed: u64,
    /// `prometheus_rule_group_last_evaluation_samples`
    pub last_samples: u64,
    /// `prometheus_rule_group_last_restore_duration_seconds`
    pub last_restore_seconds: f64,
    /// `prometheus_rule_group_last_rule_duration_sum_seconds`
    pub last_rule_seconds_sum: f64,
    /// Alerts handed to the alert manager.
    pub alerts_sent: u64,
    /// Deliveries that the alert manager refused.
    pub send_failures: u64,
    /// Writes of alert state that the log refused; the alerts were sent all the same.
    pub journal_failures: u64,
}
