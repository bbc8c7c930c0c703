//! The journal: what must survive a restart.
//!
//! Only transitions are written, never the report that repeats itself. Every record is the whole
//! new
//! value of one thing, so replaying is overwriting. Now and then everything is written again
//! between
//! [`Record::SnapshotBegin`] and [`Record::SnapshotEnd`], and what came before is trimmed.
//!
//! A payload is JSON: `{"v":1,"records":[...]}`, all of its records or none.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use protocol::labels::Labels;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Fingerprint};
use crate::group::{GroupId, Timer};
use crate::message::pairs;
use crate::notification_log::{LogEntry, LogKey};
use crate::silence::Silence;

/// The version of the payload that we write, and the newest that we read.
pub const VERSION: u32 = 1;

/// Most records in one payload: a snapshot is cut into payloads of some hundred kilobytes.
pub const RECORDS_PER_PAYLOAD_MAX: usize = 512;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An alert is new, changed or over.
    Alert(StoredAlert),
    /// An alert was forgotten.
    AlertGone(Fingerprint),
    /// A silence is new or changed.
    Silence(Silence),
    /// A silence was forgotten.
    SilenceGone(String),
    /// A group's timer.
    Group(StoredGroup),
    /// A group is empty.
    GroupGone(StoredGroupId),
    /// A message is about to be sent: told again, with the same key, unless a `Told` follows.
    Intent(LogKey, u64),
    /// A message was taken by its receiver.
    Told(LogKey, LogEntry),
    /// What was told was forgotten.
    ToldGone(LogKey),
    /// From here on everything is written again.
    SnapshotBegin,
    /// A part of everything.
    Snapshot(Box<Record>),
    /// Everything was written: this many parts.
    SnapshotEnd(usize),
}

/// An alert, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredAlert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    updated_at: Timestamp,
    timeout: bool,
    generator_url: String,
    /// Whether it was known to be over when this was written.
    pub resolved: bool,
}

/// A group's name, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredGroupId {
    route: String,
    labels: BTreeMap<String, String>,
}

/// A group's timer, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredGroup {
    id: StoredGroupId,
    next_flush_ms: i64,
    has_flushed: bool,
}

impl StoredAlert {
    /// To write.
    pub fn new(alert: &Alert, resolved: bool) -> Self {
        Self {
            labels: pairs(&alert.labels),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at,
            ends_at: alert.ends_at,
            updated_at: alert.updated_at,
            timeout: alert.timeout,
            generator_url: alert.generator_url.clone(),
            resolved,
        }
    }

    /// As it was.
    pub fn into_alert(self) -> Alert {
        Alert {
            labels: Labels::from_pairs(self.labels),
            annotations: self.annotations,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            updated_at: self.updated_at,
            timeout: self.timeout,
            generator_url: self.generator_url,
        }
    }
}

impl From<&GroupId> for StoredGroupId {
    fn from(id: &GroupId) -> Self {
        Self { route: id.route_id.clone(), labels: pairs(&id.labels) }
    }
}

impl StoredGroupId {
    /// As it was.
    pub fn into_id(self) -> GroupId {
        GroupId { route_id: self.route, labels: Labels::from_pairs(self.labels) }
    }
}

impl StoredGroup {
    /// To write.
    pub fn new(id: &GroupId, timer: Timer) -> Self {
        Self { id: id.into(), next_flush_ms: timer.next_flush_ms, has_flushed: timer.has_flushed }
    }

    /// As it was.
    pub fn into_parts(self) -> (GroupId, Timer) {
        let timer = Timer { next_flush_ms: self.next_flush_ms, has_flushed: self.has_flushed };
        (self.id.into_id(), timer)
    }
}

#[derive(Serialize)]
struct PayloadOut<'a> {
    v: u32,
    records: &'a [Record],
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct PayloadIn {
    records: Vec<Record>,
}

/// Why a payload could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Written by a newer Hearth.
    #[error("alert journal has version {0}, this binary reads up to {VERSION}: use a newer one")]
    TooNew(u32),
    /// Not ours.
    #[error("alert journal holds a record that cannot be read: {0}")]
    Damaged(String),
}

/// To bytes.
pub fn encode(records: &[Record]) -> Bytes {
    let payload = PayloadOut { v: VERSION, records };
    Bytes::from(serde_json::to_vec(&payload).expect("records hold only texts, numbers and lists"))
}

/// From bytes.
pub fn decode(payload: &[u8]) -> Result<Vec<Record>, JournalError> {
    let damaged = |error: serde_json::Error| JournalError::Damaged(error.to_string());
    let version: Version = serde_json::from_slice(payload).map_err(damaged)?;
    if version.v > VERSION {
        return Err(JournalError::TooNew(version.v));
    }
    serde_json::from_slice::<PayloadIn>(payload).map(|payload| payload.records).map_err(damaged)
}
