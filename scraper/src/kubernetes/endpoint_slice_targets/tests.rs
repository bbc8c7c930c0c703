//! Endpoint slices to targets.

use super::*;
use crate::kubernetes::test_objects::{Known, assert_group, object};

const SLICE: &str = "
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP, appProtocol: h2c}]
endpoints:
- addresses: [10.0.0.1]
  conditions: {ready: true, serving: true, terminating: false}
  hostname: h
  nodeName: node-a
  zone: z
  targetRef: {kind: Pod, namespace: shop, name: p}
  deprecatedTopology: {kubernetes.io/arch: arm}
- {addresses: [10.0.0.2, 10.0.0.3], conditions: {}, targetRef: {kind: Node, name: node-b}}
";

const COMMON: &str = "
    namespace=shop
    endpointslice_name=web-1
    endpointslice_address_type=IPv4
    endpointslice_label_kubernetes_io_service_name=web
    endpointslice_labelpresent_kubernetes_io_service_name=true";

const PORT: &str = "
    endpointslice_port=8080
    endpointslice_port_name=http
    endpointslice_port_protocol=TCP
    endpointslice_port_app_protocol=h2c";

const FIRST: &str = "
    __address__=10.0.0.1:8080
    endpointslice_endpoint_conditions_ready=true
    endpointslice_endpoint_conditions_serving=true
    endpointslice_endpoint_conditions_terminating=false
    endpointslice_endpoint_hostname=h
    endpointslice_endpoint_node_name=node-a
    endpointslice_endpoint_zone=z
    endpointslice_endpoint_topology_kubernetes_io_arch=arm
    endpointslice_endpoint_topology_present_kubernetes_io_arch=true
    endpointslice_address_target_kind=Pod
    endpointslice_address_target_name=p";

fn node_target(ip: &str) -> String {
    format!(
        "{PORT}\n__address__={ip}:8080
         endpointslice_address_target_kind=Node
         endpointslice_address_target_name=node-b"
    )
}

#[test]
fn each_address_is_a_target() {
    let group = group(&object(SLICE), &Known::nothing());
    let first = format!("{PORT}{FIRST}");
    let (second, third) = (node_target("10.0.0.2"), node_target("10.0.0.3"));
    assert_group(&group, "endpointslice/shop/web-1", COMMON, &[&first, &second, &third]);
}

#[test]
fn empty_lists_are_written_as_null() {
    let slice = "{metadata: {name: e, namespace: shop}, addressType: IPv4, endpoints: null, \
                 ports: null}";
    let common = "namespace=shop\nendpointslice_name=e\nendpointslice_address_type=IPv4";
    let group = group(&object(slice), &Known::nothing());
    assert_group(&group, "endpointslice/shop/e", common, &[]);
}

#[test]
fn pods_add_their_labels_and_their_other_ports() {
    let pod = "
metadata: {name: p, namespace: shop}
spec:
  containers:
  - name: main
    image: i
    ports:
    - {name: a, containerPort: 8080, protocol: TCP}
    - {name: b, containerPort: 1, protocol: TCP}
status: {podIP: 10.0.0.1}
";
    let mut group = group(&object(SLICE), &Known::nothing().with("Pod", pod));
    group.targets.drain(1..3);
    let pod = "
        pod_name=p
        pod_ip=10.0.0.1
        pod_ready=unknown
        pod_container_name=main
        pod_container_image=i
        pod_container_init=false
        pod_container_port_protocol=TCP";
    let covered =
        format!("{PORT}{FIRST}{pod}\npod_container_port_name=a\npod_container_port_number=8080");
    let other = format!(
        "{pod}\n__address__=10.0.0.1:1\npod_container_port_name=b\npod_container_port_number=1"
    );
    assert_group(&group, "endpointslice/shop/web-1", COMMON, &[&covered, &other]);
}

#[test]
fn the_service_lends_its_labels() {
    let known = Known::nothing()
        .with("Service", "{metadata: {name: web, namespace: shop, labels: {s: t}}}");
    let group = group(&object(SLICE), &known);
    let value = |name: &str| group.labels.value(&format!("__meta_kubernetes_service_{name}"));
    assert_eq!((value("name"), value("label_s"), value("labelpresent_s")), ("web", "t", "true"));
}

#[test]
fn the_second_address_family_gives_no_targets() {
    let service = |policy: &str, families: &str| {
        Known::nothing().with(
            "Service",
            &format!(
                "{{metadata: {{name: web, namespace: shop}}, \
                 spec: {{ipFamilyPolicy: {policy}, ipFamilies: {families}}}}}"
            ),
        )
    };
    for (policy, families, count) in [
        ("PreferDualStack", "[IPv4, IPv6]", 3),
        ("PreferDualStack", "[IPv6, IPv4]", 0),
        ("RequireDualStack", "[IPv6]", 0),
        ("SingleStack", "[IPv6]", 3),
        ("RequireDualStack", "null", 3),
        ("null", "[IPv6]", 3),
    ] {
        let group = group(&object(SLICE), &service(policy, families));
        assert_eq!(group.targets.len(), count, "{policy} {families}");
    }
}

#[test]
fn a_slice_without_ports_numbers_has_bare_addresses() {
    let slice = SLICE.replace("port: 8080, ", "");
    let group = group(&object(&slice), &Known::nothing());
    assert_eq!(group.targets[0].value("__address__"), "10.0.0.1");
    assert_eq!(group.targets[0].value("__meta_kubernetes_endpointslice_port"), "");
}

#[test]
fn nodes_lend_their_labels() {
    let known = Known::attaching()
        .with("Node", "{metadata: {name: node-a, labels: {lab: a}}}")
        .with("Node", "{metadata: {name: node-b, labels: {lab: b}}}");
    let group = group(&object(SLICE), &known);
    let labels: Vec<&str> =
        group.targets.iter().map(|one| one.value("__meta_kubernetes_node_label_lab")).collect();
    assert_eq!(labels, ["a", "b", "b"]);
}
