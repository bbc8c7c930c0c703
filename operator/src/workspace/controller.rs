//! Brings Workspaces to be as they say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crds::workspace::Workspace;
use kube::Resource as _;
use protocol::amp_api::workspaces::WorkspaceDescription;
use protocol::workspace::WorkspaceId;
use sha2::{Digest as _, Sha256};

use crate::control::client::ControlClient;
use crate::control::error::ControlError;
use crate::control::workspaces;
use crate::foreign_rules::intake::Intake;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::controller::{Controller, Next, Reconciler};
use crate::runtime::error::ReconcileError;
use crate::runtime::finalizer;
use crate::runtime::status_writer;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;
use crate::workspace::letting_go;
use crate::workspace::pruning::{Asked, takes_data};
use crate::workspace::status::{Outcome, Seen, is_programmed, status};
use crate::workspace::stores::Stores;
use crate::workspace::trouble::{failure, refusal};

/// How often drift is looked for; nobody but its owner may change a workspace, so it is rare.
const DRIFT: Duration = Duration::from_mins(3);
/// How soon a workspace that the store does not run yet is looked at again.
const PENDING: Duration = Duration::from_secs(1);

/// The controller of Workspaces.
pub struct WorkspaceReconciler {
    context: Arc<Context>,
    stores: Arc<Stores>,
    cache: Arc<Cache<Workspace>>,
    asked: Asked,
    intake: Arc<Intake>,
}

/// Makes the controller; its `run` never returns.
pub fn controller(context: &Arc<Context>, stores: &Arc<Stores>) -> Controller<WorkspaceReconciler> {
    let cache = context.watches.namespaced::<Workspace>(Selection::default());
    let intake = Arc::new(Intake::new(context));
    let reconciler = WorkspaceReconciler {
        context: Arc::clone(context),
        stores: Arc::clone(stores),
        cache: Arc::clone(&cache),
        asked: Asked::new(context),
        intake: Arc::clone(&intake),
    };
    let (of_store, known) = (Arc::clone(stores), Arc::clone(&cache));
    let controller =
        Controller::new(Arc::clone(context), reconciler).after(stores.cache(), move |store| {
            let store = name_of(store);
            let carried = |workspace: &&Arc<Workspace>| {
                of_store.of_workspace(workspace).is_ok_and(|name| name == store)
            };
            known.all().iter().filter(carried).map(|one| name_of(one.as_ref())).collect()
        });
    intake.wakes(controller.queue());
    controller
}

impl Reconciler for WorkspaceReconciler {
    type Kind = Workspace;

    async fn reconcile(&self, object: Arc<Workspace>) -> Result<Next, ReconcileError> {
        if object.meta().deletion_timestamp.is_some() {
            return self.finalize(&object).await;
        }
        finalizer::set(&self.context, &self.cache, &object, takes_data(&object)).await?;
        let (outcome, next) = self.outcome(&object).await?;
        let now = self.context.clock.now();
        // The finalizer changed the object: the newest state is told of.
        let newest = self.cache.get(&name_of(object.as_ref())).unwrap_or(object);
        let status = status(&newest, outcome, now);
        status_writer::write(&self.context, &self.cache, newest.as_ref(), &status).await?;
        Ok(next)
    }

    async fn gone(&self, _: &ObjectName) -> Result<(), ReconcileError> {
        self.asked.hasten();
        Ok(())
    }
}

impl WorkspaceReconciler {
    async fn outcome(&self, object: &Workspace) -> Result<(Outcome, Next), ReconcileError> {
        let store = match self.stores.of_workspace(object) {
            Ok(store) => store,
            Err(unresolved) => return Ok((Outcome::Unresolved(unresolved), Next::Change)),
        };
        let name = name_of(object);
        let owner = self.stores.install.owner(&name.namespace, &name.name);
        let client = match self.stores.client(&store, &owner).await? {
            Ok(client) => client,
            Err(unresolved) => {
                return Ok((Outcome::Unresolved(unresolved), Next::After(DRIFT)));
            }
        };
        let (id, found) = match self.find_or_make(object, &client).await {
            Ok(known) => known,
            Err(error) => return refused_or_failed("find or make the workspace", &error),
        };
        let settled = workspaces::settle(&client, &id, &object.spec, found.as_ref()).await;
        let refused = match settled {
            Ok(()) => None,
            Err(error) => Some(refusal(&error).ok_or_else(|| failure("configure it", &error))?),
        };
        let seen = self.look(object, &client, &id, &store, refused).await?;
        let next = if is_programmed(&seen) || seen.refused.is_some() { DRIFT } else { PENDING };
        Ok((Outcome::Seen(Box::new(seen)), Next::After(next)))
    }

    /// The workspace, and how it was before; `None` where it was just made.
    async fn find_or_make(
        &self,
        object: &Workspace,
        client: &ControlClient,
    ) -> Result<(WorkspaceId, Option<WorkspaceDescription>), ControlError> {
        let known = object.status.as_ref().and_then(|status| status.workspace_id.as_deref());
        if let Some(id) = known.and_then(|id| id.parse::<WorkspaceId>().ok())
            && let Some(found) = workspaces::describe(client, &id).await?
            && is_its_own(object, &found, client.owner())
        {
            return Ok((id, Some(found)));
        }
        let existing = workspaces::list(client).await?;
        if let Some(found) = workspaces::find(&object.spec, client.owner(), &existing)? {
            return Ok((found.workspace_id.clone(), Some(found.clone())));
        }
        let token = client_token(object.metadata.uid.as_deref(), known);
        Ok((workspaces::create(client, &object.spec, Some(token)).await?, None))
    }

    /// Takes in foreign rules, removes what nobody asks for, and looks at what there is then.
    async fn look(
        &self,
        object: &Workspace,
        client: &ControlClient,
        id: &WorkspaceId,
        store: &ObjectName,
        refused: Option<(&'static str, String)>,
    ) -> Result<Seen, ReconcileError> {
        let failed = |error: ControlError| failure("look at the workspace", &error);
        let taken = self.intake.take_in(object, client, id).await.map_err(failed)?;
        let names: BTreeSet<String> = taken.names;
        let pruned = self.asked.prune_contents(client, id, object, names).await.map_err(failed)?;
        for rules in &pruned.rules {
            tracing::info!(workspace = %id, namespace = %rules, "nobody asks for it: removed");
        }
        self.asked.sweep(client, store).await.map_err(failed)?;
        let described = workspaces::describe(client, id).await.map_err(failed)?;
        let configuration = workspaces::configuration(client, id).await.map_err(failed)?;
        let missing = || ReconcileError::Remote {
            reason: "NotFound",
            message: format!("workspace {id} went while it was looked at"),
        };
        Ok(Seen {
            endpoint: self.stores.endpoint(store),
            description: described.ok_or_else(missing)?,
            configuration,
            refused,
            foreign: taken.told,
        })
    }

    /// The object goes: so does the workspace, where its policy says so.
    async fn finalize(&self, object: &Workspace) -> Result<Next, ReconcileError> {
        if finalizer::bears(object) {
            if takes_data(object) && !letting_go::is_orphan(object) {
                self.delete(object).await?;
            }
            finalizer::set(&self.context, &self.cache, object, false).await?;
        }
        Ok(Next::Change)
    }

    async fn delete(&self, object: &Workspace) -> Result<(), ReconcileError> {
        let id = object.status.as_ref().and_then(|status| status.workspace_id.as_deref());
        let Some(id) = id.and_then(|id| id.parse::<WorkspaceId>().ok()) else { return Ok(()) };
        let Ok(store) = self.stores.of_workspace(object) else { return Ok(()) };
        if !self.stores.exists(&store) {
            return Ok(());
        }
        let name = name_of(object);
        let owner = self.stores.install.owner(&name.namespace, &name.name);
        let client = match self.stores.client(&store, &owner).await? {
            Ok(client) => client,
            Err(unresolved) => return Err(letting_go::waits(&unresolved.message)),
        };
        match workspaces::delete(&client, &id).await {
            // Somebody else's by now: not ours to remove.
            Ok(()) | Err(ControlError::Conflict { .. }) => Ok(()),
            Err(error) => Err(letting_go::waits(&error.to_string())),
        }
    }
}

/// Whether a found workspace is the one that the object stands for.
fn is_its_own(object: &Workspace, found: &WorkspaceDescription, owner: &str) -> bool {
    match &object.spec.workspace_id {
        Some(id) => found.workspace_id.as_str() == id,
        None => found.hearth.is_none() || workspaces::owner_of(found) == owner,
    }
}

fn refused_or_failed(doing: &str, error: &ControlError) -> Result<(Outcome, Next), ReconcileError> {
    if let ControlError::NotFound { message } = error {
        let message = format!("{message}: correct spec.workspaceId");
        return Ok((Outcome::Refused("WorkspaceIdNotFound", message), Next::After(DRIFT)));
    }
    let (reason, message) = refusal(error).ok_or_else(|| failure(doing, error))?;
    Ok((Outcome::Refused(reason, message), Next::After(DRIFT)))
}

/// The same for every try to make one object's workspace, so that a retry makes no second one;
/// another one after the workspace was lost.
fn client_token(uid: Option<&str>, lost: Option<&str>) -> String {
    let digest = Sha256::digest(format!("{}/{}", uid.unwrap_or(""), lost.unwrap_or("")));
    hex::encode(&digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_bears_the_same_token_and_a_second_life_another() {
        let first = client_token(Some("uid"), None);
        assert_eq!(first, client_token(Some("uid"), None));
        assert_ne!(first, client_token(Some("uid"), Some("ws-1")));
        assert_ne!(first, client_token(Some("other"), None));
        assert_eq!(first.len(), 32);
    }
}
