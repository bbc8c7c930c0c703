//! The account of a Store and what it may.               (pure)

use crds::store::Store;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use serde_json::json;

use crate::runtime::cache::name_of;
use crate::runtime::children::typed;
use crate::store::names;

/// The account that the store's pod runs under.
pub fn service_account(store: &Store) -> ServiceAccount {
    let family = names::family(store);
    typed(json!({
        "metadata": family.metadata(&family.name),
        "automountServiceAccountToken": false,
    }))
}

/// Lets the store ask the API server who a token is from and what that one may.
pub fn review_binding(store: &Store, role: &str) -> ClusterRoleBinding {
    let family = names::family(store);
    typed(json!({
        "metadata": family.metadata_abroad(&names::review_binding(&name_of(store)), None),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": [{
            "kind": "ServiceAccount",
            "name": family.name,
            "namespace": family.namespace,
        }],
    }))
}
