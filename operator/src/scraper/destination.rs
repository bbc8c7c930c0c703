//! Where the samples of a Scraper go.                    (pure)

use crds::scraper::{Destination, RemoteWriteDestination, Scraper};
use crds::store::Store;
use crds::workspace::Workspace;
use kube::ResourceExt as _;

use crate::runtime::cache::name_of;
use crate::settings::ObjectName;
use crate::store::names;

/// Where the samples go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The whole URL.
    pub url: String,
    /// What proves who writes.
    pub proof: Proof,
    /// The Workspace that the collectors may write to.
    pub workspace: Option<ObjectName>,
    /// The Store whose certificate authority is trusted.
    pub store: Option<ObjectName>,
}

/// What proves who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A token of the collectors' own account, for this audience.
    Audience(String),
    /// A key of a Secret in the Scraper's namespace.
    Secret {
        /// The Secret.
        name: String,
        /// Its key.
        key: String,
    },
    /// Nothing.
    Nothing,
}

/// Why it is not known where samples go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// One CamelCase word.
    pub reason: &'static str,
    /// The culprit and the cure.
    pub message: String,
    /// It comes by itself: the Workspace is on its way.
    pub passes: bool,
    /// The Workspace says no: the right to write is taken away.
    pub revoked: bool,
}

/// The Workspace that a Scraper names, whether there is one or not.
pub fn workspace_name(scraper: &Scraper) -> Option<ObjectName> {
    let named = scraper.spec.destination.workspace_ref.as_ref()?;
    let namespace = named.namespace.clone().or_else(|| scraper.namespace()).unwrap_or_default();
    Some(ObjectName { namespace, name: named.name.clone() })
}

/// The Store that carries a Workspace.
pub fn store_name(workspace: &Workspace, default: Option<&ObjectName>) -> Option<ObjectName> {
    let own = || workspace.namespace().unwrap_or_default();
    match &workspace.spec.store_ref {
        Some(store) => Some(ObjectName {
            namespace: store.namespace.clone().unwrap_or_else(own),
            name: store.name.clone(),
        }),
        None => default.cloned(),
    }
}

/// Resolves a destination with what is known of its Workspace and Store.
///
/// # Errors
/// What is missing, and who has to do something.
pub fn resolve(
    scraper: &Scraper,
    workspace: Option<&Workspace>,
    store: Option<&Store>,
    default_store: Option<&ObjectName>,
) -> Result<Resolved, Unresolved> {
    let Destination { workspace_ref: _, remote_write } = &scraper.spec.destination;
    if let Some(remote) = remote_write {
        return Ok(elsewhere(remote));
    }
    let Some(named) = workspace_name(scraper) else {
        let message = "spec.destination names neither a workspaceRef nor a remoteWrite: name one";
        return Err(stuck("NoDestination", message.to_owned()));
    };
    let Some(workspace) = workspace else {
        return Err(stuck(
            "WorkspaceNotFound",
            format!("spec.destination.workspaceRef: Workspace {named} does not exist: make it"),
        ));
    };
    consent(scraper, workspace, &named)?;
    let Some(store_at) = store_name(workspace, default_store) else {
        let message = format!(
            "Workspace {named} names no Store and there is no default one: set its spec.storeRef"
        );
        return Err(stuck("NoStore", message));
    };
    let status = workspace.status.as_ref();
    let Some(endpoints) = status.and_then(|status| status.endpoints.as_ref()) else {
        return Err(Unresolved {
            passes: true,
            ..stuck("WorkspaceNotReady", format!("waiting for Workspace {named} to be made"))
        });
    };
    let told = store.and_then(|store| store.status.as_ref()?.audience.clone());
    Ok(Resolved {
        url: endpoints.remote_write.clone(),
        proof: Proof::Audience(told.unwrap_or_else(|| names::audience(&store_at))),
        workspace: Some(name_of(workspace)),
        store: Some(store_at),
    })
}

fn elsewhere(remote: &RemoteWriteDestination) -> Resolved {
    let RemoteWriteDestination { url, authorization } = remote;
    let proof = authorization.as_ref().map_or(Proof::Nothing, |bearer| Proof::Secret {
        name: bearer.credentials.name.clone(),
        key: bearer.credentials.key.clone(),
    });
    Resolved { url: url.clone(), proof, workspace: None, store: None }
}

/// Whether the Workspace lets the Scraper's namespace in.
fn consent(scraper: &Scraper, workspace: &Workspace, named: &ObjectName) -> Result<(), Unresolved> {
    let own = scraper.namespace().unwrap_or_default();
    let listed = workspace.spec.access.as_ref().map(|access| access.namespaces.as_slice());
    let lets = |known: &String| known == "*" || *known == own;
    if own == named.namespace || listed.unwrap_or_default().iter().any(lets) {
        return Ok(());
    }
    Err(Unresolved {
        revoked: true,
        ..stuck(
            "NotPermitted",
            format!(
                "Workspace {named} does not let namespace {own} in: its owner adds {own} to \
                 spec.access.namespaces there"
            ),
        )
    })
}

fn stuck(reason: &'static str, message: String) -> Unresolved {
    Unresolved { reason, message, passes: false, revoked: false }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scraper(reference: serde_json::Value) -> Scraper {
        serde_json::from_value(json!({
            "apiVersion": "hearth.dev/v1alpha1",
            "kind": "Scraper",
            "metadata": {"name": "pods", "namespace": "shop"},
            "spec": {"destination": reference, "scrapeConfiguration": "x"},
        }))
        .unwrap()
    }

    fn workspace(namespace: &str, access: &[&str], ready: bool) -> Workspace {
        let mut workspace = json!({
            "apiVersion": "hearth.dev/v1alpha1",
            "kind": "Workspace",
            "metadata": {"name": "main", "namespace": namespace},
            "spec": {"access": {"namespaces": access}},
        });
        if ready {
            workspace["status"] = json!({"endpoints": {
                "remoteWrite": "https://s/w", "query": "", "alertmanager": ""
            }});
        }
        serde_json::from_value(workspace).unwrap()
    }

    fn default_store() -> ObjectName {
        ObjectName { namespace: "hearth-system".into(), name: "hearth".into() }
    }

    fn of(
        reference: serde_json::Value,
        workspace: Option<&Workspace>,
    ) -> Result<Resolved, Unresolved> {
        resolve(&scraper(reference), workspace, None, Some(&default_store()))
    }

    #[test]
    fn a_workspace_beside_the_scraper_needs_no_consent() {
        let resolved =
            of(json!({"workspaceRef": {"name": "main"}}), Some(&workspace("shop", &[], true)));
        let resolved = resolved.unwrap();
        assert_eq!(resolved.url, "https://s/w");
        assert_eq!(resolved.proof, Proof::Audience("hearth.dev/hearth-system/hearth".into()));
        assert_eq!(resolved.store, Some(default_store()));
    }

    #[test]
    fn a_workspace_elsewhere_lets_in_whom_it_names() {
        let there = json!({"workspaceRef": {"name": "main", "namespace": "data"}});
        let error = of(there.clone(), Some(&workspace("data", &[], true))).unwrap_err();
        assert_eq!((error.reason, error.revoked), ("NotPermitted", true));
        assert!(error.message.contains("adds shop to spec.access.namespaces"), "{error:?}");
        assert!(of(there.clone(), Some(&workspace("data", &["other"], true))).is_err());
        assert!(of(there.clone(), Some(&workspace("data", &["shop"], true))).is_ok());
        assert!(of(there, Some(&workspace("data", &["*"], true))).is_ok());
    }

    #[test]
    fn what_comes_by_itself_is_waited_for_and_what_does_not_is_told() {
        let here = json!({"workspaceRef": {"name": "main"}});
        let waits = of(here.clone(), Some(&workspace("shop", &[], false))).unwrap_err();
        assert_eq!((waits.reason, waits.passes), ("WorkspaceNotReady", true));
        let stuck = of(here, None).unwrap_err();
        assert_eq!(
            (stuck.reason, stuck.passes, stuck.revoked),
            ("WorkspaceNotFound", false, false)
        );
    }

    #[test]
    fn any_receiver_will_do() {
        let remote = json!({"remoteWrite": {
            "url": "http://r/w",
            "authorization": {"credentials": {"name": "s", "key": "token"}},
        }});
        let resolved = of(remote, None).unwrap();
        assert_eq!(resolved.proof, Proof::Secret { name: "s".into(), key: "token".into() });
        assert_eq!((resolved.workspace, resolved.store), (None, None));
    }
}
