//! Services, budget and network policy of a Store.       (pure)

use crds::store::Store;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use crate::runtime::children::typed;
use crate::store::names;

/// The Service of clients.
pub fn service(store: &Store) -> Service {
    let family = names::family(store);
    typed(json!({
        "metadata": family.metadata(&family.name),
        "spec": {
            "type": "ClusterIP",
            "selector": family.selector(),
            "ports": [port()],
        },
    }))
}

/// The Service that gives the pod its name.
pub fn headless_service(store: &Store) -> Service {
    let family = names::family(store);
    typed(json!({
        "metadata": family.metadata(&names::headless(&family.owner)),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": family.selector(),
            "ports": [port()],
        },
    }))
}

fn port() -> Value {
    json!({
        "name": names::PORT_NAME,
        "port": names::PORT,
        "targetPort": names::PORT_NAME,
        "protocol": "TCP",
    })
}

/// One pod may be away: a drained node must not wait for a store of one replica.
pub fn disruption_budget(store: &Store) -> PodDisruptionBudget {
    let family = names::family(store);
    typed(json!({
        "metadata": family.metadata(&family.name),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": family.selector()}},
    }))
}

/// Who may connect: `None` where the spec wants no policy at all. The Store's own namespace and the
/// operator's always may.
pub fn network_policy(store: &Store, operator_namespace: &str) -> Option<NetworkPolicy> {
    let family = names::family(store);
    let wanted = store.spec.network_policy.as_ref();
    if wanted.is_some_and(|policy| !policy.enabled) {
        return None;
    }
    let ports = json!([{"port": names::PORT_NAME, "protocol": "TCP"}]);
    let mut rule = json!({"ports": ports});
    let named = wanted.map(|policy| policy.from_namespaces.clone()).unwrap_or_default();
    if !named.is_empty() {
        let own = [family.namespace.clone(), operator_namespace.to_owned()];
        let all: std::collections::BTreeSet<String> = named.into_iter().chain(own).collect();
        rule["from"] = json!([{"namespaceSelector": {"matchExpressions": [{
            "key": "kubernetes.io/metadata.name",
            "operator": "In",
            "values": all,
        }]}}]);
    }
    Some(typed(json!({
        "metadata": family.metadata(&family.name),
        "spec": {
            "podSelector": {"matchLabels": family.selector()},
            "policyTypes": ["Ingress"],
            "ingress": [rule],
        },
    })))
}
