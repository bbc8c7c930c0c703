//! Groups of alerts and their timers.
//!
//! A group is made by its first alert and waits `group_wait`; after each flush it waits
//! `group_interval`; it is gone once a flush leaves it empty. Timers never drift: the next flush is
//! reckoned from when the last one was due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::labels::Labels;

use crate::alert::{Alert, Fingerprint, timestamp};
use crate::route::{RouteNode, RouteOptions};

/// Names a group for as long as its route keeps its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    /// Of the node.
    pub route_id: String,
    /// The labels by which it groups.
    pub labels: Labels,
}

/// When a group flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The next flush.
    pub next_flush_ms: i64,
    /// Whether there was one already.
    pub has_flushed: bool,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Alertmanager's group key.
    pub key: String,
    /// The behaviour of its route.
    pub options: RouteOptions,
    /// Its timer.
    pub timer: Timer,
    /// Whether a flush is under way; the next one waits for it.
    pub flushing: bool,
    /// Its alerts.
    pub alerts: BTreeMap<Fingerprint, Arc<Alert>>,
}

/// What a flush is to tell.
#[derive(Clone, Debug)]
pub struct Flush {
    /// Which group.
    pub id: GroupId,
    /// Its key.
    pub key: String,
    /// The behaviour of its route.
    pub options: RouteOptions,
    /// Whether it is the group's first.
    pub first: bool,
    /// When it began, which decides what is over.
    pub now_ms: i64,
    /// Until when to go on trying.
    pub deadline_ms: i64,
    /// The alerts in Alertmanager's order.
    pub alerts: Vec<Arc<Alert>>,
}

/// A pipeline gets at least this long, however short the group interval.
pub const PIPELINE_MS_MIN: i64 = 10_000;

impl Group {
    /// An empty group with its first timer.
    pub fn new(node: &RouteNode, labels: &Labels, now_ms: i64) -> Self {
        let next_flush_ms = now_ms + node.options.group_wait_ms;
        Self {
            key: node.group_key(labels),
            options: node.options.clone(),
            timer: Timer { next_flush_ms, has_flushed: false },
            flushing: false,
            alerts: BTreeMap::new(),
        }
    }

    /// Takes an alert. One that has been firing for longer than the group wait flushes at once.
    pub fn insert(&mut self, alert: Arc<Alert>, now_ms: i64) {
        let waited = timestamp(now_ms - self.options.group_wait_ms);
        if !self.timer.has_flushed && alert.starts_at < waited {
            self.timer.next_flush_ms = self.timer.next_flush_ms.min(now_ms);
        }
        self.alerts.insert(alert.fingerprint(), alert);
    }

    /// Takes over a timer that was running before; moments that passed meanwhile are skipped in
    /// step.
    pub fn resume(&mut self, timer: Timer, now_ms: i64) {
        let interval = self.options.group_interval_ms.max(1);
        let mut next = timer.next_flush_ms;
        if timer.has_flushed && next <= now_ms {
            next += ((now_ms - next) / interval + 1) * interval;
        }
        // A wall clock that was set back must not hold a group for longer than its interval.
        let longest = now_ms + interval.max(self.options.group_wait_ms);
        let next_flush_ms = next.clamp(now_ms, longest);
        self.timer = Timer { next_flush_ms, has_flushed: timer.has_flushed };
    }

    /// Begins a flush: what is to be told, and the timer set for the next one.
    fn begin(&mut self, id: &GroupId, now_ms: i64) -> Flush {
        let interval = self.options.group_interval_ms.max(1);
        let due = self.timer.next_flush_ms;
        let late = now_ms - due >= interval;
        let next_flush_ms = if late { now_ms + interval } else { due + interval };
        let first = !self.timer.has_flushed;
        self.timer = Timer { next_flush_ms, has_flushed: true };
        self.flushing = true;
        let mut alerts: Vec<Arc<Alert>> = self.alerts.values().cloned().collect();
        alerts.sort_by(|a, b| a.message_order(b));
        Flush {
            id: id.clone(),
            key: self.key.clone(),
            options: self.options.clone(),
            first,
            now_ms,
            deadline_ms: now_ms + interval.max(PIPELINE_MS_MIN),
            alerts,
        }
    }

    /// Ends a flush. What was over when it began and was told leaves the group, unless it changed
    /// meanwhile.
    fn end(&mut self, flush: &Flush, told: bool) {
        self.flushing = false;
        if !told {
            return;
        }
        for alert in &flush.alerts {
            let fingerprint = alert.fingerprint();
            let same = self.alerts.get(&fingerprint).is_some_and(|now| Arc::ptr_eq(now, alert));
            if same && alert.is_resolved_at(timestamp(flush.now_ms)) {
                self.alerts.remove(&fingerprint);
            }
        }
    }
}

/// All groups of a workspace, and which is due next.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    by_id: BTreeMap<GroupId, Group>,
    due: BTreeSet<(i64, GroupId)>,
}

impl Groups {
    /// Puts an alert in its group of this node. Gives the timer where the group is new.
    pub fn insert(
        &mut self,
        node: &RouteNode,
        alert: &Arc<Alert>,
        now_ms: i64,
    ) -> Option<(GroupId, Timer)> {
        let labels = node.group_labels(&alert.labels);
        let id = GroupId { route_id: node.id.clone(), labels };
        let new = !self.by_id.contains_key(&id);
        self.change(&id, |group| {
            group
                .get_or_insert_with(|| Group::new(node, &id.labels, now_ms))
                .insert(Arc::clone(alert), now_ms);
        });
        let timer = self.by_id[&id].timer;
        new.then_some((id, timer))
    }

    /// Lets a group go on with a timer from before.
    pub fn resume(&mut self, id: &GroupId, timer: Timer, now_ms: i64) {
        self.change(id, |group| {
            if let Some(group) = group {
                group.resume(timer, now_ms);
            }
        });
    }

    /// Changes an alert where groups of this node hold it already; a resolution that is only
    /// repeated
    /// must not come back to a group that was told.
    pub fn refresh(&mut self, node: &RouteNode, alert: &Arc<Alert>) {
        let id = GroupId { route_id: node.id.clone(), labels: node.group_labels(&alert.labels) };
        if let Some(group) = self.by_id.get_mut(&id)
            && let Some(held) = group.alerts.get_mut(&alert.fingerprint())
        {
            *held = Arc::clone(alert);
        }
    }

    /// Marks a group whose flush began before the groups were made anew.
    pub fn mark_flushing(&mut self, id: &GroupId) {
        self.change(id, |group| {
            if let Some(group) = group {
                group.flushing = true;
            }
        });
    }

    /// Begins a flush of every group that is due and not flushing.
    pub fn begin_due(&mut self, now_ms: i64) -> Vec<Flush> {
        let now_due = self.due.iter().take_while(|(at, _)| *at <= now_ms);
        let ids: Vec<GroupId> = now_due.map(|(_, id)| id.clone()).collect();
        let mut flushes = Vec::with_capacity(ids.len());
        for id in ids {
            self.change(&id, |group| {
                flushes.extend(group.as_mut().map(|group| group.begin(&id, now_ms)));
            });
        }
        flushes
    }

    /// Ends a flush; gives whether the group is gone.
    pub fn end(&mut self, flush: &Flush, told: bool) -> bool {
        let mut gone = false;
        self.change(&flush.id, |slot| {
            if let Some(group) = slot {
                group.end(flush, told);
                gone = group.alerts.is_empty();
            }
            if gone {
                *slot = None;
            }
        });
        gone
    }

    /// When the next group is due.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A group.
    pub fn get(&self, id: &GroupId) -> Option<&Group> {
        self.by_id.get(id)
    }

    /// All groups, by route and labels.
    pub fn iter(&self) -> impl Iterator<Item = (&GroupId, &Group)> {
        self.by_id.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The one place where a group changes: keeps the line of due groups true.
    fn change(&mut self, id: &GroupId, change: impl FnOnce(&mut Option<Group>)) {
        let mut slot = self.by_id.remove(id);
        if let Some(group) = &slot {
            self.due.remove(&(group.timer.next_flush_ms, id.clone()));
        }
        change(&mut slot);
        if let Some(group) = slot {
            if !group.flushing {
                self.due.insert((group.timer.next_flush_ms, id.clone()));
            }
            self.by_id.insert(id.clone(), group);
        }
    }
}

#[cfg(test)]
mod tests;
