//! Services to targets.

use super::*;
use crate::kubernetes::test_objects::{Known, assert_group, object};

fn service(spec: &str, rest: &str) -> Service {
    object(&format!(
        "{{metadata: {{name: web, namespace: shop, labels: {{app: web}}, annotations: {{a: b}}}}, \
         spec: {{{spec}}}{rest}}}"
    ))
}

const COMMON: &str = "
    namespace=shop
    service_name=web
    service_label_app=web
    service_labelpresent_app=true
    service_annotation_a=b
    service_annotationpresent_a=true";

#[test]
fn each_port_is_a_target_by_name() {
    let spec = "type: ClusterIP, clusterIP: 10.96.0.5, \
                ports: [{name: http, port: 80, protocol: TCP}, {port: 53, protocol: UDP}]";
    assert_group(
        &group(&service(spec, ""), &Known::nothing()),
        "svc/shop/web",
        COMMON,
        &[
            "__address__=web.shop.svc:80
             service_port_name=http
             service_port_number=80
             service_port_protocol=TCP
             service_type=ClusterIP
             service_cluster_ip=10.96.0.5",
            "__address__=web.shop.svc:53
             service_port_number=53
             service_port_protocol=UDP
             service_type=ClusterIP
             service_cluster_ip=10.96.0.5",
        ],
    );
}

#[test]
fn external_names_stand_instead_of_the_cluster_ip() {
    let spec = "type: ExternalName, externalName: db.example.com, \
                ports: [{port: 5432, protocol: TCP}]";
    let group = group(&service(spec, ""), &Known::nothing());
    let value = |name: &str| group.targets[0].value(&format!("__meta_kubernetes_service_{name}"));
    assert_eq!((value("external_name"), value("cluster_ip")), ("db.example.com", ""));
}

#[test]
fn the_balancer_tells_its_addresses() {
    let spec = "type: LoadBalancer, clusterIP: 10.96.0.5, loadBalancerIP: 9.9.9.9, \
                ports: [{port: 80}]";
    for (status, expected) in [
        ("", "9.9.9.9"),
        (
            ", status: {loadBalancer: {ingress: [{ip: 1.1.1.1}, {hostname: x}, {ip: 2.2.2.2}]}}",
            "1.1.1.1,2.2.2.2",
        ),
        (", status: {loadBalancer: {ingress: [{hostname: x}]}}", "9.9.9.9"),
    ] {
        let group = group(&service(spec, status), &Known::nothing());
        let ips = group.targets[0].value("__meta_kubernetes_service_loadbalancer_ip").to_owned();
        assert_eq!(ips, expected, "{status}");
    }
}

#[test]
fn namespaces_lend_their_labels() {
    let known = Known::attaching().with("Namespace", "{metadata: {name: shop, labels: {t: u}}}");
    let common = format!("{COMMON}\nnamespace_label_t=u\nnamespace_labelpresent_t=true");
    assert_group(&group(&service("type: ClusterIP", ""), &known), "svc/shop/web", &common, &[]);
}
