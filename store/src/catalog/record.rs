//! What the catalog writes: whole things, put or removed.
//!
//! Each record holds the whole thing, so that applying one twice changes nothing. One entry of the
//! log is `{"version":1,"records":[...]}`; a newer version is refused, never guessed at.

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::amp_api::configuration::{
    LimitsPerLabelSet, OUT_OF_ORDER_SECONDS_DEFAULT, RETENTION_DAYS_DEFAULT, Reach,
};
use protocol::amp_api::scalars::Blob;
use protocol::amp_api::tags::Tags;
use protocol::limits::Limits;
use protocol::time::PromDuration;
use protocol::workspace::WorkspaceId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::error::CatalogError;

/// Version of the records' JSON.
const VERSION: u32 = 1;

/// One thing put or removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase")]
pub enum Record {
    /// Makes or changes a workspace; what lies in it stays.
    Workspace(WorkspaceRecord),
    /// Removes a workspace with all in it; its data is still to be purged.
    WorkspaceDeleted(WorkspaceId),
    /// The data of a deleted workspace is gone.
    WorkspacePurged(WorkspaceId),
    /// Makes or changes a rule groups namespace.
    Namespace(WorkspaceId, DefinitionRecord),
    /// Removes a rule groups namespace.
    NamespaceDeleted(WorkspaceId, String),
    /// Makes or changes the alert manager definition.
    AlertManager(WorkspaceId, DefinitionRecord),
    /// Removes the alert manager definition.
    AlertManagerDeleted(WorkspaceId),
    /// Makes or changes a secret.
    Secret(WorkspaceId, SecretRecord),
    /// Removes a secret.
    SecretDeleted(WorkspaceId, String),
    /// Remembers the answer to a request with a client token.
    Token(TokenRecord),
}

/// A workspace without what lies in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceRecord {
    /// Its id.
    pub id: WorkspaceId,
    /// A name for people.
    pub alias: Option<String>,
    /// Who may change it.
    pub owner: String,
    /// Tags, ours not among them.
    pub tags: Tags,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// How it works.
    pub configuration: Configuration,
}

/// How a workspace works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// How long samples are kept.
    pub retention: Reach,
    /// How much older than the newest of its series a sample may be.
    pub out_of_order: Reach,
    /// How far in the past rules are evaluated, seconds.
    pub rule_query_offset_seconds: u32,
    /// Limits of label sets.
    pub limits_per_label_set: Vec<LimitsPerLabelSet>,
    /// Feature flags, sorted.
    pub features: Vec<String>,
    /// Limits that differ from their default, by name.
    pub limits: BTreeMap<String, u64>,
}

impl Default for Configuration {
    fn default() -> Self {
        let days = PromDuration::from_secs(u64::from(RETENTION_DAYS_DEFAULT) * 86_400);
        let window = PromDuration::from_secs(u64::from(OUT_OF_ORDER_SECONDS_DEFAULT));
        Self {
            retention: Reach::For(days),
            out_of_order: Reach::For(window),
            rule_query_offset_seconds: 0,
            limits_per_label_set: Vec::new(),
            features: Vec::new(),
            limits: BTreeMap::new(),
        }
    }
}

impl Configuration {
    /// SHA-256 over its JSON.
    pub fn hash(&self) -> String {
        content_hash(&serde_json::to_vec(self).expect("a configuration is plain data"))
    }

    /// All limits, those not set at their default.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            // A limit that this version no longer knows limits nothing.
            let _ = limits.set(name, *value);
        }
        limits
    }

    /// Whether a feature flag is on.
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.iter().any(|feature| feature == name)
    }
}

/// A file that a user stored: a rule file, an alert manager definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefinitionRecord {
    /// Name of the namespace; empty for an alert manager definition.
    pub name: String,
    /// Who may change it.
    pub owner: String,
    /// Tags, ours not among them.
    pub tags: Tags,
    /// The file, byte for byte.
    pub data: Blob,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
}

impl DefinitionRecord {
    /// SHA-256 over the file.
    pub fn hash(&self) -> String {
        content_hash(&self.data.0)
    }
}

/// A secret, sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// Its name.
    pub name: String,
    /// Who may change it.
    pub owner: String,
    /// By key: nonce and sealed value.
    pub sealed: BTreeMap<String, Blob>,
}

/// The answer that a client token got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Who, which action, which token.
    pub key: String,
    /// Hash of what was asked.
    pub request_hash: String,
    /// The answer as JSON.
    pub answer: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

#[derive(Serialize)]
struct EntryOut<'a> {
    version: u32,
    records: &'a [Record],
}

#[derive(Deserialize)]
struct VersionIn {
    version: u32,
}

#[derive(Deserialize)]
struct EntryIn {
    records: Vec<Record>,
}

/// SHA-256 as hexadecimal text.
pub fn content_hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// One entry of the log.
pub fn encode(records: &[Record]) -> Result<Bytes, CatalogError> {
    Ok(serde_json::to_vec(&EntryOut { version: VERSION, records })?.into())
}

/// The records of one entry of the log.
pub fn decode(entry: &[u8]) -> Result<Vec<Record>, CatalogError> {
    let VersionIn { version } = serde_json::from_slice(entry)?;
    if version != VERSION {
        let reason = format!("version {version}; this program reads version {VERSION}");
        return Err(CatalogError::Format { what: "catalog record".into(), reason });
    }
    let EntryIn { records } = serde_json::from_slice(entry)?;
    Ok(records)
}
