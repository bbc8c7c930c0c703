//! Role `endpointslice`: each address and port of each slice.

use compact_str::ToCompactString;
use protocol::labels::{Labels, LabelsBuilder};

use crate::kubernetes::covered_pods::CoveredPods;
use crate::kubernetes::meta_labels::{
    ADDRESS, add_namespace, add_node, add_object, flag, host_and_port, meta_label, sanitised,
};
use crate::kubernetes::object_meta::ObjectKey;
use crate::kubernetes::object_network::{
    Endpoint, EndpointPort, EndpointSlice, SERVICE_NAME_LABEL, Service,
};
use crate::kubernetes::related::Related;
use crate::kubernetes::service_targets::add_service;
use crate::target_labels::TargetGroup;

/// The targets of one slice, those of its pods' other ports last. A slice of the second address
/// family of a dual-stack service has none: they would be those of the first once more.
pub fn group(slice: &EndpointSlice, related: &dyn Related) -> TargetGroup {
    let meta = &slice.metadata;
    let mut labels = LabelsBuilder::default();
    labels.set(meta_label!("namespace"), meta.namespace.as_str());
    labels.set(meta_label!("endpointslice_address_type"), slice.address_type.as_str());
    add_object(&mut labels, "endpointslice", meta);
    let service = service_of(slice).and_then(|key| related.service(&key));
    if let Some(service) = &service {
        add_service(&mut labels, service);
    }
    add_namespace(&mut labels, related, &meta.namespace);
    let source = format!("endpointslice/{}", meta.key());
    let mut targets = Vec::new();
    if !service.is_some_and(|service| is_second_family(&service, slice)) {
        let mut pods = CoveredPods::default();
        for endpoint in &slice.endpoints {
            for port in &slice.ports {
                for address in &endpoint.addresses {
                    targets.push(target(address, endpoint, port, related, &mut pods));
                }
            }
        }
        targets.extend(pods.uncovered(related));
    }
    TargetGroup { source, targets, labels: labels.build() }
}

/// The service that a slice belongs to.
pub fn service_of(slice: &EndpointSlice) -> Option<ObjectKey> {
    let name = slice.metadata.labels.get(SERVICE_NAME_LABEL)?;
    Some(ObjectKey { namespace: slice.metadata.namespace.clone(), name: name.as_str().into() })
}

fn is_second_family(service: &Service, slice: &EndpointSlice) -> bool {
    let policy = service.spec.ip_family_policy.as_deref();
    let is_dual = matches!(policy, Some("PreferDualStack" | "RequireDualStack"));
    let first = service.spec.ip_families.first();
    is_dual && first.is_some_and(|first| *first != slice.address_type)
}

fn target(
    address: &str,
    endpoint: &Endpoint,
    port: &EndpointPort,
    related: &dyn Related,
    pods: &mut CoveredPods,
) -> Labels {
    let mut target = LabelsBuilder::default();
    match port.port {
        Some(port) => target.set(ADDRESS, host_and_port(address, port)),
        None => target.set(ADDRESS, address),
    }
    add_port(&mut target, port);
    add_endpoint(&mut target, endpoint);
    let reference = endpoint.target_ref.as_ref();
    let node = match reference.filter(|reference| reference.kind.as_str() == "Node") {
        Some(reference) => Some(reference.name.as_str()),
        None => endpoint.node_name.as_deref(),
    };
    add_node(&mut target, related, node);
    pods.cover(&mut target, reference, port.port, related);
    target.build()
}

fn add_port(target: &mut LabelsBuilder, port: &EndpointPort) {
    if let Some(name) = &port.name {
        target.set(meta_label!("endpointslice_port_name"), name.as_str());
    }
    if let Some(protocol) = &port.protocol {
        target.set(meta_label!("endpointslice_port_protocol"), protocol.as_str());
    }
    if let Some(number) = port.port {
        target.set(meta_label!("endpointslice_port"), number.to_compact_string());
    }
    if let Some(protocol) = &port.app_protocol {
        target.set(meta_label!("endpointslice_port_app_protocol"), protocol.as_str());
    }
}

fn add_endpoint(target: &mut LabelsBuilder, endpoint: &Endpoint) {
    let conditions = &endpoint.conditions;
    if let Some(ready) = conditions.ready {
        target.set(meta_label!("endpointslice_endpoint_conditions_ready"), flag(ready));
    }
    if let Some(serving) = conditions.serving {
        target.set(meta_label!("endpointslice_endpoint_conditions_serving"), flag(serving));
    }
    if let Some(ending) = conditions.terminating {
        target.set(meta_label!("endpointslice_endpoint_conditions_terminating"), flag(ending));
    }
    if let Some(hostname) = &endpoint.hostname {
        target.set(meta_label!("endpointslice_endpoint_hostname"), hostname.clone());
    }
    if let Some(reference) = &endpoint.target_ref {
        target.set(meta_label!("endpointslice_address_target_kind"), reference.kind.as_str());
        target.set(meta_label!("endpointslice_address_target_name"), reference.name.clone());
    }
    if let Some(node) = &endpoint.node_name {
        target.set(meta_label!("endpointslice_endpoint_node_name"), node.as_str());
    }
    if let Some(zone) = &endpoint.zone {
        target.set(meta_label!("endpointslice_endpoint_zone"), zone.as_str());
    }
    for (name, value) in &endpoint.deprecated_topology {
        let prefix = "__meta_kubernetes_endpointslice_endpoint_topology_";
        let name = sanitised(name);
        target.set(format!("{prefix}{name}"), value.as_str());
        target.set(format!("{prefix}present_{name}"), flag(true));
    }
}

#[cfg(test)]
mod tests;
