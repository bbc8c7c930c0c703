//! Kubernetes's own Secret, as files give it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// A Kubernetes Secret: `data` in base64, `stringData` as text (which wins).
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Secret {
    /// Always `v1` here; the reader has looked at it already.
    pub api_version: String,
    /// Always `Secret` here; the reader has looked at it already.
    pub kind: String,
    /// Name and namespace; labels and annotations mean nothing to Hearth.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Kubernetes's type of the secret; means nothing to Hearth.
    #[serde(rename = "type")]
    pub secret_type: Option<String>,
    /// Kubernetes's switch against changes; means nothing to Hearth.
    pub immutable: Option<bool>,
    /// Values in base64.
    pub data: BTreeMap<String, String>,
    /// Values as text.
    pub string_data: BTreeMap<String, String>,
}

impl fmt::Debug for Secret {
    /// Names the keys, never the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.data.keys().chain(self.string_data.keys()).collect();
        f.debug_struct("Secret").field("keys", &keys).finish_non_exhaustive()
    }
}
