//! Ingresses to targets.

use super::*;
use crate::kubernetes::test_objects::{Known, assert_group, object};

const INGRESS: &str = "
metadata: {name: web, namespace: shop, labels: {a: b}}
spec:
  ingressClassName: nginx
  tls: [{hosts: ['*.example.com', plain.test]}]
  rules:
  - {host: www.example.com, http: {paths: [{path: /}, {path: /shop}, {}]}}
  - {host: a.b.example.com}
  - {host: plain.test, http: {paths: []}}
";

#[test]
fn each_path_is_a_target() {
    let target = |host: &str, scheme: &str, path: &str| {
        format!(
            "__address__={host}\ningress_host={host}\ningress_scheme={scheme}\ningress_path={path}"
        )
    };
    let expected = [
        target("www.example.com", "https", "/"),
        target("www.example.com", "https", "/shop"),
        target("www.example.com", "https", "/"),
        target("a.b.example.com", "http", "/"),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_group(
        &group(&object(INGRESS), &Known::nothing()),
        "ingress/shop/web",
        "namespace=shop
         ingress_name=web
         ingress_class_name=nginx
         ingress_label_a=b
         ingress_labelpresent_a=true",
        &expected,
    );
}

#[test]
fn a_star_stands_for_one_part() {
    for (pattern, host, fits) in [
        ("a.test", "a.test", true),
        ("*.test", "a.test", true),
        ("*.test", "a.b.test", false),
        ("*.test", "test", false),
        ("*", "a", false),
        ("a.*", "a.test", false),
        ("*.b.test", "a.b.test", true),
    ] {
        assert_eq!(matches_host(pattern, host), fits, "{pattern} {host}");
    }
}
