//! The Workspace that another object refers to.

use std::sync::Arc;

use crds::references::WorkspaceRef;
use crds::workspace::Workspace;
use protocol::workspace::WorkspaceId;

use crate::control::client::ControlClient;
use crate::control::wanted::permitted;
use crate::runtime::cache::Cache;
use crate::runtime::error::ReconcileError;
use crate::settings::ObjectName;
use crate::workspace::stores::Stores;
use crate::workspace::trouble::Unresolved;

/// A workspace that can be worked on.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The Store.
    pub store: ObjectName,
    /// The workspace in it.
    pub id: WorkspaceId,
    /// Its control API, for the owner that was asked for.
    pub client: ControlClient,
}

/// The name that a reference means.
pub fn target(from: &ObjectName, reference: &WorkspaceRef) -> ObjectName {
    let namespace = reference.namespace.clone().unwrap_or_else(|| from.namespace.clone());
    ObjectName { namespace, name: reference.name.clone() }
}

/// The Workspace's object, where `from` may refer to it.
pub fn consenting(
    workspaces: &Cache<Workspace>,
    from: &ObjectName,
    reference: &WorkspaceRef,
) -> Result<Arc<Workspace>, Unresolved> {
    let target = target(from, reference);
    // Without consent nothing is told about another namespace, not even whether it exists.
    let found = workspaces.get(&target);
    let allowed = found.as_ref().map_or(target.namespace == from.namespace, |workspace| {
        permitted(&workspace.spec, &target.namespace, &from.namespace)
    });
    if !allowed {
        let message = format!(
            "no Workspace {target} lets the namespace {} in: list it in that Workspace's \
             spec.access.namespaces",
            from.namespace
        );
        return Err(Unresolved::waits("NotPermitted", message));
    }
    found.ok_or_else(|| {
        let message = format!("there is no Workspace {target}: make it, or correct workspaceRef");
        Unresolved::waits("WorkspaceNotFound", message)
    })
}

/// The workspace in its store, ready to be worked on for `owner`.
///
/// # Errors
/// `Ok(Err(..))`: something that the reference needs is missing. `Err`: the store does not answer.
pub async fn resolve(
    stores: &Stores,
    workspace: &Workspace,
    owner: &str,
) -> Result<Result<Resolved, Unresolved>, ReconcileError> {
    let store = match stores.of_workspace(workspace) {
        Ok(store) => store,
        Err(unresolved) => return Ok(Err(unresolved)),
    };
    let id = workspace.status.as_ref().and_then(|status| status.workspace_id.as_ref());
    let Some(id) = id.and_then(|id| id.parse::<WorkspaceId>().ok()) else {
        let message = "the Workspace has no id in its Store yet: see its own conditions";
        return Ok(Err(Unresolved::waits("WorkspaceNotReady", message)));
    };
    match stores.client(&store, owner).await? {
        Ok(client) => Ok(Ok(Resolved { store, id, client })),
        Err(unresolved) => Ok(Err(unresolved)),
    }
}

#[cfg(test)]
mod tests {
    use crds::workspace::{WorkspaceAccess, WorkspaceSpec};

    use super::*;

    fn reference(namespace: &str) -> WorkspaceRef {
        WorkspaceRef { name: "main".into(), namespace: Some(namespace.into()) }
    }

    fn at(namespace: &str, name: &str) -> ObjectName {
        ObjectName { namespace: namespace.into(), name: name.into() }
    }

    #[test]
    fn without_consent_one_learns_nothing_and_with_it_everything() {
        let workspaces = Cache::new(0);
        let asked = |from: &str| consenting(&workspaces, &at(from, "x"), &reference("team"));
        let reason = |from: &str| asked(from).expect_err("not there").reason;
        assert_eq!((reason("team"), reason("shop")), ("WorkspaceNotFound", "NotPermitted"));
        let mut workspace = Workspace::new("main", WorkspaceSpec::default());
        workspace.metadata.namespace = Some("team".into());
        workspaces.put(workspace.clone());
        assert!(asked("team").is_ok());
        assert_eq!(reason("shop"), "NotPermitted");
        workspace.spec.access = Some(WorkspaceAccess { namespaces: vec!["shop".into()] });
        workspaces.put(workspace);
        assert!(asked("shop").is_ok());
    }
}
