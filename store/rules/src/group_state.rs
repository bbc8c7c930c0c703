//! What a group remembers between evaluations.

use std::collections::{BTreeMap, BTreeSet};

use protocol::labels::Labels;

use crate::alerting::{Alert, AlertingState, Phase};
use crate::spec::{GroupSpec, RuleSpec, RuleSpecKind};
use crate::status::{AlertStatus, AlertingStatus, GroupMetrics, GroupStatus, Health, RuleStatus};

/// What a rule remembers.
#[derive(Clone, Debug, Default)]
pub struct RuleState {
    /// Its alerts; unused by recording rules.
    pub alerting: AlertingState,
    /// The series it wrote last time.
    pub written: BTreeSet<Labels>,
    /// How the last evaluation went.
    pub health: Health,
    /// What went wrong.
    pub last_error: Option<String>,
    /// How long it took.
    pub evaluation_seconds: f64,
    /// When it was.
    pub last_evaluation_ms: Option<i64>,
}

/// What a group remembers.
#[derive(Clone, Debug, Default)]
pub struct GroupState {
    /// One for each rule.
    pub rules: Vec<RuleState>,
    /// Series of rules that are gone, to be marked stale at the next evaluation.
    pub orphans: BTreeSet<Labels>,
    /// How long the last evaluation took.
    pub evaluation_seconds: f64,
    /// When it was.
    pub last_evaluation_ms: Option<i64>,
    /// Counters.
    pub metrics: GroupMetrics,
}

impl GroupState {
    /// Nothing remembered yet.
    pub fn new(spec: &GroupSpec) -> Self {
        Self { rules: vec![RuleState::default(); spec.rules.len()], ..Self::default() }
    }

    /// The state of an edited group: each rule finds its own by kind, name and labels; the series
    /// of
    /// rules that are gone become orphans.
    pub fn taken_over(self, before: &GroupSpec, now: &GroupSpec) -> Self {
        let mut by_key: BTreeMap<&str, RuleState> = before.rule_keys().zip(self.rules).collect();
        let rules: Vec<RuleState> =
            now.rule_keys().map(|key| by_key.remove(key).unwrap_or_default()).collect();
        let mut orphans = self.orphans;
        orphans.extend(by_key.into_values().flat_map(|rule| rule.written));
        // Another rule of the group may write the same series now.
        Self { rules, orphans, ..self }
    }

    /// New rules of a running group have no older state to look for.
    pub fn set_restored(&mut self) {
        self.rules.iter_mut().for_each(|rule| rule.alerting.set_restored());
    }

    /// Every series that some rule wrote last time.
    pub fn written(&self) -> BTreeSet<Labels> {
        let written = self.rules.iter().flat_map(|rule| rule.written.iter());
        written.chain(&self.orphans).cloned().collect()
    }

    /// Takes alerts out of the journal.
    pub fn load(&mut self, spec: &GroupSpec, mut journaled: BTreeMap<String, Vec<Alert>>) {
        for (key, rule) in spec.rule_keys().zip(&mut self.rules) {
            rule.alerting.load(journaled.remove(key).unwrap_or_default());
        }
        self.set_restored();
    }

    /// What the API shows.
    pub fn status(&self, spec: &GroupSpec) -> GroupStatus {
        let rules = spec.rules.iter().zip(&self.rules);
        GroupStatus {
            file: spec.file.to_string(),
            name: spec.name.to_string(),
            interval_ms: spec.interval_ms,
            limit: spec.limit,
            evaluation_seconds: self.evaluation_seconds,
            last_evaluation_ms: self.last_evaluation_ms,
            rules: rules.map(|(spec, state)| rule_status(spec, state)).collect(),
            metrics: self.metrics.clone(),
        }
    }
}

fn rule_status(spec: &RuleSpec, state: &RuleState) -> RuleStatus {
    let alerting = match &spec.kind {
        RuleSpecKind::Recording => None,
        RuleSpecKind::Alerting(alert) => Some(AlertingStatus {
            phase: state.last_evaluation_ms.map(|_| state.alerting.phase()),
            hold_ms: alert.hold_ms,
            keep_firing_ms: alert.keep_firing_ms,
            annotations: alert.annotations.iter().cloned().collect(),
            alerts: state
                .alerting
                .alerts()
                .filter(|alert| alert.phase != Phase::Inactive)
                .map(alert_status)
                .collect(),
        }),
    };
    RuleStatus {
        name: spec.name.to_string(),
        query: spec.text.to_string(),
        labels: spec.labels.iter().cloned().collect(),
        health: state.health,
        last_error: state.last_error.clone(),
        evaluation_seconds: state.evaluation_seconds,
        last_evaluation_ms: state.last_evaluation_ms,
        alerting,
    }
}

fn alert_status(alert: &Alert) -> AlertStatus {
    AlertStatus {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        phase: alert.phase,
        active_at_ms: alert.active_at_ms,
        keep_firing_since_ms: alert.keep_firing_since_ms,
        value: alert.value,
    }
}
