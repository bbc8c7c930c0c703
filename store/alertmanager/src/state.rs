//! All that an alert manager knows and decides. Pure.
//!
//! Each change gives the journal records that make it durable. The order in which they are appended
//! is
//! the order of the changes: the caller appends under the lock that guards this state.

pub mod delivery;
pub mod recovery;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use protocol::labels::Labels;

use crate::alert::{Alert, Fingerprint, PostableAlert, timestamp};
use crate::group::{Flush, GroupId, Groups, Timer};
use crate::inhibition::Inhibitor;
use crate::journal::{Record, StoredAlert, StoredGroup};
use crate::notification_log::{LogEntry, LogKey, NotificationLog};
use crate::plan::Plan;
use crate::silence::{Silence, SilenceLimits, Silences};

/// How long a resolved alert is still listed and remembered.
pub const RESOLVED_KEPT_MS: i64 = 15 * 60_000;

/// After a restart no alert ends before this: rulers need a few of their minutes to report again.
pub const RESTART_GRACE_MS: i64 = 5 * 60_000;

/// Bounds of one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Alerts held, the resolved ones included.
    pub alerts_max: usize,
    /// Bytes of one alert: labels, annotations, URL.
    pub alert_bytes_max: usize,
    /// Groups of alerts.
    pub groups_max: usize,
    /// Silences.
    pub silences: SilenceLimits,
}

impl Default for Limits {
    /// Generous for one machine: 100,000 alerts take about 100 MB.
    fn default() -> Self {
        Self {
            alerts_max: 100_000,
            alert_bytes_max: 64 * 1024,
            groups_max: 100_000,
            silences: SilenceLimits { silences_max: 10_000, silence_bytes_max: 64 * 1024 },
        }
    }
}

/// An alert and whether the journal knows that it is over.
#[derive(Clone, Debug)]
pub struct Held {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Whether its end was journaled.
    pub resolved: bool,
    /// The nodes of the tree that take it; they depend on nothing but its labels.
    pub routes: Arc<[usize]>,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What runs; without it alerts are taken and listed, and nothing is sent.
    pub plan: Option<Arc<Plan>>,
    /// All alerts.
    pub alerts: BTreeMap<Fingerprint, Held>,
    /// All silences.
    pub silences: Silences,
    /// All groups.
    pub groups: Groups,
    /// What was told.
    pub log: NotificationLog,
    inhibitor: Inhibitor,
    /// Messages that were begun and not noted as told: number of each.
    intents: BTreeMap<LogKey, u64>,
    /// Timers of before, waiting for the definition that makes their groups.
    timers: BTreeMap<GroupId, Timer>,
}

impl State {
    /// Takes alerts as they were posted. The good ones are taken even where others are wrong; the
    /// errors are Alertmanager's messages.
    pub fn post(
        &mut self,
        posted: Vec<PostableAlert>,
        limits: &Limits,
        now_ms: i64,
    ) -> (Vec<Record>, Vec<String>) {
        let timeout_ms =
            self.plan.as_ref().map_or(
                protocol::alertmanager_config::global::RESOLVE_TIMEOUT.as_millis(),
                |plan| plan.resolve_timeout_ms,
            );
        let (mut records, mut errors) = (Vec::new(), Vec::new());
        for posted in posted {
            let checked = posted.into_alert(timestamp(now_ms), timeout_ms);
            match checked.and_then(|alert| self.within(alert, limits)) {
                Ok(alert) => self.put_alert(alert, now_ms, &mut records),
                Err(error) => errors.push(error),
            }
        }
        (records, errors)
    }

    fn within(&self, alert: Alert, limits: &Limits) -> Result<Alert, String> {
        let labels: usize = alert.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        let annotations: usize = alert.annotations.iter().map(|(n, v)| n.len() + v.len()).sum();
        let bytes = labels + annotations + alert.generator_url.len();
        if bytes > limits.alert_bytes_max {
            let limit = limits.alert_bytes_max;
            return Err(format!(
                "alert of {bytes} bytes exceeds the limit alert_bytes_max {limit}"
            ));
        }
        let new = !self.alerts.contains_key(&alert.fingerprint());
        if new && self.alerts.len() >= limits.alerts_max {
            return Err(format!("too many alerts: the limit alerts_max is {}", limits.alerts_max));
        }
        if new && self.groups.len() >= limits.groups_max {
            return Err(format!("too many groups: the limit groups_max is {}", limits.groups_max));
        }
        Ok(alert)
    }

    fn put_alert(&mut self, reported: Alert, now_ms: i64, records: &mut Vec<Record>) {
        let now = timestamp(now_ms);
        let fingerprint = reported.fingerprint();
        let old = self.alerts.get(&fingerprint);
        let merged = match old {
            Some(held) if held.alert.overlaps(&reported) => held.alert.merge(&reported, now),
            _ => reported,
        };
        let resolved = merged.is_resolved_at(now);
        let changed = old.is_none_or(|held| {
            held.resolved != resolved
                || held.alert.starts_at != merged.starts_at
                || held.alert.annotations != merged.annotations
                || held.alert.generator_url != merged.generator_url
        });
        let routes = old.map(|held| Arc::clone(&held.routes));
        let repeated_end = resolved && old.is_some_and(|held| held.resolved);
        if changed {
            records.push(Record::Alert(StoredAlert::new(&merged, resolved)));
        }
        let alert = Arc::new(merged);
        self.inhibitor.insert(&alert);
        let plan = self.plan.clone();
        let routes = routes.unwrap_or_else(|| routes_of(plan.as_deref(), &alert.labels));
        let held = Held { alert: Arc::clone(&alert), resolved, routes: Arc::clone(&routes) };
        self.alerts.insert(fingerprint, held);
        let Some(plan) = plan else { return };
        for &index in &*routes {
            let node = plan.tree.node(index);
            if repeated_end {
                self.groups.refresh(node, &alert);
            } else if let Some((id, timer)) = self.groups.insert(node, &alert, now_ms) {
                records.push(Record::Group(StoredGroup::new(&id, timer)));
            }
        }
    }

    /// Begins the flushes that are due.
    pub fn begin_due(&mut self, now_ms: i64) -> (Vec<Flush>, Vec<Record>) {
        let flushes = self.groups.begin_due(now_ms);
        let mut records = Vec::new();
        for flush in flushes.iter().filter(|flush| flush.first) {
            let timer = self.groups.get(&flush.id).map(|group| group.timer);
            records.extend(timer.map(|timer| Record::Group(StoredGroup::new(&flush.id, timer))));
        }
        for flush in &flushes {
            for alert in &flush.alerts {
                records.extend(self.note_end(alert.fingerprint(), now_ms));
            }
        }
        (flushes, records)
    }

    /// Ends a flush; `told`: every receiver has what it should have.
    pub fn end_flush(&mut self, flush: &Flush, told: bool) -> Vec<Record> {
        if self.groups.end(flush, told) {
            vec![Record::GroupGone((&flush.id).into())]
        } else {
            Vec::new()
        }
    }

    /// Notes what was told.
    pub fn told(&mut self, key: LogKey, entry: LogEntry) -> Record {
        self.intents.remove(&key);
        self.log.put(key.clone(), entry.clone());
        Record::Told(key, entry)
    }

    /// Notes what time alone has changed: ends that passed, things that are too old.
    pub fn sweep(&mut self, now_ms: i64) -> Vec<Record> {
        let now = timestamp(now_ms);
        let over = |held: &Held| !held.resolved && held.alert.is_resolved_at(now);
        let ended: Vec<Fingerprint> =
            self.alerts.iter().filter(|(_, held)| over(held)).map(|(f, _)| *f).collect();
        let mut records: Vec<Record> = ended
            .into_iter()
            .filter_map(|fingerprint| self.note_end(fingerprint, now_ms))
            .collect();
        records.extend(self.forget_alerts(now_ms));
        records.extend(self.silences.expire(now).into_iter().map(Record::SilenceGone));
        records.extend(self.log.expire(now_ms).into_iter().map(Record::ToldGone));
        records
    }

    /// Stores silences that were planned.
    pub fn put_silences(&mut self, silences: Vec<Silence>) -> Vec<Record> {
        let put = |silence: Silence| {
            self.silences.put(silence.clone());
            Record::Silence(silence)
        };
        silences.into_iter().map(put).collect()
    }

    /// Who mutes an alert: silences, and alerts.
    pub fn muted_by(&self, labels: &Labels, now: Timestamp) -> (Vec<String>, Vec<Fingerprint>) {
        (self.silences.silenced_by(labels, now), self.inhibitor.inhibited_by(labels, now))
    }

    /// When [`Self::begin_due`] has something to do.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.groups.next_due_ms()
    }

    fn note_end(&mut self, fingerprint: Fingerprint, now_ms: i64) -> Option<Record> {
        let held = self.alerts.get_mut(&fingerprint)?;
        if held.resolved || !held.alert.is_resolved_at(timestamp(now_ms)) {
            return None;
        }
        held.resolved = true;
        Some(Record::Alert(StoredAlert::new(&held.alert, true)))
    }

    /// Resolved alerts go after a while, unless a group has yet to tell their end.
    fn forget_alerts(&mut self, now_ms: i64) -> Vec<Record> {
        let limit = timestamp(now_ms - RESOLVED_KEPT_MS);
        let old = self.alerts.iter().filter(|(_, held)| held.alert.ends_at < limit);
        let old: Vec<(Fingerprint, Held)> =
            old.map(|(fingerprint, held)| (*fingerprint, held.clone())).collect();
        let mut records = Vec::new();
        for (fingerprint, held) in old {
            if self.is_grouped(&held, fingerprint) {
                continue;
            }
            self.alerts.remove(&fingerprint);
            self.inhibitor.remove(&held.alert.labels, fingerprint);
            records.push(Record::AlertGone(fingerprint));
        }
        records
    }

    fn is_grouped(&self, held: &Held, fingerprint: Fingerprint) -> bool {
        let Some(plan) = &self.plan else { return false };
        held.routes.iter().any(|&index| {
            let node = plan.tree.node(index);
            let labels = node.group_labels(&held.alert.labels);
            let id = GroupId { route_id: node.id.clone(), labels };
            self.groups.get(&id).is_some_and(|group| group.alerts.contains_key(&fingerprint))
        })
    }
}

/// The nodes that take an alert; none without a definition.
fn routes_of(plan: Option<&Plan>, labels: &Labels) -> Arc<[usize]> {
    plan.map(|plan| plan.tree.matching(labels)).unwrap_or_default().into()
}
