//! AlertManagerConfig: a workspace's alert manager definition.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::references::WorkspaceRef;
use crate::status::CommonStatus;

/// Routes, receivers and templates of one workspace's alert manager.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hearth.dev",
    version = "v1alpha1",
    kind = "AlertManagerConfig",
    namespaced,
    status = "AlertManagerConfigStatus",
    shortname = "ham",
    category = "hearth",
    printcolumn = r#"{"name":"Workspace","type":"string","jsonPath":".spec.workspaceRef.name"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.workspaceRef == oldSelf.workspaceRef")
    .message("workspaceRef cannot be changed: make another AlertManagerConfig"))]
pub struct AlertManagerConfigSpec {
    /// The workspace; one AlertManagerConfig each, the oldest wins.
    pub workspace_ref: WorkspaceRef,
    /// An alert manager definition of AMP, unchanged: `alertmanager_config` and `template_files`.
    /// Values of Secrets in the same namespace are written `secret://NAME/KEY`.
    #[schemars(length(min = 1, max = 1048576))]
    pub definition: String,
}

/// What the alert manager says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertManagerConfigStatus {
    /// Generation and conditions.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The hash of the content that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// The workspace's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// CREATING, ACTIVE, UPDATING, DELETING, CREATION_FAILED or UPDATE_FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// How the receivers fare, at most 20 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub receivers: Vec<ReceiverHealth>,
}

/// How one receiver fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverHealth {
    /// The receiver.
    pub name: String,
    /// `webhook`, `sns`, ...
    pub integration: String,
    /// `ok`, `failing` or `unknown` (nothing sent yet).
    pub health: String,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}
