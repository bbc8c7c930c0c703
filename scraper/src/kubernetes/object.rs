//! What of each Kubernetes object discovery needs, and no more.
//!
//! Everything else is skipped while the JSON is read: environment, volumes, probes, managed fields,
//! the times of conditions. So most status updates leave an object equal to what it was, and nobody
//! is woken for them.

use compact_str::CompactString;
use serde::{Deserialize, Deserializer};

use crate::kubernetes::object_meta::{Meta, Watchable, or_default};
use crate::kubernetes::object_network::{EndpointSlice, Endpoints, Ingress, Service};
use crate::kubernetes::text::Text;

macro_rules! watchable {
    ($($type:ident: $group:literal, $plural:literal, $namespaced:literal $(, $trim:expr)?;)*) => {$(
        impl Watchable for $type {
            const KIND: &'static str = stringify!($type);
            const GROUP: &'static str = $group;
            const VERSION: &'static str = "v1";
            const PLURAL: &'static str = $plural;
            const NAMESPACED: bool = $namespaced;

            fn meta(&self) -> &Meta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut Meta {
                &mut self.metadata
            }

            $(fn trim(&mut self) {
                let trim: fn(&mut Self) = $trim;
                trim(self);
            })?
        }
    )*};
}

watchable! {
    Node: "", "nodes", false;
    Pod: "", "pods", true;
    Service: "", "services", true;
    Endpoints: "", "endpoints", true;
    EndpointSlice: "discovery.k8s.io", "endpointslices", true;
    Ingress: "networking.k8s.io", "ingresses", true;
    Namespace: "", "namespaces", false;
    ReplicaSet: "apps", "replicasets", true, |set| set.metadata.forget_words();
    Job: "batch", "jobs", true, |job| job.metadata.forget_words();
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Of the object.
    pub metadata: Meta,
    /// What is wanted.
    pub spec: NodeSpec,
    /// What is.
    pub status: NodeStatus,
}

/// What is wanted of a machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// Its name at the cloud.
    #[serde(rename = "providerID")]
    pub provider_id: CompactString,
}

/// What a machine is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    /// Ready, MemoryPressure, ...
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// In no order that counts.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<NodeAddress>,
    /// Where its daemons listen.
    pub daemon_endpoints: DaemonEndpoints,
}

/// True, False or Unknown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// `Ready`
    #[serde(rename = "type")]
    pub kind: Text,
    /// `True`
    pub status: Text,
}

/// An address of a machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`
    #[serde(rename = "type")]
    pub kind: Text,
    /// An IP address or a name.
    pub address: CompactString,
}

/// Where a machine's daemons listen.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonEndpoints {
    /// The kubelet.
    pub kubelet_endpoint: DaemonEndpoint,
}

/// A port of a daemon.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DaemonEndpoint {
    /// 0 where it is not told.
    #[serde(rename = "Port")]
    pub port: u16,
}

/// A group of containers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Of the object.
    pub metadata: Meta,
    /// What is wanted.
    pub spec: PodSpec,
    /// What is.
    pub status: PodStatus,
}

/// What is wanted of a pod.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// Empty until it is placed.
    pub node_name: Text,
    /// Its containers.
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    /// Those that come first, or stay beside.
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
}

impl PodSpec {
    /// All containers, and whether each is an init container.
    pub fn all_containers(&self) -> impl Iterator<Item = (&Container, bool)> {
        let usual = self.containers.iter().map(|container| (container, false));
        usual.chain(self.init_containers.iter().map(|container| (container, true)))
    }
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Unique in the pod.
    pub name: Text,
    /// As it is written in the pod.
    pub image: Text,
    /// Those that are declared.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ContainerPort>,
}

/// A declared port.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPort {
    /// May be empty.
    pub name: Text,
    /// Its number.
    pub container_port: u16,
    /// `TCP`
    pub protocol: Text,
}

/// What a pod is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    /// Empty while it starts and after it was evicted.
    #[serde(rename = "podIP")]
    pub pod_ip: CompactString,
    /// Of its node.
    #[serde(rename = "hostIP")]
    pub host_ip: Text,
    /// `Running`
    pub phase: Text,
    /// The status of its condition Ready.
    #[serde(rename = "conditions", deserialize_with = "ready_of")]
    pub ready: Option<Text>,
    /// Of the containers.
    #[serde(deserialize_with = "or_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// Of the init containers.
    #[serde(deserialize_with = "or_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// What a container is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// Of which container.
    pub name: Text,
    /// `containerd://...`
    #[serde(rename = "containerID", deserialize_with = "or_default")]
    pub container_id: CompactString,
}

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Of the object.
    pub metadata: Meta,
}

/// Stands between a deployment and its pods.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ReplicaSet {
    /// Of the object, without labels.
    pub metadata: Meta,
}

/// Stands between a cron job and its pods.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Of the object, without labels.
    pub metadata: Meta,
}

fn ready_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    let conditions: Vec<Condition> = or_default(deserializer)?;
    let ready = conditions.into_iter().find(|condition| condition.kind.as_str() == "Ready");
    Ok(ready.map(|condition| condition.status))
}
