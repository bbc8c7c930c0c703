//! Pods to targets.

use super::*;
use crate::kubernetes::test_objects::{Known, assert_group, lines, object};

const POD: &str = "
metadata:
  name: web-0
  namespace: shop
  uid: u-1
  resourceVersion: '7'
  labels: {app.kubernetes.io/name: web, app: ''}
  annotations: {prometheus.io/scrape: 'true'}
  managedFields: [{manager: kubectl, fieldsV1: {f: {}}}]
  ownerReferences:
  - {kind: Other, name: other}
  - {kind: ReplicaSet, name: web-abc, controller: true}
spec:
  nodeName: node-a
  containers:
  - name: main
    image: web:1
    env: [{name: A, value: b}]
    ports: [{name: http, containerPort: 8080, protocol: TCP}, {containerPort: 9090, protocol: UDP}]
  - {name: side, image: side:1}
  initContainers:
  - {name: first, image: first:1, ports: [{name: m, containerPort: 7070, protocol: TCP}]}
status:
  podIP: 10.0.0.1
  hostIP: 192.168.0.1
  phase: Running
  conditions: [{type: Initialized, status: 'True'}, {type: Ready, status: 'True'}]
  containerStatuses: [{name: main, containerID: 'containerd://m'}, {name: side}]
  initContainerStatuses: [{name: first, containerID: 'containerd://f'}]
";

const COMMON: &str = "
namespace=shop
pod_name=web-0
pod_uid=u-1
pod_ip=10.0.0.1
pod_host_ip=192.168.0.1
pod_node_name=node-a
pod_phase=Running
pod_ready=true
pod_controller_kind=ReplicaSet
pod_controller_name=web-abc
pod_label_app_kubernetes_io_name=web
pod_labelpresent_app_kubernetes_io_name=true
pod_labelpresent_app=true
pod_annotation_prometheus_io_scrape=true
pod_annotationpresent_prometheus_io_scrape=true
";

fn pod(yaml: &str) -> Pod {
    object(yaml)
}

#[test]
fn each_declared_port_is_a_target() {
    let main = "
        pod_container_id=containerd://m
        pod_container_name=main
        pod_container_image=web:1
        pod_container_init=false";
    let http = format!(
        "{main}\n__address__=10.0.0.1:8080\npod_container_port_name=http
         pod_container_port_number=8080\npod_container_port_protocol=TCP"
    );
    let nameless = format!(
        "{main}\n__address__=10.0.0.1:9090
         pod_container_port_number=9090\npod_container_port_protocol=UDP"
    );
    let portless = "
        __address__=10.0.0.1
        pod_container_name=side
        pod_container_image=side:1
        pod_container_init=false";
    let init = "
        __address__=10.0.0.1:7070
        pod_container_id=containerd://f
        pod_container_name=first
        pod_container_image=first:1
        pod_container_init=true
        pod_container_port_name=m
        pod_container_port_number=7070
        pod_container_port_protocol=TCP";
    let group = group(&pod(POD), &Known::nothing());
    assert_group(&group, "pod/shop/web-0", COMMON, &[&http, &nameless, portless, init]);
}

#[test]
fn a_pod_without_an_address_has_no_targets() {
    let group = group(&pod(&POD.replace("podIP: 10.0.0.1", "podIP: ''")), &Known::nothing());
    assert_group(&group, "pod/shop/web-0", "", &[]);
}

#[test]
fn ipv6_stands_in_brackets_before_a_port_only() {
    let group = group(&pod(&POD.replace("10.0.0.1", "'fd00::1'")), &Known::nothing());
    let addresses: Vec<&str> =
        group.targets.iter().map(|target| target.value("__address__")).collect();
    assert_eq!(addresses, ["[fd00::1]:8080", "[fd00::1]:9090", "fd00::1", "[fd00::1]:7070"]);
}

#[test]
fn readiness_is_said_in_lower_case() {
    for (conditions, expected) in [
        ("[{type: Ready, status: 'False'}]", "false"),
        ("[{type: Ready, status: Unknown}]", "unknown"),
        ("[]", "unknown"),
        ("null", "unknown"),
    ] {
        let written = "[{type: Initialized, status: 'True'}, {type: Ready, status: 'True'}]";
        let group = group(&pod(&POD.replace(written, conditions)), &Known::nothing());
        let ready = group.labels.value("__meta_kubernetes_pod_ready").to_owned();
        assert_eq!(ready, expected, "{conditions}");
    }
}

#[test]
fn nodes_and_namespaces_lend_their_labels() {
    let known = Known::attaching()
        .with("Node", "{metadata: {name: node-a, labels: {zone: z}, annotations: {k: o}}}")
        .with("Namespace", "{metadata: {name: shop, labels: {team: t}, annotations: {a: b}}}");
    let group = group(&pod(POD), &known);
    let added = "
        node_name=node-a
        node_label_zone=z
        node_labelpresent_zone=true
        node_annotation_k=o
        node_annotationpresent_k=true
        namespace_label_team=t
        namespace_labelpresent_team=true
        namespace_annotation_a=b
        namespace_annotationpresent_a=true";
    let common = format!("{COMMON}{added}");
    let mut expected: Vec<&str> =
        common.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    expected.sort_unstable();
    let mut found = lines(&group.labels);
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(group.targets.len(), 4);
}

#[test]
fn a_pod_waits_for_its_node_where_nodes_lend() {
    let known = Known::attaching().with("Node", "{metadata: {name: node-b}}");
    assert!(group(&pod(POD), &known).targets.is_empty());
    let mut known = known;
    known.attach.node = false;
    assert_eq!(group(&pod(POD), &known).targets.len(), 4);
}

#[test]
fn deployments_and_cron_jobs_are_found_through_their_children() {
    let owner = |kind: &str, name: &str| {
        format!("ownerReferences: [{{kind: {kind}, name: {name}, controller: true}}]")
    };
    let meta = |name: &str, owner: &str| {
        format!("{{metadata: {{name: {name}, namespace: shop, labels: {{a: b}}, {owner}}}}}")
    };
    let known = Known::attaching()
        .with("Node", "{metadata: {name: node-a}}")
        .with("ReplicaSet", &meta("web-abc", &owner("Deployment", "web")))
        .with("Job", &meta("web-abc", &owner("CronJob", "nightly")));
    let value = |pod: &Pod, known: &Known, name: &str| {
        group(pod, known).labels.value(&format!("__meta_kubernetes_pod_{name}")).to_owned()
    };
    let deployed = pod(POD);
    let job = pod(&POD.replace("kind: ReplicaSet", "kind: Job"));
    assert_eq!(value(&deployed, &known, "deployment_name"), "web");
    assert_eq!(value(&deployed, &known, "job_name"), "");
    assert_eq!(value(&job, &known, "job_name"), "web-abc");
    assert_eq!(value(&job, &known, "cronjob_name"), "nightly");
    assert_eq!(value(&job, &known, "deployment_name"), "");
    let nothing = Known::nothing();
    assert_eq!(value(&deployed, &nothing, "deployment_name"), "");
    assert_eq!(value(&job, &nothing, "job_name"), "");
    let rollout = Known::attaching()
        .with("Node", "{metadata: {name: node-a}}")
        .with("ReplicaSet", &meta("web-abc", &owner("Rollout", "web")));
    assert_eq!(value(&deployed, &rollout, "deployment_name"), "", "not a Deployment's");
}
