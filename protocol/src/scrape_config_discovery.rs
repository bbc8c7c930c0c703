//! Where targets come from, as users write it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::empty_field::null_as_default;
use crate::time::PromDuration;
use crate::with_http_client;

/// A discovery that is recognised but not supported: only its presence is kept.
pub type OtherSdConfig = Option<serde_json::Value>;

/// Targets written down, with labels of their own. Also the shape of discovery files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticConfig {
    /// `host:port`, no scheme, no path.
    #[serde(deserialize_with = "null_as_default")]
    pub targets: Vec<String>,
    /// Added to each of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
}

/// Targets in files that something else writes; read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileSdConfig {
    /// Paths ending in .json, .yml or .yaml; the last part may hold one `*`.
    pub files: Vec<String>,
    /// How often they are read even without a sign of change. Default 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<PromDuration>,
}

with_http_client! {
    /// Targets asked for over HTTP.
    #[derive(Default)]
    pub struct HttpSdConfig {
        /// Answers a JSON list of [`StaticConfig`].
        #[serde(deserialize_with = "null_as_default")]
        pub url: String,
        /// How often. Default 60s.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub refresh_interval: Option<PromDuration>,
    }
}

with_http_client! {
    /// Targets from the Kubernetes API.
    #[derive(Default)]
    pub struct KubernetesSdConfig {
        /// Empty: the cluster the process runs in.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub api_server: Option<String>,
        /// Instead of `api_server`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub kubeconfig_file: Option<String>,
        /// What becomes a target. Mandatory.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub role: Option<KubernetesRole>,
        /// Not set: all namespaces.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub namespaces: Option<KubernetesNamespaces>,
        /// Narrows what the API server sends.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub selectors: Vec<KubernetesSelector>,
        /// Labels of related objects.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub attach_metadata: Option<AttachMetadata>,
    }
}

/// What of Kubernetes becomes a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KubernetesRole {
    /// Each node's kubelet.
    Node,
    /// Each container port of each pod.
    Pod,
    /// Each port of each service.
    Service,
    /// Each endpoint (the older API).
    Endpoints,
    /// Each endpoint of each slice.
    EndpointSlice,
    /// Each path of each ingress.
    Ingress,
}

impl KubernetesRole {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Ingress => "ingress",
        }
    }

    /// The kinds of objects that a discovery of this role reads, so that selectors may name them.
    pub const fn selectable(self) -> &'static [Self] {
        match self {
            Self::Node => &[Self::Node],
            Self::Pod => &[Self::Pod, Self::Node],
            Self::Service => &[Self::Service],
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Ingress => &[Self::Ingress],
        }
    }
}

/// Which namespaces are looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesNamespaces {
    /// The one the process runs in.
    pub own_namespace: bool,
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// Narrows what the API server sends of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSelector {
    /// The kind.
    pub role: KubernetesRole,
    /// A label selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A field selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// Which related objects lend their labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttachMetadata {
    /// Of the node.
    pub node: bool,
    /// Of the namespace.
    pub namespace: bool,
    /// The deployment's name.
    pub deployment: bool,
    /// The job's name.
    pub job: bool,
    /// The cron job's name.
    pub cronjob: bool,
}
