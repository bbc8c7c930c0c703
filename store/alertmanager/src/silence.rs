//! Silences: their life, and whom they mute.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::labels::Labels;
use protocol::matcher::{MatchOp, Matcher};
use serde::{Deserialize, Serialize};

use crate::alert::timestamp;
use crate::matcher_index::MatcherIndex;

/// How long a silence is kept after its end: Alertmanager's 120 hours.
pub const RETENTION_MS: i64 = 120 * 3_600_000;

/// A silence as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// A UUID.
    pub id: String,
    /// All of these must fit.
    pub matchers: Vec<SilenceMatcher>,
    /// From.
    pub starts_at: Timestamp,
    /// Until.
    pub ends_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// For machines.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A condition, as the API writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SilenceMatcher {
    /// The label.
    pub name: String,
    /// The value or the pattern.
    pub value: String,
    /// Whether it is a pattern.
    #[serde(default)]
    pub is_regex: bool,
    /// Whether it must fit, or must not.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

/// Where a silence stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// Over.
    Expired,
    /// In force.
    Active,
    /// Yet to come.
    Pending,
}

/// Why a silence was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// No silence of this id.
    #[error("silence {0} not found")]
    NotFound(String),
    /// Something in it is wrong.
    #[error("invalid silence: {0}")]
    Invalid(String),
    /// A limit of the workspace.
    #[error("exceeded maximum {limit}: {value} (limit: {limit_value})")]
    OverLimit {
        /// Its name.
        limit: &'static str,
        /// What was asked for.
        value: usize,
        /// What is allowed.
        limit_value: usize,
    },
}

/// What is asked for with a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilenceRequest {
    /// Of the silence to change; empty or absent: a new one.
    pub id: Option<String>,
    /// All must fit.
    pub matchers: Vec<SilenceMatcher>,
    /// From.
    pub starts_at: Timestamp,
    /// Until.
    pub ends_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// For machines.
    pub annotations: BTreeMap<String, String>,
}

/// Bounds of a workspace's silences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilenceLimits {
    /// How many, the expired ones included.
    pub silences_max: usize,
    /// Bytes of one.
    pub silence_bytes_max: usize,
}

/// All silences of a workspace.
#[derive(Clone, Debug, Default)]
pub struct Silences {
    by_id: BTreeMap<String, (Silence, Vec<Matcher>)>,
    index: MatcherIndex<String>,
}

impl Silence {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now < self.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }
}

impl SilenceMatcher {
    /// Ready to compare.
    pub fn compile(&self) -> Result<Matcher, SilenceError> {
        let op = match (self.is_regex, self.is_equal) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        if self.name.is_empty() {
            return Err(SilenceError::Invalid("invalid label name \"\"".to_owned()));
        }
        Matcher::new(op, self.name.clone(), self.value.clone())
            .map_err(|error| SilenceError::Invalid(format!("invalid label matcher: {error}")))
    }
}

impl Silences {
    /// What a POST leads to: the silences to store, the last of them the one asked for. Nothing is
    /// changed here; [`Self::put`] does it once the journal has them.
    pub fn plan_set(
        &self,
        request: SilenceRequest,
        new_id: impl FnOnce() -> String,
        limits: SilenceLimits,
        now: Timestamp,
    ) -> Result<Vec<Silence>, SilenceError> {
        let mut wanted = check(request, limits, now)?;
        if wanted.id.is_empty() {
            self.has_room(limits)?;
            wanted.id = new_id();
            return Ok(vec![wanted]);
        }
        let known = self.by_id.get(&wanted.id).map(|(silence, _)| silence);
        let old = known.ok_or_else(|| SilenceError::NotFound(wanted.id.clone()))?;
        if can_update(old, &wanted, now) {
            // A silence that is in force keeps its start.
            if old.state(now) == SilenceState::Active {
                wanted.starts_at = old.starts_at;
            }
            return Ok(vec![wanted]);
        }
        self.has_room(limits)?;
        wanted.id = new_id();
        let mut changes = expired(old, now).into_iter().collect::<Vec<_>>();
        changes.push(wanted);
        Ok(changes)
    }

    /// What a DELETE leads to; `None`: it is over already.
    pub fn plan_expire(&self, id: &str, now: Timestamp) -> Result<Option<Silence>, SilenceError> {
        let known = self.by_id.get(id).ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
        Ok(expired(&known.0, now))
    }

    /// Stores a silence that was planned, or that comes from the journal.
    pub fn put(&mut self, silence: Silence) {
        let compiled: Result<Vec<Matcher>, _> =
            silence.matchers.iter().map(SilenceMatcher::compile).collect();
        // Checked before it was journaled; one that no longer compiles must not mute everything.
        self.remove(&silence.id);
        if let Ok(matchers) = compiled {
            self.index.insert(silence.id.clone(), &matchers);
            self.by_id.insert(silence.id.clone(), (silence, matchers));
        }
    }

    /// Forgets a silence.
    pub fn remove(&mut self, id: &str) {
        if let Some((_, matchers)) = self.by_id.remove(id) {
            self.index.remove(&id.to_owned(), &matchers);
        }
    }

    /// Forgets what ended long ago; gives the ids.
    pub fn expire(&mut self, now: Timestamp) -> Vec<String> {
        // From now backwards: a silence may end on the last day of the calendar.
        let limit = timestamp(now.as_millisecond() - RETENTION_MS);
        let old = self.by_id.values().filter(|(silence, _)| silence.ends_at <= limit);
        let ids: Vec<String> = old.map(|(silence, _)| silence.id.clone()).collect();
        for id in &ids {
            self.remove(id);
        }
        ids
    }

    /// By its id.
    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.by_id.get(id).map(|(silence, _)| silence)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.by_id.values().map(|(silence, _)| silence)
    }

    /// The silences that mute these labels now, by id.
    pub fn silenced_by(&self, labels: &Labels, now: Timestamp) -> Vec<String> {
        let mutes = |(silence, matchers): &&(Silence, Vec<Matcher>)| {
            silence.state(now) == SilenceState::Active
                && matchers.iter().all(|matcher| matcher.matches_labels(labels))
        };
        let found = self.index.candidates(labels).filter_map(|id| self.by_id.get(id));
        let mut ids: Vec<String> =
            found.filter(mutes).map(|(silence, _)| silence.id.clone()).collect();
        ids.sort_unstable();
        ids
    }

    fn has_room(&self, limits: SilenceLimits) -> Result<(), SilenceError> {
        let value = self.by_id.len() + 1;
        if value > limits.silences_max {
            let limit_value = limits.silences_max;
            return Err(SilenceError::OverLimit { limit: "silences_max", value, limit_value });
        }
        Ok(())
    }
}

fn check(
    request: SilenceRequest,
    limits: SilenceLimits,
    now: Timestamp,
) -> Result<Silence, SilenceError> {
    let invalid = |reason: &str| Err(SilenceError::Invalid(reason.to_owned()));
    if request.matchers.is_empty() {
        return invalid("at least one matcher required");
    }
    let compiled: Vec<Matcher> =
        request.matchers.iter().map(SilenceMatcher::compile).collect::<Result<_, _>>()?;
    if compiled.iter().all(Matcher::matches_empty) {
        return invalid("at least one matcher must not match the empty string");
    }
    if request.ends_at < request.starts_at {
        return invalid("start time must be before end time");
    }
    if request.ends_at <= now {
        return invalid("end time can't be in the past");
    }
    let parts = request.matchers.iter().map(|m| m.name.len() + m.value.len());
    let value = parts.sum::<usize>() + request.comment.len() + request.created_by.len();
    if value > limits.silence_bytes_max {
        let limit_value = limits.silence_bytes_max;
        return Err(SilenceError::OverLimit { limit: "silence_bytes_max", value, limit_value });
    }
    Ok(Silence {
        id: request.id.unwrap_or_default(),
        matchers: request.matchers,
        starts_at: request.starts_at.max(now),
        ends_at: request.ends_at,
        updated_at: now,
        created_by: request.created_by,
        comment: request.comment,
        annotations: request.annotations,
    })
}

/// Whether the change can be made without forging history.
fn can_update(old: &Silence, new: &Silence, now: Timestamp) -> bool {
    if old.matchers != new.matchers {
        return false;
    }
    match old.state(now) {
        SilenceState::Active => new.starts_at <= now || new.starts_at == old.starts_at,
        SilenceState::Pending => new.starts_at >= now,
        SilenceState::Expired => false,
    }
}

/// The silence ended at `now`; `None` where it is over already.
fn expired(silence: &Silence, now: Timestamp) -> Option<Silence> {
    let mut ended = Silence { ends_at: now, updated_at: now, ..silence.clone() };
    match silence.state(now) {
        SilenceState::Expired => None,
        SilenceState::Active => Some(ended),
        SilenceState::Pending => {
            ended.starts_at = now;
            Some(ended)
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::timestamp;

    const LIMITS: SilenceLimits = SilenceLimits { silences_max: 3, silence_bytes_max: 100 };

    fn request(id: Option<&str>, value: &str, start: i64, end: i64) -> SilenceRequest {
        SilenceRequest {
            id: id.map(str::to_owned),
            matchers: vec![SilenceMatcher {
                name: "a".to_owned(),
                value: value.to_owned(),
                is_regex: false,
                is_equal: true,
            }],
            starts_at: timestamp(start),
            ends_at: timestamp(end),
            created_by: "me".to_owned(),
            comment: "why".to_owned(),
            annotations: BTreeMap::new(),
        }
    }

    fn set(
        silences: &mut Silences,
        request: SilenceRequest,
        id: &str,
        now: i64,
    ) -> Result<String, SilenceError> {
        let planned = silences.plan_set(request, || id.to_owned(), LIMITS, timestamp(now))?;
        let last = planned.last().expect("the one asked for").id.clone();
        for silence in planned {
            silences.put(silence);
        }
        Ok(last)
    }

    #[test]
    fn a_silence_lives() {
        let mut silences = Silences::default();
        let id = set(&mut silences, request(None, "x", 50, 200), "1", 100).expect("created");
        let labels = Labels::from_pairs([("a", "x")]);
        assert_eq!(silences.get("1").map(|s| s.starts_at), Some(timestamp(100)), "not in the past");
        assert_eq!(silences.silenced_by(&labels, timestamp(150)), [id]);
        assert!(silences.silenced_by(&labels, timestamp(200)).is_empty());
        let ended = silences.plan_expire("1", timestamp(160)).expect("known").expect("changed");
        silences.put(ended);
        assert!(silences.silenced_by(&labels, timestamp(170)).is_empty());
        assert_eq!(silences.plan_expire("1", timestamp(180)), Ok(None));
        assert!(silences.plan_expire("9", timestamp(180)).is_err());
        assert_eq!(silences.expire(timestamp(160 + RETENTION_MS)), ["1"]);
    }

    #[test]
    fn updates_keep_the_id_only_where_they_fit() {
        let mut silences = Silences::default();
        set(&mut silences, request(None, "x", 0, 200), "1", 100).expect("created");
        assert_eq!(set(&mut silences, request(Some("1"), "x", 0, 300), "2", 120), Ok("1".into()));
        assert_eq!(silences.get("1").map(|s| s.starts_at), Some(timestamp(100)));
        assert_eq!(set(&mut silences, request(Some("1"), "y", 0, 300), "2", 130), Ok("2".into()));
        assert_eq!(silences.get("1").map(|s| s.state(timestamp(131))), Some(SilenceState::Expired));
        // What is over is never changed, a new one takes its place.
        assert_eq!(set(&mut silences, request(Some("1"), "x", 0, 300), "3", 140), Ok("3".into()));
        assert!(matches!(
            set(&mut silences, request(None, "z", 0, 300), "4", 140),
            Err(SilenceError::OverLimit { limit: "silences_max", value: 4, limit_value: 3 })
        ));
        assert!(matches!(
            set(&mut silences, request(Some("9"), "z", 0, 300), "4", 140),
            Err(SilenceError::NotFound(_))
        ));
    }

    #[test]
    fn what_would_mute_everything_is_refused() {
        let silences = Silences::default();
        let refused = |request: SilenceRequest| {
            silences.plan_set(request, String::new, LIMITS, timestamp(100)).expect_err("refused")
        };
        refused(SilenceRequest { matchers: Vec::new(), ..request(None, "x", 0, 200) });
        refused(request(None, "", 0, 200));
        refused(request(None, "x", 0, 100));
        refused(request(None, "x", 300, 200));
        refused(request(None, &"x".repeat(200), 0, 200));
    }
}
