//! When an alert is pending, firing, resolved.
//!
//! ```text
//!             seen              seen for `for`
//!   (none) ----------> pending ----------------> firing <---+ seen again
//!      ^                  |                       |  |      |
//!      +---- missing -----+          missing +----+  +--> kept firing
//!      |                                     v              | missing for `keep_firing_for`
//!      +---- 15 minutes later ---- resolved <---------------+
//! ```
//!
//! The rules are Prometheus's (rules/alerting.go), to the order of the tests. Pure: time and what
//! the
//! expression returned go in, series and alerts to send come out.

use std::collections::{BTreeMap, BTreeSet};

use protocol::labels::{ALERT_NAME, Labels, LabelsBuilder, METRIC_NAME};
use protocol::sample::{Sample, TimeSeries};
use serde::{Deserialize, Serialize};

/// A resolved alert is kept, and sent again and again, for so long.
pub const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;
/// The series with one sample per pending or firing alert.
pub const ALERTS_SERIES: &str = "ALERTS";
/// The series whose value is the time since which an alert is active.
pub const FOR_STATE_SERIES: &str = "ALERTS_FOR_STATE";
/// The label of [`ALERTS_SERIES`] that holds the phase.
pub const STATE_LABEL: &str = "alertstate";

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Resolved, kept for a while.
    Inactive,
    /// Seen, but not for long enough.
    Pending,
    /// Told to the alert manager.
    Firing,
}

impl Phase {
    /// As APIs and series name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One alert of a rule. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// With `alertname`; identifies the alert.
    pub labels: Labels,
    /// Expanded at the last evaluation that saw the alert.
    pub annotations: BTreeMap<String, String>,
    /// What the expression returned then.
    pub value: f64,
    /// Where it stands.
    pub phase: Phase,
    /// When it was first seen.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// When it stopped being active.
    pub resolved_at_ms: Option<i64>,
    /// Since when only `keep_firing_for` keeps it firing.
    pub keep_firing_since_ms: Option<i64>,
    /// When it was last handed to the alert manager.
    pub last_sent_at_ms: Option<i64>,
    /// Until when the alert manager believes in it without hearing more.
    pub valid_until_ms: i64,
}

/// One element of the expression's answer, labels and texts already expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// With the rule's labels and `alertname`.
    pub labels: Labels,
    /// Expanded.
    pub annotations: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// What the machine is told about its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertTiming {
    /// `for`
    pub hold_ms: i64,
    /// `keep_firing_for`
    pub keep_firing_ms: i64,
    /// Of the group; 0: any number of alerts.
    pub limit: usize,
}

/// When alerts are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendTiming {
    /// Between two deliveries of an alert that did not change.
    pub resend_delay_ms: i64,
    /// Of the group.
    pub interval_ms: i64,
}

/// Why an evaluation of an alerting rule failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertingError {
    /// Two elements ended with the same labels.
    #[error("vector contains metrics with the same labelset after applying alert labels")]
    DuplicateLabels,
    /// Too many alerts; all of them are dropped.
    #[error("exceeded limit of {limit} with {count} alerts")]
    LimitExceeded {
        /// The group's limit.
        limit: usize,
        /// Pending and firing alerts.
        count: usize,
    },
}

/// The alerts of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertingState {
    /// By labels.
    alerts: BTreeMap<Labels, Alert>,
    /// Series are written only once older state was looked for.
    restored: bool,
}

impl AlertingState {
    /// Whether older state was looked for.
    pub const fn is_restored(&self) -> bool {
        self.restored
    }

    /// From now on series are written.
    pub const fn set_restored(&mut self) {
        self.restored = true;
    }

    /// All alerts, resolved ones too, sorted by labels.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// Pending and firing alerts, to be corrected by what is restored.
    pub fn active_mut(&mut self) -> impl Iterator<Item = &mut Alert> {
        self.alerts.values_mut().filter(|alert| alert.phase != Phase::Inactive)
    }

    /// Takes alerts out of a journal, before the first evaluation.
    pub fn load(&mut self, alerts: impl IntoIterator<Item = Alert>) {
        self.alerts.extend(alerts.into_iter().map(|alert| (alert.labels.clone(), alert)));
    }

    /// The highest phase of all alerts.
    pub fn phase(&self) -> Phase {
        self.alerts.values().map(|alert| alert.phase).max().unwrap_or(Phase::Inactive)
    }

    /// Takes one evaluation in and gives the series to write, stamped `write_at_ms`.
    pub fn evaluate(
        &mut self,
        at_ms: i64,
        write_at_ms: i64,
        observed: Vec<Observed>,
        timing: &AlertTiming,
    ) -> Result<Vec<TimeSeries>, AlertingError> {
        let seen: BTreeSet<Labels> = observed.iter().map(|one| one.labels.clone()).collect();
        if seen.len() < observed.len() {
            return Err(AlertingError::DuplicateLabels);
        }
        for one in observed {
            self.see(at_ms, one);
        }
        let mut kept = BTreeMap::new();
        let mut series = Vec::new();
        let mut active = 0;
        for (labels, mut alert) in std::mem::take(&mut self.alerts) {
            let is_seen = seen.contains(&labels);
            match step(&mut alert, at_ms, is_seen, timing) {
                Step::Forget => continue,
                Step::Silent => {}
                Step::Active => {
                    active += 1;
                    if self.restored {
                        series.extend(series_of(&alert, write_at_ms));
                    }
                }
            }
            kept.insert(labels, alert);
        }
        if timing.limit > 0 && active > timing.limit {
            // The alerts are gone: Prometheus forgets them, too.
            return Err(AlertingError::LimitExceeded { limit: timing.limit, count: active });
        }
        self.alerts = kept;
        Ok(series)
    }

    fn see(&mut self, at_ms: i64, one: Observed) {
        let known = self.alerts.get_mut(&one.labels);
        if let Some(alert) = known.filter(|alert| alert.phase != Phase::Inactive) {
            alert.value = one.value;
            alert.annotations = one.annotations;
            return;
        }
        let alert = Alert {
            labels: one.labels.clone(),
            annotations: one.annotations,
            value: one.value,
            phase: Phase::Pending,
            active_at_ms: at_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            keep_firing_since_ms: None,
            last_sent_at_ms: None,
            valid_until_ms: 0,
        };
        self.alerts.insert(one.labels, alert);
    }

    /// The alerts that are due at `at_ms`; they count as sent from now on.
    pub fn take_due(&mut self, at_ms: i64, timing: &SendTiming) -> Vec<Alert> {
        let mut due = Vec::new();
        for alert in self.alerts.values_mut() {
            if needs_sending(alert, at_ms, timing.resend_delay_ms) {
                alert.last_sent_at_ms = Some(at_ms);
                // Four deliveries may fail before the alert manager takes it for resolved.
                let step = timing.interval_ms.max(timing.resend_delay_ms);
                alert.valid_until_ms = at_ms + 4 * step;
                due.push(alert.clone());
            }
        }
        due
    }
}

/// What became of an alert at one evaluation.
enum Step {
    /// It is gone.
    Forget,
    /// It is resolved: kept, but no series any more.
    Silent,
    /// It is pending or firing.
    Active,
}

fn step(alert: &mut Alert, at_ms: i64, is_seen: bool, timing: &AlertTiming) -> Step {
    if is_seen {
        alert.keep_firing_since_ms = None;
    } else {
        let kept = alert.phase == Phase::Firing
            && timing.keep_firing_ms > 0
            && at_ms - *alert.keep_firing_since_ms.get_or_insert(at_ms) < timing.keep_firing_ms;
        let long_resolved =
            alert.resolved_at_ms.is_some_and(|at| at_ms - at > RESOLVED_RETENTION_MS);
        if alert.phase == Phase::Pending || long_resolved {
            return Step::Forget;
        }
        if !kept {
            if alert.phase != Phase::Inactive {
                alert.phase = Phase::Inactive;
                alert.resolved_at_ms = Some(at_ms);
            }
            return Step::Silent;
        }
    }
    let held = at_ms - alert.active_at_ms >= timing.hold_ms;
    match alert.phase {
        Phase::Pending if held => {
            alert.phase = Phase::Firing;
            alert.fired_at_ms = Some(at_ms);
        }
        // The rule now asks for more time than the alert was active.
        Phase::Firing if !held => {
            alert.phase = Phase::Pending;
            alert.fired_at_ms = None;
        }
        Phase::Pending | Phase::Firing | Phase::Inactive => {}
    }
    Step::Active
}

fn needs_sending(alert: &Alert, at_ms: i64, resend_delay_ms: i64) -> bool {
    if alert.phase == Phase::Pending {
        return false;
    }
    let Some(last) = alert.last_sent_at_ms else { return true };
    alert.resolved_at_ms.is_some_and(|resolved| resolved > last) || last + resend_delay_ms < at_ms
}

/// The series of one active alert at one evaluation.
fn series_of(alert: &Alert, at_ms: i64) -> [TimeSeries; 2] {
    let active_at_seconds = alert.active_at_ms.div_euclid(1000) as f64;
    let state = [(STATE_LABEL, alert.phase.as_str())];
    [
        one_sample(alert, ALERTS_SERIES, &state, at_ms, 1.0),
        one_sample(alert, FOR_STATE_SERIES, &[], at_ms, active_at_seconds),
    ]
}

fn one_sample(
    alert: &Alert,
    metric: &str,
    more: &[(&str, &str)],
    at_ms: i64,
    value: f64,
) -> TimeSeries {
    let mut labels = LabelsBuilder::new(&alert.labels);
    labels.set(METRIC_NAME, metric);
    for (name, value) in more {
        labels.set(*name, *value);
    }
    let samples = vec![Sample { timestamp_ms: at_ms, value }];
    TimeSeries { labels: labels.build(), samples, ..TimeSeries::default() }
}

/// The labels of an alert: the sample's without its name, the rule's over them, `alertname` last.
pub fn alert_labels<'a>(
    sample: &Labels,
    rule: impl IntoIterator<Item = (&'a str, String)>,
    name: &str,
) -> Labels {
    let mut labels = LabelsBuilder::new(sample);
    labels.remove(METRIC_NAME);
    for (name, value) in rule {
        labels.set(name, value);
    }
    labels.set(ALERT_NAME, name);
    labels.build()
}

#[cfg(test)]
mod tests;
