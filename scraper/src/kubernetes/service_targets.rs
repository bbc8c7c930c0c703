//! Role `service`: each port of each service, by its DNS name.

use compact_str::ToCompactString;
use protocol::labels::LabelsBuilder;

use crate::kubernetes::meta_labels::{
    ADDRESS, add_namespace, add_object, host_and_port, meta_label,
};
use crate::kubernetes::object_network::Service;
use crate::kubernetes::related::Related;
use crate::target_labels::TargetGroup;

/// One target a port: good for probing a service from outside.
pub fn group(service: &Service, related: &dyn Related) -> TargetGroup {
    let (meta, spec) = (&service.metadata, &service.spec);
    let mut labels = LabelsBuilder::default();
    add_service(&mut labels, service);
    add_namespace(&mut labels, related, &meta.namespace);
    let host = format!("{}.{}.svc", meta.name, meta.namespace.as_str());
    let target = |port: &crate::kubernetes::object_network::ServicePort| {
        let mut target = LabelsBuilder::default();
        target.set(ADDRESS, host_and_port(&host, port.port));
        target.set(meta_label!("service_port_name"), port.name.as_str());
        target.set(meta_label!("service_port_number"), port.port.to_compact_string());
        target.set(meta_label!("service_port_protocol"), port.protocol.as_str());
        target.set(meta_label!("service_type"), spec.kind.as_str());
        if spec.kind.as_str() == "ExternalName" {
            target.set(meta_label!("service_external_name"), spec.external_name.clone());
        } else {
            target.set(meta_label!("service_cluster_ip"), spec.cluster_ip.clone());
        }
        if spec.kind.as_str() == "LoadBalancer" {
            target.set(meta_label!("service_loadbalancer_ip"), load_balancer_ips(service));
        }
        target.build()
    };
    TargetGroup {
        source: format!("svc/{}", meta.key()),
        targets: spec.ports.iter().map(target).collect(),
        labels: labels.build(),
    }
}

/// What every target of a service bears, by whatever role it was found.
pub fn add_service(labels: &mut LabelsBuilder, service: &Service) {
    labels.set(meta_label!("namespace"), service.metadata.namespace.as_str());
    add_object(labels, "service", &service.metadata);
}

/// What the balancer has, joined by commas, or else what was wished for.
fn load_balancer_ips(service: &Service) -> String {
    let ingress = &service.status.load_balancer.ingress;
    let ips: Vec<&str> =
        ingress.iter().map(|one| one.ip.as_str()).filter(|ip| !ip.is_empty()).collect();
    if ips.is_empty() { service.spec.load_balancer_ip.to_string() } else { ips.join(",") }
}

#[cfg(test)]
mod tests;
