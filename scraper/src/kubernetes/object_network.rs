//! The same for objects of the network: services and theirs.

use compact_str::CompactString;
use serde::Deserialize;

use crate::kubernetes::object_meta::{Meta, Pairs, or_default};
use crate::kubernetes::text::Text;

/// A name and an address for a set of pods.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Of the object.
    pub metadata: Meta,
    /// What is wanted.
    pub spec: ServiceSpec,
    /// What is.
    pub status: ServiceStatus,
}

/// What is wanted of a service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `ClusterIP`
    #[serde(rename = "type")]
    pub kind: Text,
    /// `None` for headless ones.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: CompactString,
    /// For the type ExternalName.
    pub external_name: CompactString,
    /// Wanted of the load balancer; old.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: CompactString,
    /// Its ports.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ServicePort>,
    /// `IPv4` and `IPv6`, the primary one first.
    #[serde(deserialize_with = "or_default")]
    pub ip_families: Vec<Text>,
    /// `PreferDualStack`
    pub ip_family_policy: Option<Text>,
}

/// A port of a service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServicePort {
    /// May be empty.
    pub name: Text,
    /// Its number.
    pub port: u16,
    /// `TCP`
    pub protocol: Text,
}

/// What a service is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Of the type LoadBalancer.
    pub load_balancer: LoadBalancer,
}

/// What a load balancer is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LoadBalancer {
    /// Where it takes requests.
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<LoadBalancerAddress>,
}

/// Where a load balancer takes requests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LoadBalancerAddress {
    /// Empty where it has a name instead.
    pub ip: CompactString,
}

/// Who answers for a service, the older way.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    /// Of the object; its name is the service's.
    pub metadata: Meta,
    /// Addresses that share their ports.
    #[serde(deserialize_with = "or_default")]
    pub subsets: Vec<Subset>,
}

/// Addresses that share their ports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Subset {
    /// Those that are ready.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<EndpointAddress>,
    /// Those that are not.
    #[serde(deserialize_with = "or_default")]
    pub not_ready_addresses: Vec<EndpointAddress>,
    /// Of each of them.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ServicePort>,
}

/// One address.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointAddress {
    /// Without a port.
    pub ip: CompactString,
    /// Of a pod with a stable name.
    pub hostname: CompactString,
    /// Where it runs.
    pub node_name: Option<Text>,
    /// What it is.
    pub target_ref: Option<TargetRef>,
}

/// What is behind an address.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// `Pod`
    pub kind: Text,
    /// Empty for nodes.
    pub namespace: Text,
    /// Which.
    pub name: CompactString,
}

/// Some of those who answer for a service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Of the object; a label names the service.
    pub metadata: Meta,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: Text,
    /// Who answers.
    #[serde(deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
    /// Of each of them.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<EndpointPort>,
}

/// The label of a slice that names its service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// One who answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Endpoint {
    /// All of them reach the same.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<CompactString>,
    /// Whether it answers.
    #[serde(deserialize_with = "or_default")]
    pub conditions: EndpointConditions,
    /// Of a pod with a stable name.
    pub hostname: Option<CompactString>,
    /// Where it runs.
    pub node_name: Option<Text>,
    /// Where that is.
    pub zone: Option<Text>,
    /// What it is.
    pub target_ref: Option<TargetRef>,
    /// Labels of the node, from before `v1`.
    #[serde(deserialize_with = "or_default")]
    pub deprecated_topology: Pairs,
}

/// Whether an endpoint answers; not set means unknown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Takes requests.
    pub ready: Option<bool>,
    /// Takes requests, though it may be ending.
    pub serving: Option<bool>,
    /// Is ending.
    pub terminating: Option<bool>,
}

/// A port of all endpoints of a slice.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointPort {
    /// May be empty.
    pub name: Option<Text>,
    /// `TCP`
    pub protocol: Option<Text>,
    /// Not set: any.
    pub port: Option<u16>,
    /// `http`
    pub app_protocol: Option<Text>,
}

/// HTTP from outside.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ingress {
    /// Of the object.
    pub metadata: Meta,
    /// What is wanted.
    pub spec: IngressSpec,
}

/// What is wanted of an ingress.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngressSpec {
    /// Who serves it.
    pub ingress_class_name: Option<Text>,
    /// Hosts with certificates.
    #[serde(deserialize_with = "or_default")]
    pub tls: Vec<IngressTls>,
    /// Hosts and paths.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<IngressRule>,
}

/// Hosts with a certificate.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressTls {
    /// Names; the first part may be `*`.
    #[serde(deserialize_with = "or_default")]
    pub hosts: Vec<CompactString>,
}

/// A host and its paths.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressRule {
    /// Empty: any.
    pub host: CompactString,
    /// Not set: all paths.
    pub http: Option<IngressPaths>,
}

/// The paths of a host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressPaths {
    /// In order.
    #[serde(deserialize_with = "or_default")]
    pub paths: Vec<IngressPath>,
}

/// A path of a host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct IngressPath {
    /// Empty: `/`.
    pub path: CompactString,
}
