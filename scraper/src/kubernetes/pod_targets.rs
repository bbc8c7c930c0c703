//! Role `pod`: each declared port of each container.

use compact_str::{CompactString, ToCompactString};
use protocol::labels::LabelsBuilder;

use crate::kubernetes::meta_labels::{
    ADDRESS, add_namespace, add_node, add_object, flag, host_and_port, meta_label,
};
use crate::kubernetes::object::{Container, ContainerPort, ContainerStatus, Pod};
use crate::kubernetes::object_meta::ObjectKey;
use crate::kubernetes::related::Related;
use crate::target_labels::TargetGroup;

/// The targets of a pod. None before it has an address, and, where nodes lend their labels, none
/// while its node is not known.
pub fn group(pod: &Pod, related: &dyn Related) -> TargetGroup {
    let source = format!("pod/{}", pod.metadata.key());
    let node = pod.spec.node_name.as_str();
    let waits_for_node = related.attach().node && related.node(node).is_none();
    if pod.status.pod_ip.is_empty() || waits_for_node {
        return TargetGroup { source, ..TargetGroup::default() };
    }
    let mut labels = LabelsBuilder::default();
    add_pod(&mut labels, pod, related);
    labels.set(meta_label!("namespace"), pod.metadata.namespace.as_str());
    add_node(&mut labels, related, Some(node));
    add_namespace(&mut labels, related, &pod.metadata.namespace);
    let mut targets = Vec::new();
    for (container, init) in pod.spec.all_containers() {
        let mut common = LabelsBuilder::default();
        common.set(meta_label!("pod_container_id"), container_id(pod, container, init));
        common.set(meta_label!("pod_container_name"), container.name.as_str());
        common.set(meta_label!("pod_container_image"), container.image.as_str());
        common.set(meta_label!("pod_container_init"), flag(init));
        if container.ports.is_empty() {
            // The address is the pod's: relabelling has to add a port.
            common.set(ADDRESS, pod.status.pod_ip.clone());
            targets.push(common.build());
            continue;
        }
        for port in &container.ports {
            let mut target = common.clone();
            target.set(ADDRESS, host_and_port(&pod.status.pod_ip, port.container_port));
            add_port(&mut target, port);
            targets.push(target.build());
        }
    }
    TargetGroup { source, targets, labels: labels.build() }
}

/// What every target of a pod bears, by whatever role it was found.
pub fn add_pod(labels: &mut LabelsBuilder, pod: &Pod, related: &dyn Related) {
    let status = &pod.status;
    labels.set(meta_label!("pod_ip"), status.pod_ip.clone());
    let ready = status.ready.as_ref().map_or("unknown", |ready| ready.as_str());
    labels.set(meta_label!("pod_ready"), ready.to_ascii_lowercase());
    labels.set(meta_label!("pod_phase"), status.phase.as_str());
    labels.set(meta_label!("pod_node_name"), pod.spec.node_name.as_str());
    labels.set(meta_label!("pod_host_ip"), status.host_ip.as_str());
    labels.set(meta_label!("pod_uid"), pod.metadata.uid.clone());
    add_object(labels, "pod", &pod.metadata);
    let Some(owner) = &pod.metadata.controller else { return };
    labels.set(meta_label!("pod_controller_kind"), owner.kind.as_str());
    labels.set(meta_label!("pod_controller_name"), owner.name.clone());
    let attach = related.attach();
    let key = || ObjectKey { namespace: pod.metadata.namespace.clone(), name: owner.name.clone() };
    match owner.kind.as_str() {
        "ReplicaSet" if attach.deployment => {
            let set = related.replica_set(&key());
            let above = set.and_then(|set| set.metadata.controller.clone());
            if let Some(above) = above.filter(|above| above.kind.as_str() == "Deployment") {
                labels.set(meta_label!("pod_deployment_name"), above.name);
            }
        }
        "Job" => {
            if attach.job {
                labels.set(meta_label!("pod_job_name"), owner.name.clone());
            }
            let job = attach.cronjob.then(|| related.job(&key())).flatten();
            let above = job.and_then(|job| job.metadata.controller.clone());
            if let Some(above) = above.filter(|above| above.kind.as_str() == "CronJob") {
                labels.set(meta_label!("pod_cronjob_name"), above.name);
            }
        }
        _ => {}
    }
}

/// What a declared port adds to a target.
pub fn add_port(target: &mut LabelsBuilder, port: &ContainerPort) {
    target.set(meta_label!("pod_container_port_number"), port.container_port.to_compact_string());
    target.set(meta_label!("pod_container_port_name"), port.name.as_str());
    target.set(meta_label!("pod_container_port_protocol"), port.protocol.as_str());
}

/// What a container and one of its ports add to a target that a service led to; there the id of the
/// container is not told.
pub fn add_container(
    target: &mut LabelsBuilder,
    container: &Container,
    init: bool,
    port: &ContainerPort,
) {
    target.set(meta_label!("pod_container_name"), container.name.as_str());
    target.set(meta_label!("pod_container_image"), container.image.as_str());
    target.set(meta_label!("pod_container_init"), flag(init));
    add_port(target, port);
}

fn container_id(pod: &Pod, container: &Container, init: bool) -> CompactString {
    let statuses: &[ContainerStatus] =
        if init { &pod.status.init_container_statuses } else { &pod.status.container_statuses };
    let status = statuses.iter().find(|status| status.name == container.name);
    status.map(|status| status.container_id.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
