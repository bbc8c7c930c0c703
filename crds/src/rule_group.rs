//! RuleGroup: a rule groups namespace of a workspace.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::references::WorkspaceRef;
use crate::status::CommonStatus;

/// Recording and alerting rules of one workspace.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hearth.dev",
    version = "v1alpha1",
    kind = "RuleGroup",
    namespaced,
    status = "RuleGroupStatus",
    shortname = "hrg",
    category = "hearth",
    printcolumn = r#"{"name":"Workspace","type":"string","jsonPath":".spec.workspaceRef.name"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Rules","type":"integer","jsonPath":".status.rules"}"#,
    printcolumn = r#"{"name":"Firing","type":"integer","jsonPath":".status.firing"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.groups) != has(self.configuration)")
    .message("exactly one of groups and configuration is needed"))]
#[x_kube(validation = Rule::new("self.workspaceRef == oldSelf.workspaceRef")
    .message("workspaceRef cannot be changed: make another RuleGroup"))]
#[x_kube(validation = Rule::new("has(self.namespaceName) == has(oldSelf.namespaceName) \
    && (!has(self.namespaceName) || self.namespaceName == oldSelf.namespaceName)")
    .message("namespaceName cannot be changed: make another RuleGroup"))]
pub struct RuleGroupSpec {
    /// The workspace whose data the rules read and write.
    pub workspace_ref: WorkspaceRef,
    /// The name of the rule groups namespace in the workspace; `NAMESPACE-NAME` where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub namespace_name: Option<String>,
    /// The groups; excludes `configuration`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub groups: Vec<Group>,
    /// A rule file of Prometheus, unchanged; excludes `groups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1048576))]
    pub configuration: Option<String>,
    /// Unit tests of these rules, each as in the `tests` of a test file of promtool. While one
    /// fails, the last good version of the rules stays in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), schema_with = "crate::schemas::free_objects")]
    pub tests: Vec<serde_json::Value>,
}

/// Rules evaluated together, in order. Field names are those of a rule file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Unique in the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Time between two evaluations, for example `30s`; 1 minute where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// How far the rules look into the past, for example `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_offset: Option<String>,
    /// Most series or alerts a rule may yield; 0 means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Labels added to everything the group yields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// The rules.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub rules: Vec<GroupRule>,
}

/// A recording rule (`record`) or an alerting rule (`alert`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// The series to record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The name of the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// A PromQL expression.
    #[schemars(length(min = 1, max = 65536))]
    pub expr: String,
    /// How long the expression must hold before the alert fires, for example `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "for")]
    pub hold: Option<String>,
    /// How long the alert goes on firing after the expression stopped to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    /// Labels added or overwritten; templates in alerting rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// Text for people, templates; alerting rules only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: BTreeMap<String, String>,
}

/// What the rulers say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleGroupStatus {
    /// Generation and conditions.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The hash of the content that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// The workspace's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// The ARN of the rule groups namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// CREATING, ACTIVE, UPDATING, DELETING, CREATION_FAILED or UPDATE_FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// Rules in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<i64>,
    /// Alerts that fire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firing: Option<i64>,
    /// How the groups fare, at most 50 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub groups: Vec<GroupHealth>,
}

/// How one group fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupHealth {
    /// The group.
    pub name: String,
    /// Its rules.
    pub rules: i64,
    /// `ok`, `err` or `unknown` (not evaluated yet).
    pub health: String,
    /// Rules that fail, at most 10 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub failing: Vec<FailingRule>,
}

/// One rule that fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailingRule {
    /// The rule.
    pub rule: String,
    /// Why.
    pub error: String,
}
