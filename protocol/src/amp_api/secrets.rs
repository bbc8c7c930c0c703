//! Secrets that definitions refer to; beyond AMP, write-only.
//!
//! A definition holds `secret://NAME/KEY`, since its description gives it back verbatim.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::amp_api::error::FieldFault;
use crate::amp_api::scalars::Blob;

/// What a reference begins with.
pub const SECRET_SCHEME: &str = "secret://";

/// Largest secret, all its values together: what Kubernetes takes.
pub const SECRET_BYTES_MAX: usize = 1024 * 1024;

/// `PUT /workspaces/{id}/hearth/secrets/{name}`: the fields of a Kubernetes Secret.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutSecretRequest {
    /// Values as base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Blob>,
    /// Values as text; wins over `data`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub string_data: BTreeMap<String, String>,
}

impl fmt::Debug for PutSecretRequest {
    /// Never the values: this may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.data.keys()).entries(self.string_data.keys()).finish()
    }
}

/// Answer of a put: what is known of a secret without its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretDescription {
    /// Its name.
    pub name: String,
    /// The names of its values.
    pub keys: Vec<String>,
    /// Who may change it.
    pub owner: String,
}

/// What is wrong with a name of a secret or of a value in one: Kubernetes's rules for both.
pub fn secret_name_fault(field: &str, name: &str) -> Option<FieldFault> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let good = (1..=253).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with("..");
    let message = "1 to 253 letters, digits, `-`, `_` and `.`, not beginning with `..`";
    (!good).then(|| FieldFault::new(field, message))
}
