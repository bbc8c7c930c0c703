//! Alertmanager's API version 2, without HTTP.
//!
//! The store's HTTP layer reads a request into these types, calls, and writes the answer. Errors
//! are
//! bare JSON strings; [`ApiError::status`] is the status that goes with each.

mod answers;

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::alertmanager_config::matchers::parse_matcher;
use protocol::go_regex::GoRegex;
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use serde::{Deserialize, Serialize, Serializer};

use crate::alertmanager::{AlertManager, PostError, SetSilenceError};
use crate::silence::{Silence, SilenceError, SilenceMatcher, SilenceRequest, SilenceState};

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The question is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// There is no such silence.
    #[error("silence not found")]
    NotFound,
    /// Ask again.
    #[error("{0}")]
    Unavailable(String),
}

impl ApiError {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::NotFound => 404,
            Self::Unavailable(_) => 503,
        }
    }
}

impl From<PostError> for ApiError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Refused(_) => Self::BadRequest(error.to_string()),
            PostError::NotDurable(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<SetSilenceError> for ApiError {
    fn from(error: SetSilenceError) -> Self {
        match error {
            SetSilenceError::Refused(SilenceError::NotFound(_)) => Self::NotFound,
            SetSilenceError::Refused(_) => Self::BadRequest(error.to_string()),
            SetSilenceError::NotDurable(_) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Which alerts are asked for.
#[derive(Clone, Debug)]
pub struct AlertQuery {
    /// Those that nothing mutes.
    pub active: bool,
    /// Those that a silence mutes.
    pub silenced: bool,
    /// Those that another alert mutes.
    pub inhibited: bool,
    /// Those that no definition has routed.
    pub unprocessed: bool,
    /// In groups: those that a time interval mutes.
    pub muted: bool,
    /// All must fit.
    pub filter: Vec<Matcher>,
    /// Fits the name of a receiver.
    pub receiver: Option<GoRegex>,
}

impl Default for AlertQuery {
    fn default() -> Self {
        Self {
            active: true,
            silenced: true,
            inhibited: true,
            unprocessed: true,
            muted: true,
            filter: Vec::new(),
            receiver: None,
        }
    }
}

impl AlertQuery {
    /// Reads decoded query parameters; ones that are not known are left alone.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (name, value) in parameters {
            match name {
                "active" => query.active = flag(name, value)?,
                "silenced" => query.silenced = flag(name, value)?,
                "inhibited" => query.inhibited = flag(name, value)?,
                "unprocessed" => query.unprocessed = flag(name, value)?,
                "muted" => query.muted = flag(name, value)?,
                "filter" => query.filter.push(filter(value)?),
                "receiver" if !value.is_empty() => {
                    let regex = GoRegex::anchored(value);
                    query.receiver = Some(regex.map_err(|error| {
                        ApiError::BadRequest(format!("failed to parse receiver param: {error}"))
                    })?);
                }
                _ => {}
            }
        }
        Ok(query)
    }
}

/// Which silences are asked for.
#[derive(Clone, Debug)]
pub struct SilenceQuery {
    /// Those in force.
    pub active: bool,
    /// Those over.
    pub expired: bool,
    /// Those to come.
    pub pending: bool,
    /// Must fit the silence's own matchers.
    pub filter: Vec<Matcher>,
}

impl SilenceQuery {
    /// Reads decoded query parameters; ones that are not known are left alone.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ApiError> {
        let mut query = Self { active: true, expired: true, pending: true, filter: Vec::new() };
        for (name, value) in parameters {
            match name {
                "active" => query.active = flag(name, value)?,
                "expired" => query.expired = flag(name, value)?,
                "pending" => query.pending = flag(name, value)?,
                "filter" => query.filter.push(filter(value)?),
                _ => {}
            }
        }
        Ok(query)
    }
}

fn flag(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" | "1" | "t" | "T" | "TRUE" | "True" => Ok(true),
        "false" | "0" | "f" | "F" | "FALSE" | "False" => Ok(false),
        _ => {
            Err(ApiError::BadRequest(format!("{name} in query must be of type boolean: {value:?}")))
        }
    }
}

fn filter(text: &str) -> Result<Matcher, ApiError> {
    parse_matcher(text).map_err(|error| ApiError::BadRequest(error.to_string()))
}

/// An alert in an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GettableAlert {
    /// What people read.
    pub annotations: BTreeMap<String, String>,
    /// Until when.
    #[serde(serialize_with = "milliseconds")]
    pub ends_at: Timestamp,
    /// Its identity.
    pub fingerprint: String,
    /// Who hears of it.
    pub receivers: Vec<Receiver>,
    /// Since when.
    #[serde(serialize_with = "milliseconds")]
    pub starts_at: Timestamp,
    /// What mutes it.
    pub status: AlertStatus,
    /// When it was last reported.
    #[serde(serialize_with = "milliseconds")]
    pub updated_at: Timestamp,
    /// Where it comes from.
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    pub generator_url: String,
    /// What it is about.
    pub labels: BTreeMap<String, String>,
}

/// What mutes an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertStatus {
    /// Fingerprints of alerts.
    pub inhibited_by: Vec<String>,
    /// Names of time intervals.
    pub muted_by: Vec<String>,
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// In one word.
    pub state: AlertState,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// No definition has routed it.
    Unprocessed,
    /// It is spoken of.
    Active,
    /// It is not.
    Suppressed,
}

/// A receiver in an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Receiver {
    /// Its name.
    pub name: String,
}

/// A group in an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertGroup {
    /// Its alerts.
    pub alerts: Vec<GettableAlert>,
    /// What makes it.
    pub labels: BTreeMap<String, String>,
    /// Who hears of it.
    pub receiver: Receiver,
}

/// A silence in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GettableSilence {
    /// A UUID.
    pub id: String,
    /// Where it stands.
    pub status: SilenceStatus,
    /// Last change.
    #[serde(serialize_with = "milliseconds")]
    pub updated_at: Timestamp,
    /// For machines.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Why.
    pub comment: String,
    /// By whom.
    pub created_by: String,
    /// Until.
    #[serde(serialize_with = "milliseconds")]
    pub ends_at: Timestamp,
    /// All must fit.
    pub matchers: Vec<SilenceMatcher>,
    /// From.
    #[serde(serialize_with = "milliseconds")]
    pub starts_at: Timestamp,
}

/// Where a silence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SilenceStatus {
    /// In one word.
    pub state: SilenceState,
}

/// A silence as it is posted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostableSilence {
    /// Of the silence to change.
    #[serde(default)]
    pub id: Option<String>,
    /// For machines.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Why.
    pub comment: String,
    /// By whom.
    pub created_by: String,
    /// Until.
    pub ends_at: Timestamp,
    /// All must fit.
    pub matchers: Vec<SilenceMatcher>,
    /// From.
    pub starts_at: Timestamp,
}

impl From<PostableSilence> for SilenceRequest {
    fn from(posted: PostableSilence) -> Self {
        let PostableSilence { id, annotations, comment, created_by, ends_at, matchers, starts_at } =
            posted;
        let id = id.filter(|id| !id.is_empty());
        Self { id, matchers, starts_at, ends_at, created_by, comment, annotations }
    }
}

/// The answer to a posted silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PostedSilence {
    /// Of the silence, perhaps a new one.
    #[serde(rename = "silenceID")]
    pub silence_id: String,
}

/// The answer of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// There is none: one owner a workspace.
    pub cluster: ClusterStatus,
    /// What runs.
    pub config: ConfigStatus,
    /// Since when.
    #[serde(serialize_with = "milliseconds")]
    pub uptime: Timestamp,
    /// Of us.
    pub version_info: VersionInfo,
}

/// There is no gossip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterStatus {
    /// Nobody.
    pub peers: Vec<String>,
    /// `disabled`.
    pub status: &'static str,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigStatus {
    /// YAML, secrets masked.
    pub original: String,
}

/// What we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// Empty.
    pub branch: String,
    /// Empty.
    pub build_date: String,
    /// Empty.
    pub build_user: String,
    /// Empty.
    pub go_version: String,
    /// Empty.
    pub revision: String,
    /// Hearth's.
    pub version: String,
}

impl AlertManager {
    /// `GET silences`: those in force first, by their end; then those to come, by their start; then
    /// those over, the latest first.
    pub fn get_silences(&self, query: &SilenceQuery) -> Vec<GettableSilence> {
        let now = crate::alert::timestamp(self.now_ms());
        let wanted = |silence: &&Silence| {
            let by_state = match silence.state(now) {
                SilenceState::Active => query.active,
                SilenceState::Pending => query.pending,
                SilenceState::Expired => query.expired,
            };
            by_state && fits_filter(silence, &query.filter)
        };
        let mut found: Vec<Silence> =
            self.read(|state| state.silences.iter().filter(wanted).cloned().collect());
        found.sort_by_cached_key(|silence| {
            let second = match silence.state(now) {
                SilenceState::Active => (0, silence.ends_at.as_nanosecond()),
                SilenceState::Pending => (1, silence.starts_at.as_nanosecond()),
                SilenceState::Expired => (2, -silence.ends_at.as_nanosecond()),
            };
            (second, silence.id.clone())
        });
        found.into_iter().map(|silence| gettable(silence, now)).collect()
    }

    /// `GET silence/{id}`.
    pub fn get_silence(&self, id: &str) -> Result<GettableSilence, ApiError> {
        let now = crate::alert::timestamp(self.now_ms());
        let found = self.read(|state| state.silences.get(id).cloned());
        found.map(|silence| gettable(silence, now)).ok_or(ApiError::NotFound)
    }

    /// `POST silences`.
    pub async fn post_silence(&self, posted: PostableSilence) -> Result<PostedSilence, ApiError> {
        Ok(PostedSilence { silence_id: self.set_silence(posted.into()).await? })
    }

    /// `DELETE silence/{id}`.
    pub async fn delete_silence(&self, id: &str) -> Result<(), ApiError> {
        Ok(self.expire_silence(id).await?)
    }

    /// `GET receivers`.
    pub fn get_receivers(&self) -> Vec<Receiver> {
        self.read(|state| {
            let receivers = state.plan.iter().flat_map(|plan| &plan.definition.config.receivers);
            receivers.map(|receiver| Receiver { name: receiver.name.clone() }).collect()
        })
    }

    /// `GET status`.
    pub fn get_status(&self) -> Status {
        let text =
            self.read(|state| state.plan.as_ref().map(|plan| plan.definition.config_text.clone()));
        let original = text.map(|text| protocol::alertmanager_config::masked::masked(&text));
        Status {
            cluster: ClusterStatus { peers: Vec::new(), status: "disabled" },
            config: ConfigStatus { original: original.unwrap_or_default() },
            uptime: self.started_at,
            version_info: VersionInfo {
                branch: String::new(),
                build_date: String::new(),
                build_user: String::new(),
                go_version: String::new(),
                revision: String::new(),
                version: self.options.version.clone(),
            },
        }
    }
}

/// A silence fits where the patterns of its matchers do, as if they were labels.
fn fits_filter(silence: &Silence, filter: &[Matcher]) -> bool {
    let as_labels =
        Labels::from_pairs(silence.matchers.iter().map(|m| (m.name.as_str(), m.value.as_str())));
    filter.iter().all(|matcher| matcher.matches_labels(&as_labels))
}

fn gettable(silence: Silence, now: Timestamp) -> GettableSilence {
    GettableSilence {
        status: SilenceStatus { state: silence.state(now) },
        id: silence.id,
        updated_at: silence.updated_at,
        annotations: silence.annotations,
        comment: silence.comment,
        created_by: silence.created_by,
        ends_at: silence.ends_at,
        matchers: silence.matchers,
        starts_at: silence.starts_at,
    }
}

/// Times of the API have exactly three decimals.
fn milliseconds<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}
