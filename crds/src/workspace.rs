//! Workspace: a tenant with its data, limits and access.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::references::StoreRef;
use crate::selectors::ObjectSelector;
use crate::status::{CommonStatus, RejectedObject};

/// A workspace of the managed Prometheus: samples, rules and an alert manager of its own.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hearth.dev",
    version = "v1alpha1",
    kind = "Workspace",
    namespaced,
    status = "WorkspaceStatus",
    shortname = "hws",
    category = "hearth",
    printcolumn = r#"{"name":"Alias","type":"string","jsonPath":".spec.alias"}"#,
    printcolumn = r#"{"name":"Workspace","type":"string","jsonPath":".status.workspaceId"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.workspaceId) == has(oldSelf.workspaceId) \
    && (!has(self.workspaceId) || self.workspaceId == oldSelf.workspaceId)")
    .message("workspaceId cannot be changed: it says which data this Workspace stands for"))]
#[x_kube(validation = Rule::new("has(self.storeRef) == has(oldSelf.storeRef) \
    && (!has(self.storeRef) || self.storeRef == oldSelf.storeRef)")
    .message("storeRef cannot be changed: data does not move between Stores"))]
#[x_kube(validation = Rule::new("!has(self.retention) || !has(self.retentionPeriodInDays)")
    .message("retention and retentionPeriodInDays exclude each other"))]
#[x_kube(validation = Rule::new("!has(self.outOfOrder) || !has(self.outOfOrderTimeWindowInSeconds)")
    .message("outOfOrder and outOfOrderTimeWindowInSeconds exclude each other"))]
#[x_kube(validation = Rule::new("!has(self.tags) || !self.tags.exists(k, k.startsWith('hearth.dev/'))")
    .message("tags of the prefix hearth.dev/ are reserved"))]
pub struct WorkspaceSpec {
    /// A name for people, 1 to 100 characters, not necessarily unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub alias: Option<String>,
    /// Tags, as AMP has them; the prefix `hearth.dev/` is reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub tags: BTreeMap<String, String>,
    /// Adopts the existing workspace of this id instead of making one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub workspace_id: Option<String>,
    /// Days that samples are kept; 150 where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub retention_period_in_days: Option<u32>,
    /// `unlimited` keeps samples for ever; excludes `retentionPeriodInDays`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Unlimited>,
    /// Seconds that a sample may lie behind its series' newest one; 60 where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order_time_window_in_seconds: Option<u64>,
    /// `unlimited` takes samples of any age; excludes `outOfOrderTimeWindowInSeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<Unlimited>,
    /// Seconds by which rules look into the past, 0 to 86400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 86400))]
    pub rule_query_offset_in_seconds: Option<u32>,
    /// Limits by their names; see the documentation of limits for names, defaults and units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    pub limits: BTreeMap<String, u64>,
    /// Ceilings of active series for label sets; the empty set is the default bucket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub limits_per_label_set: Vec<LimitsPerLabelSet>,
    /// Prometheus's feature flags that this workspace turns on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub features: Vec<String>,
    /// The Store that carries the workspace; the installation's default where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// What becomes of the data when this object is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Who else may refer to this workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<WorkspaceAccess>,
    /// Rules of other operators that the workspace takes in, read where they lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<ForeignRules>,
}

/// Rules of other operators. In a cluster only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignRules {
    /// PrometheusRule of prometheus-operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus_rules: Option<ObjectSelector>,
    /// Rules of Google's managed collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_rules: Option<ObjectSelector>,
}

/// The one word that lifts a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unlimited {
    /// No bound.
    Unlimited,
}

/// What becomes of the data.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub enum DeletionPolicy {
    /// It stays, and is found again when the object is applied again.
    #[default]
    Retain,
    /// It is deleted with the object.
    Delete,
}

/// Namespaces whose objects may refer to the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkspaceAccess {
    /// By name; `*` is every namespace.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub namespaces: Vec<String>,
}

/// A ceiling of active series for one label set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsPerLabelSet {
    /// Series that carry all of these labels; empty for the default bucket.
    #[schemars(extend("maxProperties" = 20))]
    pub label_set: BTreeMap<String, String>,
    /// The ceilings.
    pub limits: LabelSetLimits,
}

/// The ceilings of one label set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSetLimits {
    /// Active series; 0 means no ceiling, but counted.
    pub max_series: u64,
}

/// What the store says of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// Generation and conditions.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// `ws-...`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// The workspace's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// CREATING, ACTIVE, UPDATING, DELETING or CREATION_FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// Base URL of the workspace's Prometheus API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus_endpoint: Option<String>,
    /// Where each thing answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<WorkspaceEndpoints>,
    /// The limits in force, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effective_limits: BTreeMap<String, u64>,
    /// Foreign rules in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_rules: Option<i64>,
    /// Foreign rules left out, at most 20 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub rejected: Vec<RejectedObject>,
}

/// Where each thing answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceEndpoints {
    /// Prometheus remote write.
    pub remote_write: String,
    /// Base URL of queries, for Grafana.
    pub query: String,
    /// Base URL of the alert manager.
    pub alertmanager: String,
}
