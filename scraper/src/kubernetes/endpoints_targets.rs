//! Role `endpoints`: each address and port behind a service.

use protocol::labels::{Labels, LabelsBuilder};

use crate::kubernetes::covered_pods::CoveredPods;
use crate::kubernetes::meta_labels::{
    ADDRESS, add_namespace, add_node, add_object, flag, host_and_port, meta_label,
};
use crate::kubernetes::object_network::{EndpointAddress, Endpoints, ServicePort};
use crate::kubernetes::related::Related;
use crate::kubernetes::service_targets::add_service;
use crate::target_labels::TargetGroup;

/// The targets of one object, those of its pods' other ports last.
pub fn group(endpoints: &Endpoints, related: &dyn Related) -> TargetGroup {
    let meta = &endpoints.metadata;
    let mut labels = LabelsBuilder::default();
    labels.set(meta_label!("namespace"), meta.namespace.as_str());
    if let Some(service) = related.service(&meta.key()) {
        add_service(&mut labels, &service);
    }
    add_object(&mut labels, "endpoints", meta);
    add_namespace(&mut labels, related, &meta.namespace);
    let mut pods = CoveredPods::default();
    let mut targets = Vec::new();
    for subset in &endpoints.subsets {
        for port in &subset.ports {
            for address in &subset.addresses {
                targets.push(target(address, port, true, related, &mut pods));
            }
            for address in &subset.not_ready_addresses {
                targets.push(target(address, port, false, related, &mut pods));
            }
        }
    }
    targets.extend(pods.uncovered(related));
    TargetGroup { source: format!("endpoints/{}", meta.key()), targets, labels: labels.build() }
}

fn target(
    address: &EndpointAddress,
    port: &ServicePort,
    ready: bool,
    related: &dyn Related,
    pods: &mut CoveredPods,
) -> Labels {
    let mut target = LabelsBuilder::default();
    target.set(ADDRESS, host_and_port(&address.ip, port.port));
    target.set(meta_label!("endpoint_port_name"), port.name.as_str());
    target.set(meta_label!("endpoint_port_protocol"), port.protocol.as_str());
    target.set(meta_label!("endpoint_ready"), flag(ready));
    if let Some(reference) = &address.target_ref {
        target.set(meta_label!("endpoint_address_target_kind"), reference.kind.as_str());
        target.set(meta_label!("endpoint_address_target_name"), reference.name.clone());
    }
    if let Some(node) = &address.node_name {
        target.set(meta_label!("endpoint_node_name"), node.as_str());
    }
    target.set(meta_label!("endpoint_hostname"), address.hostname.clone());
    let is_node = |kind: &str| kind == "Node";
    let node = address.node_name.as_deref().or_else(|| {
        let reference = address.target_ref.as_ref().filter(|one| is_node(&one.kind));
        reference.map(|reference| reference.name.as_str())
    });
    add_node(&mut target, related, node);
    pods.cover(&mut target, address.target_ref.as_ref(), Some(port.port), related);
    target.build()
}

#[cfg(test)]
mod tests;
