//! Who is trusted, and how the proxy is addressed.

use super::*;
use crate::kubernetes::test_objects::object;

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

#[test]
fn the_api_server_is_known_by_address_and_by_name() {
    let server = url("https://10.96.0.1:6443");
    for (asked, expected) in [
        ("https://10.96.0.1:6443/metrics", Some("https://10.96.0.1:6443/metrics")),
        (
            "https://kubernetes.default.svc:443/api/v1/nodes/n/proxy/metrics?a=b",
            Some("https://10.96.0.1:6443/api/v1/nodes/n/proxy/metrics?a=b"),
        ),
        ("https://kubernetes.default.svc/x", Some("https://10.96.0.1:6443/x")),
        ("https://kubernetes.default.svc.cluster.local/x", Some("https://10.96.0.1:6443/x")),
        ("http://kubernetes.default.svc/x", None),
        ("http://10.96.0.1:6443/x", None),
        ("https://10.96.0.1/x", None),
        ("https://kubernetes.default.svc:8443/x", None),
        ("https://kubernetes.evil.svc/x", None),
        ("https://evil/?https://kubernetes.default.svc", None),
        ("https://kubernetes.default.svc@evil/x", None),
    ] {
        let found = api_url(&server, &url(asked));
        assert_eq!(found.as_ref().map(Url::as_str), expected, "{asked}");
    }
    let below = url("https://rancher.example/k8s/clusters/c-1");
    let found = api_url(&below, &url("https://kubernetes.default.svc:443/metrics"));
    assert_eq!(
        found.expect("the API server").as_str(),
        "https://rancher.example/k8s/clusters/c-1/metrics"
    );
}

#[test]
fn kubelets_and_api_servers_are_trusted_over_tls() {
    let node: Node = object(
        "{metadata: {name: a}, status: {addresses: [{type: InternalIP, address: 10.0.0.1}, \
         {type: Hostname, address: node-a}, {type: InternalIP, address: 'fd00::1'}], \
         daemonEndpoints: {kubeletEndpoint: {Port: 10250}}}}",
    );
    let silent: Node = object(
        "{metadata: {name: b}, status: {addresses: [{type: InternalIP, address: 10.0.0.2}]}}",
    );
    let servers: EndpointSlice = object(
        "{metadata: {name: kubernetes}, ports: [{name: https, port: 6443}], \
         endpoints: [{addresses: [172.16.0.1, 172.16.0.2]}]}",
    );
    let trusted = Trusted::new([&node, &silent], [&servers]);
    for (asked, expected) in [
        ("https://10.0.0.1:10250/metrics", true),
        ("https://node-a:10250/metrics/cadvisor", true),
        ("https://[fd00::1]:10250/metrics", true),
        ("https://10.0.0.2:10250/metrics", true),
        ("https://172.16.0.2:6443/metrics", true),
        ("http://10.0.0.1:10250/metrics", false),
        ("https://10.0.0.1:9100/metrics", false),
        ("https://10.0.0.1/metrics", false),
        ("https://172.16.0.1:10250/metrics", false),
        ("https://10.0.0.3:10250/metrics", false),
        ("https://10.0.0.1:10250@evil/metrics", false),
    ] {
        assert_eq!(trusted.has(&url(asked)), expected, "{asked}");
    }
}

#[test]
fn the_proxy_is_addressed_by_names() {
    let server = url("https://api.example/base");
    let pod = [
        ("__meta_kubernetes_namespace", "shop"),
        ("__meta_kubernetes_pod_name", "web-0"),
        ("__meta_kubernetes_pod_ip", "10.0.0.1"),
    ];
    let node = [
        ("__meta_kubernetes_node_name", "node-a"),
        ("__meta_kubernetes_node_address_InternalIP", "192.168.0.1"),
    ];
    let namespaces = "https://api.example/base/api/v1/namespaces";
    let nodes = "https://api.example/base/api/v1/nodes";
    for (labels, asked, expected) in [
        (
            &pod[..],
            "http://10.0.0.1:8080/metrics?x=y",
            format!("{namespaces}/shop/pods/web-0:8080/proxy/metrics?x=y"),
        ),
        (
            &pod[..],
            "https://10.0.0.1:8443/",
            format!("{namespaces}/shop/pods/https:web-0:8443/proxy/"),
        ),
        (
            &pod[..],
            "http://10.0.0.1/metrics",
            format!("{namespaces}/shop/pods/web-0:80/proxy/metrics"),
        ),
        (
            &pod[..],
            "http://prober.tools.svc:9115/probe?target=10.0.0.1",
            format!("{namespaces}/tools/services/prober:9115/proxy/probe?target=10.0.0.1"),
        ),
        (
            &node[..],
            "https://192.168.0.1:10250/metrics/cadvisor",
            format!("{nodes}/node-a/proxy/metrics/cadvisor"),
        ),
        (
            &node[..],
            "http://192.168.0.1:9100/metrics",
            format!("{nodes}/node-a:9100/proxy/metrics"),
        ),
    ] {
        let discovered = Labels::from_pairs(labels.iter().copied());
        let found = proxy_url(&server, &discovered, &url(asked)).expect(asked);
        assert_eq!(found.as_str(), expected, "{asked}");
    }
    let discovered = Labels::from_pairs(pod);
    let reason = proxy_url(&server, &discovered, &url("http://10.0.0.9:1/")).expect_err("foreign");
    assert!(reason.contains("10.0.0.9:1"), "{reason}");
}

#[test]
fn names_cannot_leave_their_place_in_the_path() {
    let server = url("https://api.example");
    let discovered = Labels::from_pairs([
        ("__meta_kubernetes_namespace", "../.."),
        ("__meta_kubernetes_pod_name", "a/b?c#d"),
        ("__meta_kubernetes_pod_ip", "10.0.0.1"),
    ]);
    let found = proxy_url(&server, &discovered, &url("http://10.0.0.1:1/m")).expect("a URL");
    let path = found.path();
    assert!(path.starts_with("/api/v1/namespaces/..%2F../pods/a%2Fb%3Fc%23d:1/proxy/m"), "{path}");
}
