//! Role `node`: each node's kubelet.

use compact_str::CompactString;
use protocol::labels::LabelsBuilder;

use crate::kubernetes::meta_labels::{ADDRESS, add_object, host_and_port, meta_label, sanitised};
use crate::kubernetes::object::Node;
use crate::target_labels::TargetGroup;

/// Which address of a node counts, best first.
const ADDRESS_KINDS: [&str; 6] =
    ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

/// One target: the kubelet. None for a node without an address.
pub fn group(node: &Node) -> TargetGroup {
    let source = format!("node/{}", node.metadata.name);
    let Some(address) = address(node) else {
        return TargetGroup { source, ..TargetGroup::default() };
    };
    let mut labels = LabelsBuilder::default();
    labels.set(meta_label!("node_provider_id"), node.spec.provider_id.clone());
    for condition in &node.status.conditions {
        let name = sanitised(&condition.kind.to_lowercase());
        let status = condition.status.to_lowercase();
        labels.set(format!("__meta_kubernetes_node_condition_{name}"), status);
    }
    add_object(&mut labels, "node", &node.metadata);
    let mut target = LabelsBuilder::default();
    target.set(ADDRESS, host_and_port(address, kubelet_port(node)));
    target.set(CompactString::const_new("instance"), node.metadata.name.clone());
    // Of several addresses of a kind the first counts.
    for one in node.status.addresses.iter().rev() {
        let name = format!("__meta_kubernetes_node_address_{}", sanitised(&one.kind));
        target.set(name, one.address.clone());
    }
    TargetGroup { source, targets: vec![target.build()], labels: labels.build() }
}

/// The address by which a node's kubelet is reached.
pub fn address(node: &Node) -> Option<&str> {
    let of_kind = |kind: &&str| {
        let mut all = node.status.addresses.iter();
        all.find(|address| address.kind.as_str() == *kind).map(|address| address.address.as_str())
    };
    ADDRESS_KINDS.iter().find_map(of_kind)
}

/// Where its kubelet listens; 0 where the node does not say.
pub fn kubelet_port(node: &Node) -> u16 {
    node.status.daemon_endpoints.kubelet_endpoint.port
}

#[cfg(test)]
mod tests;
