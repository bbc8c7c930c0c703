//! What things of a Store are called.                    (pure)

use crds::store::Store;
use kube::ResourceExt as _;

use crate::runtime::children::Family;
use crate::settings::ObjectName;

/// The port of the API.
pub const PORT: u16 = 9090;
/// The port's name.
pub const PORT_NAME: &str = "api";
/// The volume claim template's name.
pub const CLAIM: &str = "data";

/// The family of a Store: all its children are called `NAME-store`.
pub fn family(store: &Store) -> Family {
    Family::new(store, child(&store.name_any()), "hearth-store")
}

/// The name of most children.
pub fn child(store: &str) -> String {
    format!("{store}-store")
}

/// The headless Service.
pub fn headless(store: &str) -> String {
    format!("{store}-store-headless")
}

/// The Secret of the operator's certificate.
pub fn tls_secret(store: &str) -> String {
    format!("{store}-store-tls")
}

/// The volume claim of the one replica.
pub fn claim(store: &str) -> String {
    format!("{CLAIM}-{store}-store-0")
}

/// The binding to the role of reviews. Colons stand in no name of a namespace or Store, so no two
/// Stores share one.
pub fn review_binding(store: &ObjectName) -> String {
    format!("hearth:{}:{}:store", store.namespace, store.name)
}

/// Base URL for clients in the cluster.
pub fn url(store: &ObjectName) -> String {
    format!("https://{}.{}.svc:{PORT}", child(&store.name), store.namespace)
}

/// The audience of tokens that clients send.
pub fn audience(store: &ObjectName) -> String {
    format!("hearth.dev/{}/{}", store.namespace, store.name)
}

/// The DNS names in the certificate.
pub fn dns_names(store: &ObjectName) -> Vec<String> {
    let (child, namespace) = (child(&store.name), &store.namespace);
    vec![
        format!("{child}.{namespace}.svc"),
        format!("{child}.{namespace}.svc.cluster.local"),
        format!("{child}.{namespace}"),
        child,
        format!("*.{}.{namespace}.svc", headless(&store.name)),
        "localhost".to_owned(),
    ]
}
