//! What the journal brings back.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::alert::{Alert, timestamp};
use crate::group::{GroupId, Groups, Timer};
use crate::inhibition::Inhibitor;
use crate::journal::{Record, StoredAlert, StoredGroup};
use crate::plan::Plan;
use crate::route::RouteNode;
use crate::state::{Held, RESTART_GRACE_MS, State, routes_of};

/// Rebuilds a state from the records of its journal.
#[derive(Debug, Default)]
pub struct Recovery {
    state: State,
    /// A snapshot that has begun: its state, and how many parts came.
    snapshot: Option<(State, usize)>,
}

impl Recovery {
    /// The next record, oldest first.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::SnapshotBegin => self.snapshot = Some((State::default(), 0)),
            Record::Snapshot(part) => match &mut self.snapshot {
                Some((state, count)) => {
                    state.apply(*part);
                    *count += 1;
                }
                // Its beginning is lost: the log is damaged. What is left is taken.
                None => self.state.apply(*part),
            },
            // A snapshot without an end counts for nothing: what came before it is still there. One
            // that lacks parts comes from a damaged log, and what came before it may be gone.
            Record::SnapshotEnd(parts) => match self.snapshot.take() {
                Some((state, count)) if count == parts => self.state = state,
                Some((state, _)) => {
                    state.records().into_iter().for_each(|record| self.state.apply(record));
                }
                None => {}
            },
            record => {
                if let Some((state, _)) = &mut self.snapshot {
                    state.apply(record.clone());
                }
                self.state.apply(record);
            }
        }
    }

    /// The state at the end of the journal. No alert that fired ends before the rulers had time to
    /// report it again.
    pub fn finish(self, now_ms: i64) -> State {
        let mut state = self.state;
        let grace = timestamp(now_ms) + SignedDuration::from_millis(RESTART_GRACE_MS);
        for held in state.alerts.values_mut() {
            if !held.resolved && held.alert.ends_at < grace {
                let alert = Alert { ends_at: grace, timeout: true, ..Alert::clone(&held.alert) };
                held.alert = Arc::new(alert);
            }
        }
        state
    }
}

impl State {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Alert(stored) => {
                let resolved = stored.resolved;
                let alert = Arc::new(stored.into_alert());
                self.alerts
                    .insert(alert.fingerprint(), Held { alert, resolved, routes: Arc::default() });
            }
            Record::AlertGone(fingerprint) => drop(self.alerts.remove(&fingerprint)),
            Record::Silence(silence) => self.silences.put(silence),
            Record::SilenceGone(id) => self.silences.remove(&id),
            Record::Group(stored) => {
                let (id, timer) = stored.into_parts();
                self.timers.insert(id, timer);
            }
            Record::GroupGone(id) => drop(self.timers.remove(&id.into_id())),
            Record::Intent(key, number) => drop(self.intents.insert(key, number)),
            Record::Told(key, entry) => {
                self.intents.remove(&key);
                self.log.put(key, entry);
            }
            Record::ToldGone(key) => self.log.remove(&key),
            Record::SnapshotBegin | Record::Snapshot(_) | Record::SnapshotEnd(_) => {}
        }
    }

    /// Everything as records, for a snapshot.
    pub fn records(&self) -> Vec<Record> {
        let alerts = self.alerts.values();
        let alerts = alerts.map(|held| Record::Alert(StoredAlert::new(&held.alert, held.resolved)));
        let silences = self.silences.iter().cloned().map(Record::Silence);
        let timers = self.all_timers().into_iter();
        let timers = timers.map(|(id, timer)| Record::Group(StoredGroup::new(&id, timer)));
        let told = self.log.iter().map(|(key, entry)| Record::Told(key.clone(), entry.clone()));
        let intents = self.intents.iter().map(|(key, number)| Record::Intent(key.clone(), *number));
        alerts.chain(silences).chain(timers).chain(told).chain(intents).collect()
    }

    /// Lets a definition run: groups whose route kept its place keep their timers and members.
    /// `None`
    /// stops all sending.
    pub fn set_plan(&mut self, plan: Option<Arc<Plan>>, now_ms: i64) -> Vec<Record> {
        let timers = self.all_timers();
        let old = std::mem::take(&mut self.groups);
        self.plan = plan;
        self.inhibitor = Inhibitor::default();
        let Some(plan) = self.plan.clone() else {
            for held in self.alerts.values_mut() {
                held.routes = Arc::default();
            }
            self.timers = timers;
            return Vec::new();
        };
        self.inhibitor = Inhibitor::new(&plan.definition.config.inhibit_rules);
        for held in self.alerts.values_mut() {
            held.routes = routes_of(Some(&plan), &held.alert.labels);
            self.inhibitor.insert(&held.alert);
        }
        self.regroup(&plan, &old, now_ms);
        for (id, timer) in &timers {
            self.groups.resume(id, *timer, now_ms);
        }
        self.hurry_begun(now_ms);
        for (id, _) in old.iter().filter(|(_, group)| group.flushing) {
            self.groups.mark_flushing(id);
        }
        self.timers.clear();
        self.group_changes(&timers)
    }

    fn regroup(&mut self, plan: &Plan, old: &Groups, now_ms: i64) {
        let now = timestamp(now_ms);
        let alerts: Vec<Held> = self.alerts.values().cloned().collect();
        for Held { alert, routes, .. } in alerts {
            for &index in &*routes {
                let node = plan.tree.node(index);
                if !alert.is_resolved_at(now) || self.end_is_untold(node, &alert, old) {
                    self.groups.insert(node, &alert, now_ms);
                }
            }
        }
    }

    /// Whether somebody still has to hear that this alert is over.
    fn end_is_untold(&self, node: &RouteNode, alert: &Alert, old: &Groups) -> bool {
        let labels = node.group_labels(&alert.labels);
        let (key, hash) = (node.group_key(&labels), alert.labels.stable_hash());
        let id = GroupId { route_id: node.id.clone(), labels };
        let held =
            old.get(&id).is_some_and(|group| group.alerts.contains_key(&alert.fingerprint()));
        held || self.log.told_firing(&key, &node.options.receiver, hash)
    }

    /// A message that was begun and perhaps sent is told again at once, with its old key.
    fn hurry_begun(&mut self, now_ms: i64) {
        let begun: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(_, group)| {
                let mine = |key: &crate::notification_log::LogKey| {
                    key.group_key == group.key && key.receiver == group.options.receiver
                };
                self.intents.keys().any(mine)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in begun {
            self.groups.resume(&id, Timer { next_flush_ms: now_ms, has_flushed: false }, now_ms);
        }
        self.intents.clear();
    }

    fn group_changes(&self, before: &BTreeMap<GroupId, Timer>) -> Vec<Record> {
        let gone = before.keys().filter(|id| self.groups.get(id).is_none());
        let gone = gone.map(|id| Record::GroupGone(id.into()));
        let new = self.groups.iter().filter(|(id, _)| !before.contains_key(id));
        let new = new.map(|(id, group)| Record::Group(StoredGroup::new(id, group.timer)));
        gone.chain(new).collect()
    }

    fn all_timers(&self) -> BTreeMap<GroupId, Timer> {
        let mut timers = self.timers.clone();
        timers.extend(self.groups.iter().map(|(id, group)| (id.clone(), group.timer)));
        timers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification_log::LogKey;

    fn intent(number: u64) -> Record {
        let (group_key, receiver) = ("{}".to_owned(), format!("r{number}"));
        Record::Intent(LogKey { group_key, receiver, kind: "webhook".into(), index: 0 }, number)
    }

    fn part(number: u64) -> Record {
        Record::Snapshot(Box::new(intent(number)))
    }

    fn recovered(records: Vec<Record>) -> Vec<Record> {
        let mut recovery = Recovery::default();
        for record in records {
            recovery.apply(record);
        }
        recovery.finish(0).records()
    }

    #[test]
    fn a_whole_snapshot_replaces_what_was_before() {
        let whole = vec![intent(1), Record::SnapshotBegin, part(2), Record::SnapshotEnd(1)];
        assert_eq!(recovered(whole), [intent(2)]);
        let cut_off = vec![intent(1), Record::SnapshotBegin, part(2)];
        assert_eq!(recovered(cut_off), [intent(1)]);
    }

    #[test]
    fn what_is_left_of_a_damaged_snapshot_is_taken() {
        let no_part = vec![Record::SnapshotBegin, part(1), intent(3), Record::SnapshotEnd(2)];
        assert_eq!(recovered(no_part), [intent(1), intent(3)]);
        let no_beginning = vec![part(1), part(2), Record::SnapshotEnd(2), intent(3)];
        assert_eq!(recovered(no_beginning), [intent(1), intent(2), intent(3)]);
    }
}
