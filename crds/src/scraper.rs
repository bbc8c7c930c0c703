//! Scraper: where to find targets, where to send samples.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::pods::{Placement, Resources, Volume};
use crate::references::{SecretKeyRef, WorkspaceRef};
use crate::scraper_status::ScraperStatus;
use crate::selectors::ObjectSelector;

/// A managed collector.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "hearth.dev",
    version = "v1alpha1",
    kind = "Scraper",
    namespaced,
    status = "ScraperStatus",
    shortname = "hsc",
    category = "hearth",
    scale(
        spec_replicas_path = ".spec.sharding.shards",
        status_replicas_path = ".status.shards",
        label_selector_path = ".status.selector"
    ),
    printcolumn = r#"{"name":"Workspace","type":"string","jsonPath":".spec.destination.workspaceRef.name"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Targets","type":"integer","jsonPath":".status.targets.active"}"#,
    printcolumn = r#"{"name":"Down","type":"integer","jsonPath":".status.targets.down"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.scrapeConfiguration) || has(self.monitors)")
    .message("one of scrapeConfiguration and monitors is needed"))]
#[x_kube(validation = Rule::new("!has(self.tags) || !self.tags.exists(k, k.startsWith('hearth.dev/'))")
    .message("tags of the prefix hearth.dev/ are reserved"))]
pub struct ScraperSpec {
    /// A name for people, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub alias: Option<String>,
    /// Tags, as AMP has them; the prefix `hearth.dev/` is reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub tags: BTreeMap<String, String>,
    /// Where the samples go.
    pub destination: Destination,
    /// A scrape configuration of Prometheus or AMP, unchanged: `global` and `scrape_configs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1048576))]
    pub scrape_configuration: Option<String>,
    /// Monitors of other operators, read where they lie. In a cluster only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitors: Option<Monitors>,
    /// The cluster whose targets are scraped; the one this object lies in where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// How the targets are spread over collectors.
    #[serde(default)]
    pub sharding: Sharding,
    /// Labels added to everything that leaves, for example `cluster`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub external_labels: BTreeMap<String, String>,
    /// Where samples wait while the destination is away; 1Gi that dies with the pod where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Buffer>,
    /// The collectors' image; the operator's own where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// What each collector asks for and may use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Where the collectors may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

/// Monitors of other operators: each kind that is named is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Monitors {
    /// PodMonitor of prometheus-operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_monitors: Option<ObjectSelector>,
    /// ServiceMonitor of prometheus-operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_monitors: Option<ObjectSelector>,
    /// Probe of prometheus-operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probes: Option<ObjectSelector>,
    /// ScrapeConfig of prometheus-operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape_configs: Option<ObjectSelector>,
    /// PodMonitoring of Google's managed collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_monitorings: Option<ObjectSelector>,
}

/// A cluster elsewhere: exactly one of the two. Nothing is installed there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.kubeconfig) != has(self.eks)")
    .message("exactly one of kubeconfig and eks is needed"))]
pub struct Source {
    /// A key of a Secret that holds a kubeconfig file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<SecretKeyRef>,
    /// A cluster of Amazon EKS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eks: Option<EksSource>,
    /// Reaches targets through the API server's proxy instead of by their own addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proxy: bool,
}

/// A cluster of Amazon EKS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EksSource {
    /// The cluster's ARN: `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`.
    #[schemars(length(min = 1, max = 512))]
    pub cluster_arn: String,
    /// The role that is assumed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub role_arn: Option<String>,
    /// A Secret with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and perhaps
    /// `AWS_SESSION_TOKEN`; the pod's own identity (IRSA) where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub credentials_secret_name: Option<String>,
    /// Where the EKS API answers, instead of AWS; for tests and private clouds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub eks_endpoint: Option<String>,
    /// Where STS answers, instead of AWS; for tests and private clouds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub sts_endpoint: Option<String>,
}

/// How the targets are spread over collectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sharding {
    /// Collectors that share the targets.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 256))]
    pub shards: u32,
}

impl Default for Sharding {
    fn default() -> Self {
        Self { shards: one() }
    }
}

fn one() -> u32 {
    1
}

/// Where samples wait while the destination is away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Buffer {
    /// A volume that outlives the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
    /// Most space on the node, a quantity such as `1Gi`, where there is no volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub size: Option<String>,
}

/// Where samples go: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.workspaceRef) != has(self.remoteWrite)")
    .message("exactly one of workspaceRef and remoteWrite is needed"))]
pub struct Destination {
    /// A Workspace of Hearth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_ref: Option<WorkspaceRef>,
    /// Any remote write receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_write: Option<RemoteWriteDestination>,
}

/// Any remote write receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteWriteDestination {
    /// The whole URL of the receiver, http or https.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// A bearer token sent with every request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<BearerAuthorization>,
}

/// A bearer token from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BearerAuthorization {
    /// Where the token is.
    pub credentials: SecretKeyRef,
}
