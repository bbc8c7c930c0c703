//! Nodes to targets.

use super::*;
use crate::kubernetes::test_objects::{assert_group, object};

const NODE: &str = "
metadata: {name: node-a, uid: u, labels: {topology.kubernetes.io/zone: z}, annotations: {a/b: c}}
spec: {providerID: 'aws:///z/i-1', podCIDR: 10.0.0.0/24}
status:
  addresses:
  - {type: Hostname, address: node-a.local}
  - {type: InternalIP, address: 192.168.0.1}
  - {type: InternalIP, address: 192.168.0.2}
  - {type: ExternalIP, address: 1.2.3.4}
  conditions: [{type: Ready, status: 'True'}, {type: example.com/Odd, status: Unknown}]
  daemonEndpoints: {kubeletEndpoint: {Port: 10250}}
";

#[test]
fn a_node_is_its_kubelet() {
    assert_group(
        &group(&object(NODE)),
        "node/node-a",
        "node_name=node-a
         node_provider_id=aws:///z/i-1
         node_condition_ready=true
         node_condition_example_com_odd=unknown
         node_label_topology_kubernetes_io_zone=z
         node_labelpresent_topology_kubernetes_io_zone=true
         node_annotation_a_b=c
         node_annotationpresent_a_b=true",
        &["__address__=192.168.0.1:10250
           instance=node-a
           node_address_Hostname=node-a.local
           node_address_InternalIP=192.168.0.1
           node_address_ExternalIP=1.2.3.4"],
    );
}

#[test]
fn the_best_address_counts() {
    let all = [
        ("InternalIP", "192.168.0.1"),
        ("InternalDNS", "in.local"),
        ("ExternalIP", "1.2.3.4"),
        ("ExternalDNS", "out.example"),
        ("LegacyHostIP", "9.9.9.9"),
        ("Hostname", "node-a"),
    ];
    for first in 0..all.len() {
        let left: Vec<String> = all[first..]
            .iter()
            .rev()
            .map(|(kind, address)| format!("{{type: {kind}, address: {address}}}"))
            .collect();
        let yaml =
            format!("{{metadata: {{name: nn}}, status: {{addresses: [{}]}}}}", left.join(", "));
        assert_eq!(address(&object(&yaml)), Some(all[first].1));
    }
}

#[test]
fn a_node_without_an_address_has_no_target() {
    let group = group(&object("{metadata: {name: nn}, status: {addresses: null}}"));
    assert_group(&group, "node/nn", "", &[]);
}
