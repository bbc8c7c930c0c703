//! Brings AlertManagerConfigs to be as they say.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use check::judgement::Source;
use crds::alert_manager_config::AlertManagerConfig;
use crds::workspace::Workspace;
use kube::Resource as _;
use protocol::workspace::WorkspaceId;

use crate::alert_manager_config::election::root;
use crate::alert_manager_config::push;
use crate::alert_manager_config::references::references;
use crate::alert_manager_config::status::{Outcome, Seen, loses_to, status};
use crate::control::definitions::{self, content_hash};
use crate::control::error::ControlError;
use crate::control::secrets::{self, PushedSecrets};
use crate::control::{health, wanted};
use crate::rule_group::controller::clients;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::controller::{Controller, Next, Reconciler};
use crate::runtime::error::ReconcileError;
use crate::runtime::finalizer;
use crate::runtime::queue::Queue;
use crate::runtime::status_writer;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;
use crate::workspace::letting_go;
use crate::workspace::reference::{Resolved, consenting, resolve, target};
use crate::workspace::stores::Stores;
use crate::workspace::trouble::{Unresolved, failure, refusal};
use crate::workspace::verdicts::{Verdict, Verdicts};

/// How often Secrets are read again, health is asked and drift is looked for. The operator watches
/// no Secrets, since that would take the right to read them all.
const LOOK: Duration = Duration::from_mins(1);
/// How soon a definition that the store does not run yet is looked at again.
const PENDING: Duration = Duration::from_secs(2);

/// The controller of AlertManagerConfigs.
pub struct AlertManagerReconciler {
    context: Arc<Context>,
    stores: Arc<Stores>,
    cache: Arc<Cache<AlertManagerConfig>>,
    workspaces: Arc<Cache<Workspace>>,
    verdicts: Verdicts,
    pushed: Mutex<PushedSecrets>,
    /// Where others of the same workspace are made due when the winner changes.
    queue: Arc<OnceLock<Arc<Queue>>>,
}

/// Makes the controller; its `run` never returns.
pub fn controller(
    context: &Arc<Context>,
    stores: &Arc<Stores>,
) -> Controller<AlertManagerReconciler> {
    let cache = context.watches.namespaced::<AlertManagerConfig>(Selection::default());
    let workspaces = context.watches.namespaced::<Workspace>(Selection::default());
    let queue: Arc<OnceLock<Arc<Queue>>> = Arc::default();
    let reconciler = AlertManagerReconciler {
        context: Arc::clone(context),
        stores: Arc::clone(stores),
        cache: Arc::clone(&cache),
        workspaces: Arc::clone(&workspaces),
        verdicts: Verdicts::default(),
        pushed: Mutex::default(),
        queue: Arc::clone(&queue),
    };
    let controller = Controller::new(Arc::clone(context), reconciler).knowing(stores.cache());
    let controller = controller.after(&workspaces, move |workspace| {
        let workspace = name_of(workspace);
        let means = |one: &&Arc<AlertManagerConfig>| {
            target(&name_of(one.as_ref()), &one.spec.workspace_ref) == workspace
        };
        cache.all().iter().filter(means).map(|one| name_of(one.as_ref())).collect()
    });
    let _ = queue.set(controller.queue());
    controller
}

impl Reconciler for AlertManagerReconciler {
    type Kind = AlertManagerConfig;

    async fn reconcile(&self, object: Arc<AlertManagerConfig>) -> Result<Next, ReconcileError> {
        if object.meta().deletion_timestamp.is_some() {
            return self.finalize(&object).await;
        }
        let judge = |object: &AlertManagerConfig| {
            check::specs::alert_manager_config(&object.spec, Source::Object).faults
        };
        let verdict = self.verdicts.of(&object, judge).await;
        let outcome = self.outcome(&object, verdict).await?;
        let waits = outcome.verdict.is_ok() && outcome.unresolved.is_none() && !outcome.runs();
        let newest = self.cache.get(&name_of(object.as_ref())).unwrap_or(object);
        let status = status(&newest, outcome, self.context.clock.now());
        status_writer::write(&self.context, &self.cache, newest.as_ref(), &status).await?;
        Ok(Next::After(if waits { PENDING } else { LOOK }))
    }

    async fn gone(&self, name: &ObjectName) -> Result<(), ReconcileError> {
        self.verdicts.forget(name);
        self.wake_all();
        Ok(())
    }
}

impl AlertManagerReconciler {
    async fn outcome(
        &self,
        object: &AlertManagerConfig,
        verdict: Verdict,
    ) -> Result<Outcome, ReconcileError> {
        let name = name_of(object);
        let content_hash = content_hash(&object.spec.definition);
        let mut outcome = Outcome { verdict, content_hash, unresolved: None, seen: None };
        let workspace = match consenting(&self.workspaces, &name, &object.spec.workspace_ref) {
            Ok(workspace) => workspace,
            Err(unresolved) => return Ok(Outcome { unresolved: Some(unresolved), ..outcome }),
        };
        let candidates = self.candidates(&workspace);
        if let Some(winner) = root(&candidates).map(|winner| name_of(winner.as_ref()))
            && winner != name
        {
            let workspace = name_of(workspace.as_ref()).to_string();
            outcome.verdict = loses_to(&winner.to_string(), &workspace);
            return Ok(outcome);
        }
        let owner = self.stores.install.owner(&name.namespace, &name.name);
        let resolved = match resolve(&self.stores, &workspace, &owner).await? {
            Ok(resolved) => resolved,
            Err(unresolved) => return Ok(Outcome { unresolved: Some(unresolved), ..outcome }),
        };
        finalizer::set(&self.context, &self.cache, object, true).await?;
        if outcome.verdict.is_ok() {
            match self.secrets(object, &resolved).await? {
                Ok(Ok(())) => outcome.verdict = self.put(object, &resolved).await?,
                Ok(refused) => outcome.verdict = refused,
                Err(unresolved) => outcome.unresolved = Some(unresolved),
            }
        }
        outcome.seen = Some(look(&resolved).await?);
        Ok(outcome)
    }

    /// All that may be the definition of a workspace.
    fn candidates(&self, workspace: &Workspace) -> Vec<Arc<AlertManagerConfig>> {
        let name = name_of(workspace);
        let means = |one: &Arc<AlertManagerConfig>| {
            let at = name_of(one.as_ref());
            target(&at, &one.spec.workspace_ref) == name
                && wanted::permitted(&workspace.spec, &name.namespace, &at.namespace)
        };
        self.cache.all().into_iter().filter(means).collect()
    }

    /// Pushes the values that the definition refers to.
    async fn secrets(
        &self,
        object: &AlertManagerConfig,
        resolved: &Resolved,
    ) -> Result<Result<Verdict, Unresolved>, ReconcileError> {
        let namespace = name_of(object).namespace;
        let references = references(&object.spec.definition);
        let all = match push::read(&self.context, &namespace, &references).await? {
            Ok(all) => all,
            Err(unresolved) => return Ok(Err(unresolved)),
        };
        let Resolved { client, id, .. } = resolved;
        let takes = |owner: &str| self.takes(owner);
        match push::push(&self.pushed, client, id, &all, takes).await {
            Ok(()) => Ok(Ok(Ok(()))),
            Err(error) => match refusal(&error) {
                Some(refused) => Ok(Ok(Err(refused))),
                None => Err(failure("push the secrets", &error)),
            },
        }
    }

    /// Puts the definition where it differs; the store's own refusal counts as the verdict.
    async fn put(
        &self,
        object: &AlertManagerConfig,
        resolved: &Resolved,
    ) -> Result<Verdict, ReconcileError> {
        let Resolved { client, id, .. } = resolved;
        let definition = &object.spec.definition;
        let mut put = definitions::put_alert_manager(client, id, definition).await;
        if let Err(ControlError::Conflict { owner: Some(other), .. }) = &put
            && self.takes(other)
        {
            // The winner before this one left it for us, so that alerts have somewhere to go.
            let before = client.acting_for(other.clone());
            let removed = definitions::delete_alert_manager(&before, id).await;
            removed.map_err(|error| failure("take over the definition", &error))?;
            put = definitions::put_alert_manager(client, id, definition).await;
        }
        match put {
            Ok(_) => Ok(Ok(())),
            Err(error) => match refusal(&error) {
                Some(refused) => Ok(Err(refused)),
                None => Err(failure("put the definition", &error)),
            },
        }
    }

    /// Whether the winner may take over what an owner left: another object of this installation,
    /// unless it cannot be read just now, for then it may well be the winner itself.
    fn takes(&self, owner: &str) -> bool {
        let Some((namespace, name)) = self.stores.install.object(owner) else { return false };
        let object = ObjectName { namespace: namespace.to_owned(), name: name.to_owned() };
        self.cache.synced() && self.cache.undecodable(&object).is_none()
    }

    /// The object goes: so do its definition and secrets, unless another one takes its place.
    async fn finalize(&self, object: &AlertManagerConfig) -> Result<Next, ReconcileError> {
        if finalizer::bears(object) {
            if !letting_go::is_orphan(object) {
                self.delete(object).await?;
            }
            finalizer::set(&self.context, &self.cache, object, false).await?;
            self.wake_all();
        }
        Ok(Next::Change)
    }

    async fn delete(&self, object: &AlertManagerConfig) -> Result<(), ReconcileError> {
        let name = name_of(object);
        let owner = self.stores.install.owner(&name.namespace, &name.name);
        let id = object.status.as_ref().and_then(|status| status.workspace_id.as_deref());
        let Some(id) = id.and_then(|id| id.parse::<WorkspaceId>().ok()) else { return Ok(()) };
        let workspace = self.workspaces.get(&target(&name, &object.spec.workspace_ref));
        let heir = workspace.as_ref().map(|workspace| self.candidates(workspace));
        if heir.is_some_and(|candidates| root(&candidates).is_some()) {
            return Ok(());
        }
        let mut names = self.pushed.lock().unwrap_or_else(PoisonError::into_inner).names(&id);
        names.extend(references(&object.spec.definition).into_keys());
        for client in clients(&self.stores, workspace.as_deref(), &owner).await? {
            let mut removed = vec![definitions::delete_alert_manager(&client, &id).await];
            for name in &names {
                removed.push(secrets::delete(&client, &id, name).await);
            }
            for result in removed {
                match result {
                    // Somebody else's by now: not ours to remove.
                    Ok(()) | Err(ControlError::Conflict { .. }) => {}
                    Err(error) => return Err(letting_go::waits(&error.to_string())),
                }
            }
        }
        let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &names {
            pushed.forget(&id, name);
        }
        Ok(())
    }

    /// The winner of some workspace may be another one now.
    fn wake_all(&self) {
        if let Some(queue) = self.queue.get() {
            for name in self.cache.names() {
                queue.add(name);
            }
        }
    }
}

async fn look(resolved: &Resolved) -> Result<Seen, ReconcileError> {
    let Resolved { client, id, .. } = resolved;
    let failed = |error: ControlError| failure("look at the definition", &error);
    let found = definitions::describe_alert_manager(client, id).await.map_err(failed)?;
    let its_own = |extras: &str| extras.is_empty() || extras == client.owner();
    let described = found.filter(|found| its_own(&found.extras.owner));
    let receivers = match &described {
        Some(_) => health::receivers(client, id).await.map_err(failed)?,
        None => Vec::new(),
    };
    Ok(Seen { workspace: id.clone(), described, receivers })
}
