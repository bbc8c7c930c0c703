//! Rule groups namespaces: a rule file under a name.

use serde::{Deserialize, Serialize};

use crate::amp_api::scalars::{Blob, EpochSeconds};
use crate::amp_api::status::{DefinitionExtras, Status};
use crate::amp_api::tags::Tags;

/// Longest name of a namespace, in characters.
pub const NAMESPACE_NAME_CHARS_MAX: usize = 128;

/// CreateRuleGroupsNamespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRuleNamespaceRequest {
    /// Unique in its workspace.
    pub name: String,
    /// A Prometheus rule file.
    pub data: Blob,
    /// Tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Makes retries safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

/// Answer of CreateRuleGroupsNamespace and PutRuleGroupsNamespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleNamespaceResponse {
    /// Its name.
    pub name: String,
    /// Its full name.
    pub arn: String,
    /// Where it stands.
    pub status: Status,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A namespace in a listing (without its data) and in a description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleNamespaceDescription {
    /// Its full name.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// The rule file, byte for byte; not in listings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Blob>,
    /// When it was made.
    pub created_at: EpochSeconds,
    /// When it was last put.
    pub modified_at: EpochSeconds,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
    /// Beyond AMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<DefinitionExtras>,
}

/// Answer of DescribeRuleGroupsNamespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRuleNamespaceResponse {
    /// The namespace.
    pub rule_groups_namespace: RuleNamespaceDescription,
}

/// Answer of ListRuleGroupsNamespaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRuleNamespacesResponse {
    /// One page, in order of the names.
    pub rule_groups_namespaces: Vec<RuleNamespaceDescription>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
