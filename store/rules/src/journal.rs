//! Alert state in the commit log.
//!
//! Only transitions are written - new, firing, resolved, gone, first sent - never each minute's
//! evaluation, but for a sign of life now and then. It is read before the first evaluation, so that
//! a restart neither resets `for` nor tells anybody anything twice. One stream a workspace; a
//! snapshot now and then lets the log forget what was before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use protocol::labels::Labels;
use serde::{Deserialize, Serialize};
use world::commit_log::{CommitLog, LogError, Position, StreamName};

use crate::alerting::{Alert, AlertingState, Phase};
use crate::restore::OUTAGE_TOLERANCE_MS;
use crate::spec::GroupSpec;

/// After so many records a snapshot is written: a thousand transitions replay in milliseconds.
const RECORDS_BETWEEN_SNAPSHOTS: u64 = 1000;
/// A group with active alerts gives a sign of life this often, a sixth of the outage that is
/// tolerated.
pub const SIGN_OF_LIFE_MS: i64 = 10 * 60 * 1000;
/// The version of the records.
const VERSION: u32 = 1;

/// One record.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// Whether all that came before is forgotten.
    snapshot: bool,
    groups: Vec<GroupRecord>,
}

/// What happened in one group at one time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct GroupRecord {
    file: String,
    name: String,
    at_ms: i64,
    /// Whether the group is gone, all its alerts with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
    changes: Vec<RuleChange>,
}

/// What happened to the alerts of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleChange {
    /// See [`crate::spec::RuleSpec::key`].
    pub rule: String,
    /// As they are now.
    alerts: Vec<AlertRecord>,
    /// Labels of those that are gone.
    gone: Vec<Vec<(String, String)>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct AlertRecord {
    labels: Vec<(String, String)>,
    annotations: BTreeMap<String, String>,
    /// Bits, since JSON has no infinities.
    value_bits: u64,
    phase: Phase,
    active_at_ms: i64,
    fired_at_ms: Option<i64>,
    resolved_at_ms: Option<i64>,
    keep_firing_since_ms: Option<i64>,
    last_sent_at_ms: Option<i64>,
    valid_until_ms: i64,
}

/// The part of an alert whose change is a transition.
#[derive(Clone, Debug, PartialEq)]
struct Mark {
    phase: Phase,
    active_at_ms: i64,
    resolved_at_ms: Option<i64>,
    keep_firing_since_ms: Option<i64>,
    was_sent: bool,
}

/// What the alerts of a rule were before an evaluation.
#[derive(Debug)]
pub struct Before(BTreeMap<Labels, Mark>);

impl Before {
    /// Remembers how things stand.
    pub fn of(state: &AlertingState) -> Self {
        Self(state.alerts().map(|alert| (alert.labels.clone(), mark(alert))).collect())
    }

    /// What changed since; `None`: no transition.
    pub fn changes(mut self, rule: &str, state: &AlertingState) -> Option<RuleChange> {
        let mut change = RuleChange { rule: rule.to_owned(), ..RuleChange::default() };
        for alert in state.alerts() {
            if self.0.remove(&alert.labels).as_ref() != Some(&mark(alert)) {
                change.alerts.push(to_record(alert));
            }
        }
        change.gone = self.0.keys().map(pairs).collect();
        let any = !change.alerts.is_empty() || !change.gone.is_empty();
        any.then_some(change)
    }
}

fn mark(alert: &Alert) -> Mark {
    Mark {
        phase: alert.phase,
        active_at_ms: alert.active_at_ms,
        resolved_at_ms: alert.resolved_at_ms,
        keep_firing_since_ms: alert.keep_firing_since_ms,
        // A resolution is told once more, which is a transition of its own.
        was_sent: alert
            .last_sent_at_ms
            .is_some_and(|sent| alert.resolved_at_ms.is_none_or(|resolved| sent >= resolved)),
    }
}

/// The record in an entry of the log; `Err`: why it cannot be read.
pub fn decode(payload: &[u8]) -> Result<Record, String> {
    let record: Record = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    if record.version > VERSION {
        let version = record.version;
        return Err(format!("version {version}, this Hearth knows up to {VERSION}"));
    }
    Ok(record)
}

type GroupKey = (String, String);

#[derive(Clone, Debug, Default)]
struct JournaledGroup {
    alive_at_ms: i64,
    rules: BTreeMap<String, BTreeMap<Labels, Alert>>,
}

#[derive(Debug, Default)]
struct Mirror {
    groups: BTreeMap<GroupKey, JournaledGroup>,
    records: u64,
}

/// The journal of one workspace.
pub struct Journal {
    log: Arc<dyn CommitLog>,
    stream: StreamName,
    mirror: Mutex<Mirror>,
}

impl Journal {
    /// Reads all that was written before. It reads the disk: call it while a workspace is opened.
    pub fn open(log: Arc<dyn CommitLog>, stream: StreamName) -> Result<Self, LogError> {
        let (mut mirror, mut fault) = (Mirror::default(), None);
        let replayed = log.replay(&stream, &mut |entry| {
            match decode(&entry.payload) {
                Ok(record) => mirror.apply(record),
                Err(reason) => {
                    let at = entry.position.0;
                    let reason = format!("{stream}: alert state at {at}: {reason}");
                    fault.get_or_insert(LogError::Damaged(reason));
                }
            }
            Ok(())
        });
        match (fault, replayed) {
            // A whole record that we cannot read is none of ours: a newer version wrote it.
            (Some(fault), _) => return Err(fault),
            // All that can be read was read, and the workspace goes on with it.
            (None, Err(LogError::Damaged(reason))) => {
                tracing::error!(%stream, reason, "alert state of rules is lost");
            }
            (None, replayed) => replayed?,
        }
        Ok(Self { log, stream, mirror: Mutex::new(mirror) })
    }

    /// The alerts of each rule of a group as they were last written; `None`: the group is unknown.
    ///
    /// After an outage that was too long pending alerts begin anew, firing ones stay.
    pub fn load(
        &self,
        file: &str,
        name: &str,
        now_ms: i64,
    ) -> Option<BTreeMap<String, Vec<Alert>>> {
        let mirror = self.lock();
        let group = mirror.groups.get(&(file.to_owned(), name.to_owned()))?;
        let long_ago = now_ms - group.alive_at_ms > OUTAGE_TOLERANCE_MS;
        let kept = |alert: &&Alert| !(long_ago && alert.phase == Phase::Pending);
        let rules = group.rules.iter();
        Some(rules.map(|(k, v)| (k.clone(), v.values().filter(kept).cloned().collect())).collect())
    }

    /// Whether a group is known, and gave no sign of life for a while.
    pub fn needs_sign_of_life(&self, file: &str, name: &str, now_ms: i64) -> bool {
        let mirror = self.lock();
        match mirror.groups.get(&(file.to_owned(), name.to_owned())) {
            None => true,
            Some(group) => !group.rules.is_empty() && now_ms - group.alive_at_ms >= SIGN_OF_LIFE_MS,
        }
    }

    /// Writes transitions; resolves when they are durable.
    pub async fn write(
        &self,
        file: &str,
        name: &str,
        at_ms: i64,
        changes: Vec<RuleChange>,
    ) -> Result<(), LogError> {
        let (file, name) = (file.to_owned(), name.to_owned());
        self.append(GroupRecord { file, name, at_ms, removed: false, changes }).await
    }

    /// Forgets the alerts of rules that an edited group no longer has.
    pub async fn retain(&self, spec: &GroupSpec, at_ms: i64) -> Result<(), LogError> {
        let keys: BTreeSet<&str> = spec.rule_keys().collect();
        let changes: Vec<RuleChange> = {
            let mirror = self.lock();
            let Some(group) = mirror.groups.get(&(spec.file.to_string(), spec.name.to_string()))
            else {
                return Ok(());
            };
            let dropped = group.rules.iter().filter(|(key, _)| !keys.contains(key.as_str()));
            let change = |(key, alerts): (&String, &BTreeMap<Labels, Alert>)| RuleChange {
                rule: key.clone(),
                alerts: Vec::new(),
                gone: alerts.keys().map(pairs).collect(),
            };
            dropped.map(change).collect()
        };
        if changes.is_empty() {
            return Ok(());
        }
        self.write(&spec.file, &spec.name, at_ms, changes).await
    }

    /// Forgets a group that is gone.
    pub async fn forget(&self, file: &str, name: &str, at_ms: i64) -> Result<(), LogError> {
        if !self.lock().groups.contains_key(&(file.to_owned(), name.to_owned())) {
            return Ok(());
        }
        let (file, name, changes) = (file.to_owned(), name.to_owned(), Vec::new());
        self.append(GroupRecord { file, name, at_ms, removed: true, changes }).await
    }

    /// Writes all that is known as one record and lets the log forget what was before.
    pub async fn snapshot(&self) -> Result<(), LogError> {
        let append = {
            let mut mirror = self.lock();
            mirror.records = 0;
            let record = Record { version: VERSION, snapshot: true, groups: mirror.to_records() };
            // Appended under the lock: what is written later is ordered behind it.
            self.log.append(&self.stream, encode(&record))
        };
        let Position(position) = append.await?;
        if let Some(before) = position.checked_sub(1) {
            self.log.trim(&self.stream, Position(before));
        }
        Ok(())
    }

    async fn append(&self, group: GroupRecord) -> Result<(), LogError> {
        let (append, full) = {
            let mut mirror = self.lock();
            let record = Record { version: VERSION, snapshot: false, groups: vec![group] };
            let bytes = encode(&record);
            mirror.apply(record);
            mirror.records += 1;
            let full = mirror.records >= RECORDS_BETWEEN_SNAPSHOTS;
            (self.log.append(&self.stream, bytes), full)
        };
        append.await?;
        if full { self.snapshot().await } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Mirror> {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mirror {
    fn apply(&mut self, record: Record) {
        if record.snapshot {
            self.groups.clear();
        }
        for group in record.groups {
            let key = (group.file, group.name);
            if group.removed {
                self.groups.remove(&key);
                continue;
            }
            let known = self.groups.entry(key).or_default();
            known.alive_at_ms = known.alive_at_ms.max(group.at_ms);
            for change in group.changes {
                let alerts = known.rules.entry(change.rule).or_default();
                for labels in change.gone {
                    alerts.remove(&Labels::from_pairs(labels));
                }
                let changed = change.alerts.into_iter().map(from_record);
                alerts.extend(changed.map(|alert| (alert.labels.clone(), alert)));
            }
            known.rules.retain(|_, alerts| !alerts.is_empty());
        }
    }

    fn to_records(&self) -> Vec<GroupRecord> {
        let record = |((file, name), group): (&GroupKey, &JournaledGroup)| GroupRecord {
            file: file.clone(),
            name: name.clone(),
            at_ms: group.alive_at_ms,
            removed: false,
            changes: group
                .rules
                .iter()
                .map(|(rule, alerts)| RuleChange {
                    rule: rule.clone(),
                    alerts: alerts.values().map(to_record).collect(),
                    gone: Vec::new(),
                })
                .collect(),
        };
        self.groups.iter().map(record).collect()
    }
}

fn encode(record: &Record) -> Bytes {
    let bytes = serde_json::to_vec(record);
    bytes.expect("a record holds nothing but texts and whole numbers").into()
}

fn pairs(labels: &Labels) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn to_record(alert: &Alert) -> AlertRecord {
    AlertRecord {
        labels: pairs(&alert.labels),
        annotations: alert.annotations.clone(),
        value_bits: alert.value.to_bits(),
        phase: alert.phase,
        active_at_ms: alert.active_at_ms,
        fired_at_ms: alert.fired_at_ms,
        resolved_at_ms: alert.resolved_at_ms,
        keep_firing_since_ms: alert.keep_firing_since_ms,
        last_sent_at_ms: alert.last_sent_at_ms,
        valid_until_ms: alert.valid_until_ms,
    }
}

fn from_record(record: AlertRecord) -> Alert {
    Alert {
        labels: Labels::from_pairs(record.labels),
        annotations: record.annotations,
        value: f64::from_bits(record.value_bits),
        phase: record.phase,
        active_at_ms: record.active_at_ms,
        fired_at_ms: record.fired_at_ms,
        resolved_at_ms: record.resolved_at_ms,
        keep_firing_since_ms: record.keep_firing_since_ms,
        last_sent_at_ms: record.last_sent_at_ms,
        valid_until_ms: record.valid_until_ms,
    }
}

#[cfg(test)]
mod tests;
