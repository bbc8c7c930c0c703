//! Endpoints to targets.

use super::*;
use crate::kubernetes::test_objects::{Known, assert_group, object};

const ENDPOINTS: &str = "
metadata: {name: web, namespace: shop, labels: {app: web}}
subsets:
- addresses:
  - {ip: 10.0.0.1, nodeName: node-a, hostname: h, targetRef: {kind: Pod, namespace: shop, name: p}}
  - {ip: 10.0.0.9}
  notReadyAddresses:
  - {ip: 10.0.0.2, targetRef: {kind: Node, name: node-b}}
  ports: [{name: http, port: 8080, protocol: TCP}]
";

const POD: &str = "
metadata: {name: p, namespace: shop, uid: u}
spec:
  nodeName: node-a
  containers:
  - {name: main, image: 'i:1', ports: [{name: web, containerPort: 8080, protocol: TCP}]}
  - {name: side, image: 'i:2', ports: [{name: side, containerPort: 9000, protocol: TCP}]}
  initContainers:
  - {name: first, image: 'i:3', ports: [{name: f, containerPort: 9001, protocol: TCP}]}
status: {podIP: 10.0.0.1, hostIP: 192.168.0.1, phase: Running}
";

const COMMON: &str = "
    namespace=shop
    endpoints_name=web
    endpoints_label_app=web
    endpoints_labelpresent_app=true";

const POD_LABELS: &str = "
    pod_name=p
    pod_uid=u
    pod_ip=10.0.0.1
    pod_host_ip=192.168.0.1
    pod_node_name=node-a
    pod_phase=Running
    pod_ready=unknown";

#[test]
fn addresses_without_known_pods_are_targets_too() {
    let pod = "
        __address__=10.0.0.1:8080
        endpoint_port_name=http
        endpoint_port_protocol=TCP
        endpoint_ready=true
        endpoint_address_target_kind=Pod
        endpoint_address_target_name=p
        endpoint_node_name=node-a
        endpoint_hostname=h";
    let plain = "
        __address__=10.0.0.9:8080
        endpoint_port_name=http
        endpoint_port_protocol=TCP
        endpoint_ready=true";
    let not_ready = "
        __address__=10.0.0.2:8080
        endpoint_port_name=http
        endpoint_port_protocol=TCP
        endpoint_ready=false
        endpoint_address_target_kind=Node
        endpoint_address_target_name=node-b";
    let group = group(&object(ENDPOINTS), &Known::nothing());
    assert_group(&group, "endpoints/shop/web", COMMON, &[pod, plain, not_ready]);
}

#[test]
fn pods_add_their_labels_and_their_other_ports() {
    let known = Known::nothing().with("Pod", POD);
    let group = group(&object(ENDPOINTS), &known);
    assert_eq!(group.targets.len(), 5);
    let mut behind = group.clone();
    behind.targets.drain(1..3);
    let covered = format!(
        "{POD_LABELS}
        __address__=10.0.0.1:8080
        endpoint_port_name=http
        endpoint_port_protocol=TCP
        endpoint_ready=true
        endpoint_address_target_kind=Pod
        endpoint_address_target_name=p
        endpoint_node_name=node-a
        endpoint_hostname=h
        pod_container_name=main
        pod_container_image=i:1
        pod_container_init=false
        pod_container_port_name=web
        pod_container_port_number=8080
        pod_container_port_protocol=TCP"
    );
    let other = |name: &str, image: &str, init: &str, port_name: &str, port: &str| {
        format!(
            "{POD_LABELS}
            __address__=10.0.0.1:{port}
            pod_container_name={name}
            pod_container_image={image}
            pod_container_init={init}
            pod_container_port_name={port_name}
            pod_container_port_number={port}
            pod_container_port_protocol=TCP"
        )
    };
    let side = other("side", "i:2", "false", "side", "9000");
    let first = other("first", "i:3", "true", "f", "9001");
    assert_group(&behind, "endpoints/shop/web", COMMON, &[&covered, &side, &first]);
}

#[test]
fn the_service_lends_its_labels() {
    let known = Known::nothing()
        .with("Service", "{metadata: {name: web, namespace: shop, annotations: {p: q}}}")
        .with("Service", "{metadata: {name: web, namespace: other, annotations: {x: z}}}");
    let common = format!(
        "{COMMON}\nservice_name=web\nservice_annotation_p=q\nservice_annotationpresent_p=true"
    );
    let empty =
        object("{metadata: {name: web, namespace: shop, labels: {app: web}}, subsets: null}");
    assert_group(&group(&empty, &known), "endpoints/shop/web", &common, &[]);
}

#[test]
fn nodes_lend_by_the_address_or_by_what_it_is() {
    let known = Known::attaching()
        .with("Node", "{metadata: {name: node-a, labels: {lab: a}}}")
        .with("Node", "{metadata: {name: node-b, labels: {lab: b}}}");
    let group = group(&object(ENDPOINTS), &known);
    let labels: Vec<&str> =
        group.targets.iter().map(|one| one.value("__meta_kubernetes_node_label_lab")).collect();
    assert_eq!(labels, ["a", "", "b"]);
}

#[test]
fn of_containers_with_the_same_port_the_last_one_counts() {
    let pod = POD.replace("containerPort: 9001", "containerPort: 8080");
    let group = group(&object(ENDPOINTS), &Known::nothing().with("Pod", &pod));
    let value = |name: &str| group.targets[0].value(&format!("__meta_kubernetes_pod_{name}"));
    assert_eq!((value("container_name"), value("container_init")), ("first", "true"));
    assert_eq!(group.targets.len(), 4, "the port is covered");
}
