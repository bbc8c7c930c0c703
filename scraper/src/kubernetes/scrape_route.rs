//! Where a scrape goes: straight, to the API, by its proxy.
//!
//! Pure. What may see the cluster's token is decided here, from addresses that the API server
//! itself told, never from labels that a configuration could have set.

use std::collections::HashSet;

use protocol::labels::Labels;
use reqwest::Url;

use crate::kubernetes::node_targets::kubelet_port;
use crate::kubernetes::object::Node;
use crate::kubernetes::object_network::EndpointSlice;

/// Names of the API server inside every cluster, at port 443.
const API_NAMES: [&str; 2] = ["kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

/// The port of a kubelet that does not tell it.
const KUBELET_PORT: u16 = 10250;

/// Who may see the cluster's token beside the API server itself; hosts and ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted(HashSet<(String, u16)>);

impl Trusted {
    /// The kubelets of nodes, and the addresses behind the service `kubernetes`.
    pub fn new<'a>(
        nodes: impl IntoIterator<Item = &'a Node>,
        api_servers: impl IntoIterator<Item = &'a EndpointSlice>,
    ) -> Self {
        let mut hosts = HashSet::new();
        for node in nodes {
            let port = match kubelet_port(node) {
                0 => KUBELET_PORT,
                port => port,
            };
            let addresses = node.status.addresses.iter();
            hosts.extend(addresses.map(|one| (one.address.to_string(), port)));
        }
        for slice in api_servers {
            for port in slice.ports.iter().filter_map(|port| port.port) {
                let addresses = slice.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
                hosts.extend(addresses.map(|address| (address.to_string(), port)));
            }
        }
        Self(hosts)
    }

    /// Whether a request there may bear the token: over TLS only.
    pub fn has(&self, url: &Url) -> bool {
        let port = url.port_or_known_default().unwrap_or(0);
        url.scheme() == "https" && self.0.contains(&(host_of(url), port))
    }
}

/// The URL at the API server that is meant, if the API server is meant: its own address, or one of
/// its names inside the cluster.
pub fn api_url(server: &Url, url: &Url) -> Option<Url> {
    let is_name = url.scheme() == "https"
        && url.port_or_known_default() == Some(443)
        && url.host_str().is_some_and(|host| API_NAMES.contains(&host));
    let is_same = url.origin() == server.origin();
    (is_name || is_same).then(|| {
        let path = if is_name { join(server, url.path()) } else { url.path().to_owned() };
        let mut found = server.clone();
        found.set_path(&path);
        found.set_query(url.query());
        found
    })
}

/// The URL by which the API server's proxy reaches a target: a pod, a service or a node.
pub fn proxy_url(server: &Url, discovered: &Labels, url: &Url) -> Result<Url, String> {
    let host = host_of(url);
    let port = url.port_or_known_default().unwrap_or(80);
    let scheme = if url.scheme() == "https" { "https:" } else { "" };
    let meta = |name: &str| discovered.value(&format!("__meta_kubernetes_{name}")).to_owned();
    let namespace = meta("namespace");
    let (pod, node) = (meta("pod_name"), meta("node_name"));
    let is_node_address = || {
        let prefix = "__meta_kubernetes_node_address_";
        discovered.iter().any(|(name, value)| name.starts_with(prefix) && value == host)
    };
    let path: Vec<String> = if !pod.is_empty() && host == meta("pod_ip") {
        let name = format!("{scheme}{pod}:{port}");
        ["namespaces", &namespace, "pods", &name].map(str::to_owned).to_vec()
    } else if let Some((service, namespace)) = service_of(&host) {
        let name = format!("{scheme}{service}:{port}");
        ["namespaces", namespace, "services", &name].map(str::to_owned).to_vec()
    } else if !node.is_empty() && is_node_address() {
        let is_kubelet = port == KUBELET_PORT && url.scheme() == "https";
        let name = if is_kubelet { node } else { format!("{scheme}{node}:{port}") };
        ["nodes", &name].map(str::to_owned).to_vec()
    } else {
        return Err(format!(
            "{host}:{port} cannot be reached through the API server's proxy: it is the address of \
             no discovered pod, service or node"
        ));
    };
    let mut found = server.clone();
    found.set_query(url.query());
    if let Ok(mut segments) = found.path_segments_mut() {
        segments.pop_if_empty().extend(["api", "v1"]).extend(&path).push("proxy");
    }
    let base = found.path().to_owned();
    found.set_path(&format!("{base}{}", url.path()));
    Ok(found)
}

/// Service and namespace of `NAME.NAMESPACE.svc`.
fn service_of(host: &str) -> Option<(&str, &str)> {
    let host = host.strip_suffix(".cluster.local").unwrap_or(host);
    host.strip_suffix(".svc")?.split_once('.').filter(|(_, namespace)| !namespace.contains('.'))
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn join(server: &Url, path: &str) -> String {
    format!("{}{path}", server.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests;
