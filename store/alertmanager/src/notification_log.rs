//! What was told to whom, and whether to tell it again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Longest time an entry is kept: Alertmanager's retention of 120 hours.
pub const RETENTION_MS: i64 = 120 * 3_600_000;

/// Who was told about which group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogKey {
    /// The group.
    pub group_key: String,
    /// The receiver's name.
    pub receiver: String,
    /// The kind of integration.
    pub kind: String,
    /// Its place among those of its kind in the receiver.
    pub index: u32,
}

/// What was told last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Hashes of the alerts that were told as firing.
    pub firing: BTreeSet<u64>,
    /// Hashes of the alerts that were told as resolved.
    pub resolved: BTreeSet<u64>,
    /// When the flush began that told them.
    pub at_ms: i64,
    /// When the entry is forgotten.
    pub expires_ms: i64,
    /// How many messages were told under this key.
    pub number: u64,
}

/// Why a message goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing was told yet.
    First,
    /// Alerts fire that were not told.
    NewAlerts,
    /// Nothing fires any more.
    AllResolved,
    /// Some alerts ended.
    SomeResolved,
    /// Nothing changed for the repeat interval.
    Repeat,
}

impl Reason {
    /// Alertmanager's words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::AllResolved => "all alerts resolved",
            Self::SomeResolved => "some alerts resolved",
            Self::Repeat => "repeat interval elapsed",
        }
    }
}

/// What is to be told now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Hashes of what fires.
    pub firing: BTreeSet<u64>,
    /// Hashes of what has ended.
    pub resolved: BTreeSet<u64>,
}

/// Whether to tell `state`, given what was told last.
pub fn decide(
    last: Option<&LogEntry>,
    state: &State,
    send_resolved: bool,
    repeat_interval_ms: i64,
    now_ms: i64,
) -> Option<Reason> {
    let Some(last) = last else {
        return (!state.firing.is_empty()).then_some(Reason::First);
    };
    if !state.firing.is_subset(&last.firing) {
        return Some(Reason::NewAlerts);
    }
    if state.firing.is_empty() {
        // Told even where the receiver hears of no resolutions: it clears the log.
        return (!last.firing.is_empty()).then_some(Reason::AllResolved);
    }
    if send_resolved && !state.resolved.is_subset(&last.resolved) {
        return Some(Reason::SomeResolved);
    }
    (now_ms - last.at_ms >= repeat_interval_ms).then_some(Reason::Repeat)
}

/// All that was told.
#[derive(Clone, Debug, Default)]
pub struct NotificationLog {
    entries: BTreeMap<LogKey, LogEntry>,
}

impl NotificationLog {
    /// What was told last, unless it is too old.
    pub fn get(&self, key: &LogKey, now_ms: i64) -> Option<&LogEntry> {
        self.entries.get(key).filter(|entry| entry.expires_ms > now_ms)
    }

    /// Notes what was told.
    pub fn put(&mut self, key: LogKey, entry: LogEntry) {
        self.entries.insert(key, entry);
    }

    /// Forgets what is too old; gives the keys.
    pub fn expire(&mut self, now_ms: i64) -> Vec<LogKey> {
        let old = self.entries.iter().filter(|(_, entry)| entry.expires_ms <= now_ms);
        let keys: Vec<LogKey> = old.map(|(key, _)| key.clone()).collect();
        for key in &keys {
            self.entries.remove(key);
        }
        keys
    }

    /// Forgets one entry.
    pub fn remove(&mut self, key: &LogKey) {
        self.entries.remove(key);
    }

    /// Whether somebody was told that this alert of the group fires, and not yet that it ended.
    pub fn told_firing(&self, group_key: &str, receiver: &str, hash: u64) -> bool {
        self.of_group(group_key, receiver).any(|entry| entry.firing.contains(&hash))
    }

    /// Everything, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&LogKey, &LogEntry)> {
        self.entries.iter()
    }

    fn of_group<'a>(
        &'a self,
        group_key: &str,
        receiver: &'a str,
    ) -> impl Iterator<Item = &'a LogEntry> {
        let first = LogKey {
            group_key: group_key.to_owned(),
            receiver: receiver.to_owned(),
            kind: String::new(),
            index: 0,
        };
        let group_key = group_key.to_owned();
        let range = self.entries.range(first..);
        range
            .take_while(move |(key, _)| key.group_key == group_key && key.receiver == receiver)
            .map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(firing: &[u64], resolved: &[u64]) -> State {
        State {
            firing: firing.iter().copied().collect(),
            resolved: resolved.iter().copied().collect(),
        }
    }

    fn entry(firing: &[u64], resolved: &[u64]) -> LogEntry {
        let State { firing, resolved } = state(firing, resolved);
        LogEntry { firing, resolved, at_ms: 1000, expires_ms: 9000, number: 1 }
    }

    #[test]
    fn the_table_of_decisions() {
        let log = entry(&[1, 2], &[3]);
        let over = entry(&[], &[1, 2]);
        for (last, now, send_resolved, at_ms, expected) in [
            (None, state(&[1], &[]), true, 0, Some(Reason::First)),
            (None, state(&[], &[1]), true, 0, None),
            (Some(&log), state(&[1, 4], &[]), true, 1001, Some(Reason::NewAlerts)),
            (Some(&log), state(&[1, 2], &[]), true, 1001, None),
            (Some(&log), state(&[1], &[2]), true, 1001, Some(Reason::SomeResolved)),
            (Some(&log), state(&[1], &[2]), false, 1001, None),
            (Some(&log), state(&[1], &[3]), true, 1001, None),
            (Some(&log), state(&[], &[1, 2]), false, 1001, Some(Reason::AllResolved)),
            (Some(&over), state(&[], &[1, 2]), true, 1001, None),
            (Some(&over), state(&[1], &[]), true, 1001, Some(Reason::NewAlerts)),
            (Some(&log), state(&[1, 2], &[]), true, 1499, None),
            (Some(&log), state(&[1, 2], &[]), true, 1500, Some(Reason::Repeat)),
        ] {
            assert_eq!(decide(last, &now, send_resolved, 500, at_ms), expected, "{last:?} {now:?}");
        }
    }

    #[test]
    fn entries_expire_and_are_found_by_group() {
        let mut log = NotificationLog::default();
        let key = |group: &str, index| LogKey {
            group_key: group.to_owned(),
            receiver: "r".to_owned(),
            kind: "webhook".to_owned(),
            index,
        };
        log.put(key("a", 0), entry(&[1], &[2]));
        log.put(key("b", 1), entry(&[5], &[]));
        assert!(log.told_firing("a", "r", 1) && !log.told_firing("a", "r", 5));
        assert!(log.told_firing("b", "r", 5) && !log.told_firing("b", "other", 5));
        assert!(log.get(&key("a", 0), 8999).is_some() && log.get(&key("a", 0), 9000).is_none());
        assert_eq!(log.expire(9000).len(), 2);
    }
}
