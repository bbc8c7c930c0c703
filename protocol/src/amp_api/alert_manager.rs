//! The alert manager definition: one a workspace.

use serde::{Deserialize, Serialize};

use crate::amp_api::scalars::{Blob, EpochSeconds};
use crate::amp_api::status::{DefinitionExtras, Status};

/// Create and put of a definition: the alert manager's, or a rule file's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutDefinitionRequest {
    /// The file.
    pub data: Blob,
    /// Makes retries safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// An alert manager definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertManagerDescription {
    /// Where it stands.
    pub status: Status,
    /// The file, byte for byte.
    pub data: Blob,
    /// When it was made.
    pub created_at: EpochSeconds,
    /// When it was last put.
    pub modified_at: EpochSeconds,
    /// Beyond AMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<DefinitionExtras>,
}

/// Answer of DescribeAlertManagerDefinition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeAlertManagerResponse {
    /// The definition.
    pub alert_manager_definition: AlertManagerDescription,
}
