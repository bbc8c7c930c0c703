//! Workspaces: create, list, describe, rename.

use serde::{Deserialize, Serialize};

use crate::amp_api::configuration::ConfigurationExtras;
use crate::amp_api::scalars::EpochSeconds;
use crate::amp_api::status::Status;
use crate::amp_api::tags::Tags;
use crate::workspace::WorkspaceId;

/// Longest alias, in characters.
pub const ALIAS_CHARS_MAX: usize = 100;

/// CreateWorkspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateWorkspaceRequest {
    /// A name for people; need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// A key of AWS's key service; refused, since there is none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    /// Makes retries safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// Configuration beyond AMP, in force from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<ConfigurationExtras>,
}

/// Answer of CreateWorkspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateWorkspaceResponse {
    /// The new id.
    pub workspace_id: WorkspaceId,
    /// Its full name.
    pub arn: String,
    /// Where it stands.
    pub status: Status,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// What a description says beyond AMP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceExtras {
    /// Who may change it.
    pub owner: String,
    /// SHA-256 of the configuration, hexadecimal.
    #[serde(default)]
    pub content_hash: String,
    /// SHA-256 of the configuration that the data plane runs; absent while it is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programmed_hash: Option<String>,
}

/// A workspace in a listing and in a description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceDescription {
    /// Its id.
    pub workspace_id: WorkspaceId,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Its full name.
    pub arn: String,
    /// Where it stands.
    pub status: Status,
    /// Base URL of its data plane, ends in `/`; not in listings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus_endpoint: Option<String>,
    /// When it was made.
    pub created_at: EpochSeconds,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
    /// Beyond AMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<WorkspaceExtras>,
}

/// Answer of DescribeWorkspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DescribeWorkspaceResponse {
    /// The workspace.
    pub workspace: WorkspaceDescription,
}

/// Answer of ListWorkspaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListWorkspacesResponse {
    /// One page, in order of the ids.
    pub workspaces: Vec<WorkspaceDescription>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// UpdateWorkspaceAlias.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateWorkspaceAliasRequest {
    /// The new one; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Makes retries safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}
