//! The account of collectors and what it may.            (pure)

use crds::scraper::Scraper;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding};
use kube::api::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::runtime::cache::name_of;
use crate::runtime::children::{Family, typed};
use crate::scraper::names;
use crate::settings::{ObjectName, OperatorSettings};

/// All that a Scraper's account is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// Roles, in the Scraper's namespace and the Workspace's.
    pub roles: Vec<Role>,
    /// Bindings in the same.
    pub bindings: Vec<RoleBinding>,
    /// Bindings for the whole cluster.
    pub cluster_bindings: Vec<ClusterRoleBinding>,
}

/// The account that collectors run under.
pub fn service_account(scraper: &Scraper) -> ServiceAccount {
    let family = names::family(scraper);
    typed(json!({
        "metadata": family.metadata(&family.name),
        "automountServiceAccountToken": false,
    }))
}

/// What a Scraper's account is given: to read its own Scraper, to ask who reads its status, to
/// discover (in this cluster only, and beyond its namespace only where the settings list it), and
/// to write to one Workspace.
pub fn access(
    scraper: &Scraper,
    workspace: Option<&ObjectName>,
    settings: &OperatorSettings,
) -> Access {
    let family = names::family(scraper);
    let name = name_of(scraper);
    let cluster_role = |role: &str| ("ClusterRole", role.to_owned());
    let abroad =
        |what: &str, namespace| family.metadata_abroad(&names::abroad(&name, what), namespace);
    let mut access = Access {
        roles: vec![own_role(&family)],
        bindings: vec![binding(
            family.metadata(&family.name),
            ("Role", family.name.clone()),
            &family,
        )],
        cluster_bindings: vec![binding(
            abroad("collector", None),
            cluster_role(&settings.collector_cluster_role),
            &family,
        )],
    };
    let discovery = cluster_role(&settings.discovery_cluster_role);
    let here = scraper.spec.source.is_none() || scraper.spec.monitors.is_some();
    if here && settings.wide_discovery_namespaces.contains(&family.namespace) {
        let binding = binding(abroad("discovery", None), discovery, &family);
        access.cluster_bindings.push(binding);
    } else if here {
        let metadata = family.metadata(&names::own_discovery(&family.owner));
        access.bindings.push(binding(metadata, discovery, &family));
    }
    if let Some(workspace) = workspace {
        let metadata = abroad("writer", Some(workspace.namespace.as_str()));
        let role = ("Role", names::abroad(&name, "writer"));
        access.roles.push(write_role(metadata.clone(), workspace));
        access.bindings.push(binding(metadata, role, &family));
    }
    access
}

fn own_role(family: &Family) -> Role {
    typed(json!({
        "metadata": family.metadata(&family.name),
        "rules": [{
            "apiGroups": ["hearth.dev"],
            "resources": ["scrapers"],
            "resourceNames": [family.owner],
            "verbs": ["get", "list", "watch"],
        }],
    }))
}

fn write_role(metadata: ObjectMeta, workspace: &ObjectName) -> Role {
    typed(json!({
        "metadata": metadata,
        "rules": [{
            "apiGroups": ["hearth.dev"],
            "resources": ["workspaces/remotewrite"],
            "resourceNames": [workspace.name],
            "verbs": ["create"],
        }],
    }))
}

fn binding<B: Serialize + DeserializeOwned>(
    metadata: ObjectMeta,
    (kind, role): (&str, String),
    family: &Family,
) -> B {
    typed(json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{
            "kind": "ServiceAccount",
            "name": family.name,
            "namespace": family.namespace,
        }],
    }))
}
