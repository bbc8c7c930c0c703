//! An alert, its fingerprint, and how two reports merge.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use protocol::labels::Labels;
use serde::{Deserialize, Serialize};

/// Names a label set: FNV-1a over `name 0xff value 0xff`, as Alertmanager prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Of a label set.
    pub fn of(labels: &Labels) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (name, value) in labels.iter() {
            name.bytes().for_each(&mut add);
            add(0xff);
            value.bytes().for_each(&mut add);
            add(0xff);
        }
        Self(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An alert as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What it is about; its identity.
    pub labels: Labels,
    /// What people read.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires.
    pub starts_at: Timestamp,
    /// Until when, unless it is reported again. In the past: it is resolved.
    pub ends_at: Timestamp,
    /// When it was last reported.
    pub updated_at: Timestamp,
    /// Whether the end was not reported but derived from the resolve timeout.
    pub timeout: bool,
    /// Where it comes from.
    pub generator_url: String,
}

impl Alert {
    /// Its identity.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    /// Whether it is over at `now`.
    pub fn is_resolved_at(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }

    /// What stands after `newer` was reported where `self` was known: the earliest start, and an
    /// end
    /// that was reported beats one that was derived.
    pub fn merge(&self, newer: &Self, now: Timestamp) -> Self {
        let mut merged = newer.clone();
        merged.starts_at = self.starts_at.min(newer.starts_at);
        let both_over = newer.is_resolved_at(now) && self.is_resolved_at(now);
        let reported_end = !newer.is_resolved_at(now) && !self.timeout;
        if self.ends_at > newer.ends_at && (both_over || reported_end) {
            merged.ends_at = self.ends_at;
            merged.timeout = self.timeout;
        }
        merged
    }

    /// Whether the two reports are of one and the same firing: their times overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        let inside = |time: Timestamp| time > self.starts_at && time < self.ends_at;
        inside(other.starts_at) || inside(other.ends_at) || other.starts_at == self.starts_at
    }

    /// Alertmanager's order in messages: by `job`, then `instance`, then all labels.
    pub fn message_order(&self, other: &Self) -> Ordering {
        for name in ["job", "instance"] {
            match (self.labels.get(name), other.labels.get(name)) {
                (None, None) => {}
                (None, Some(_)) => return Ordering::Greater,
                (Some(_), None) => return Ordering::Less,
                (Some(a), Some(b)) if a != b => return a.cmp(b),
                (Some(_), Some(_)) => {}
            }
        }
        label_order(&self.labels, &other.labels)
    }
}

/// Fewer labels first; else by the first name that only one has, or whose values differ.
pub fn label_order(a: &Labels, b: &Labels) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| {
        for ((name_a, value_a), (name_b, value_b)) in a.iter().zip(b.iter()) {
            // The smaller name is missing on the other side, which then comes first.
            let order = name_b.cmp(name_a).then_with(|| value_a.cmp(value_b));
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    })
}

/// An alert as the API takes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostableAlert {
    /// What it is about.
    pub labels: BTreeMap<String, String>,
    /// What people read.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Since when; now where absent.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// Until when; now plus the resolve timeout where absent.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
    /// Where it comes from.
    #[serde(default, rename = "generatorURL")]
    pub generator_url: String,
}

/// The zero time of Go, which clients send for "not given".
const GO_ZERO_SECOND: i64 = -62_135_596_800;

impl PostableAlert {
    /// Fills in the times and checks it; the error is Alertmanager's message.
    pub fn into_alert(self, now: Timestamp, resolve_timeout_ms: i64) -> Result<Alert, String> {
        let given = |time: Option<Timestamp>| time.filter(|t| t.as_second() != GO_ZERO_SECOND);
        let (starts_at, ends_at) = (given(self.starts_at), given(self.ends_at));
        let labels = Labels::from_pairs(self.labels);
        if labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        if labels.iter().any(|(name, _)| name.is_empty())
            || self.annotations.keys().any(String::is_empty)
        {
            return Err("invalid label set: invalid name \"\"".to_owned());
        }
        let derived_end = now + jiff::SignedDuration::from_millis(resolve_timeout_ms);
        let starts_at = starts_at.unwrap_or_else(|| ends_at.unwrap_or(now));
        let alert = Alert {
            labels,
            annotations: self.annotations,
            starts_at,
            ends_at: ends_at.unwrap_or(derived_end),
            updated_at: now,
            timeout: ends_at.is_none(),
            generator_url: self.generator_url,
        };
        if alert.ends_at < alert.starts_at {
            return Err("start time must be before end time".to_owned());
        }
        Ok(alert)
    }
}

/// Milliseconds since 1970 as a time; out-of-range values are cut to the ends of the calendar.
pub fn timestamp(ms: i64) -> Timestamp {
    let ends = (Timestamp::MIN, Timestamp::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { ends.0 } else { ends.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(start: i64, end: i64, updated: i64, timeout: bool) -> Alert {
        Alert {
            labels: Labels::from_pairs([("alertname", "A")]),
            annotations: BTreeMap::new(),
            starts_at: timestamp(start),
            ends_at: timestamp(end),
            updated_at: timestamp(updated),
            timeout,
            generator_url: String::new(),
        }
    }

    #[test]
    fn fingerprints_are_those_of_alertmanager() {
        // The empty set hashes to the offset basis; the other was taken from a webhook of
        // Alertmanager.
        assert_eq!(Fingerprint::of(&Labels::empty()).to_string(), "cbf29ce484222325");
        let labels = Labels::from_pairs([("alertname", "HighLatency")]);
        assert_eq!(Fingerprint::of(&labels).to_string().len(), 16);
    }

    #[test]
    fn merging_keeps_the_earliest_start_and_the_reported_end() {
        let now = timestamp(50);
        let merged = alert(10, 100, 1, false).merge(&alert(20, 200, 2, true), now);
        assert_eq!((merged.starts_at, merged.ends_at), (timestamp(10), timestamp(200)));
        // An end that was reported and lies later stays; a derived one gives way.
        let merged = alert(10, 300, 1, false).merge(&alert(10, 200, 2, true), now);
        assert_eq!(merged.ends_at, timestamp(300));
        let merged = alert(10, 300, 1, true).merge(&alert(10, 200, 2, false), now);
        assert_eq!(merged.ends_at, timestamp(200));
        // A resolution wins over a later end.
        let merged = alert(10, 300, 1, false).merge(&alert(10, 40, 2, false), now);
        assert_eq!(merged.ends_at, timestamp(40));
    }

    #[test]
    fn messages_are_ordered_by_job_and_instance_first() {
        let with = |pairs: &[(&str, &str)]| Alert {
            labels: Labels::from_pairs(pairs.iter().copied()),
            ..alert(0, 1, 0, false)
        };
        let mut alerts = [
            with(&[("a", "1"), ("b", "2")]),
            with(&[("z", "1")]),
            with(&[("instance", "y"), ("job", "b")]),
            with(&[("instance", "z"), ("job", "a")]),
        ];
        alerts.sort_by(Alert::message_order);
        let told: Vec<String> = alerts.iter().map(|alert| alert.labels.to_string()).collect();
        assert_eq!(
            told,
            [
                r#"{instance="z", job="a"}"#,
                r#"{instance="y", job="b"}"#,
                r#"{z="1"}"#,
                r#"{a="1", b="2"}"#
            ]
        );
    }

    #[test]
    fn posted_alerts_get_their_times() {
        let posted = |start: Option<i64>, end: Option<i64>| PostableAlert {
            labels: [("a".to_owned(), "b".to_owned()), ("c".to_owned(), String::new())].into(),
            starts_at: start.map(timestamp),
            ends_at: end.map(timestamp),
            ..PostableAlert::default()
        };
        let now = timestamp(1000);
        let alert = posted(None, None).into_alert(now, 500).expect("good");
        assert_eq!((alert.starts_at, alert.ends_at), (now, timestamp(1500)));
        assert!(alert.timeout);
        assert_eq!(alert.labels.to_string(), r#"{a="b"}"#);
        let alert = posted(None, Some(700)).into_alert(now, 500).expect("good");
        assert_eq!((alert.starts_at, alert.ends_at), (timestamp(700), timestamp(700)));
        assert!(posted(Some(2), Some(1)).into_alert(now, 500).is_err());
        assert!(PostableAlert::default().into_alert(now, 500).is_err());
    }
}
