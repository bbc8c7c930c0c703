//! Where a resource stands.

use serde::{Deserialize, Serialize};

/// AMP's words for it. A workspace configuration knows only three of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatusCode {
    /// Not there yet.
    Creating,
    /// In force.
    Active,
    /// The last version is in force, the new one not yet.
    Updating,
    /// Going.
    Deleting,
    /// Never came into force.
    CreationFailed,
    /// The version before it is in force.
    UpdateFailed,
    /// Could not be removed.
    DeletionFailed,
}

/// A word and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The word.
    pub status_code: StatusCode,
    /// Why, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
}

impl Status {
    /// In force.
    pub const fn active() -> Self {
        Self { status_code: StatusCode::Active, status_reason: None }
    }

    /// A word with its reason.
    pub fn because(status_code: StatusCode, reason: impl Into<String>) -> Self {
        Self { status_code, status_reason: Some(reason.into()) }
    }
}

/// Says whether the data plane runs a definition: equal hashes mean that it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefinitionExtras {
    /// Who may change it.
    pub owner: String,
    /// SHA-256 of what is defined, hexadecimal.
    pub content_hash: String,
    /// SHA-256 of what runs; absent where nothing runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programmed_hash: Option<String>,
}
