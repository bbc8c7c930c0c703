//! Brings RuleGroups to be as they say.

use std::sync::Arc;
use std::time::Duration;

use check::judgement::Source;
use check::patience::Patience;
use crds::rule_group::RuleGroup;
use crds::workspace::Workspace;
use kube::Resource as _;
use protocol::workspace::WorkspaceId;
use tokio::time::Instant;

use crate::control::client::ControlClient;
use crate::control::definitions::{self, Described, content_hash};
use crate::control::error::ControlError;
use crate::control::health::{self, RulesHealth};
use crate::control::wanted::{namespace_name, rule_file};
use crate::rule_group::status::{Outcome, Seen, status};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::controller::{Controller, Next, Reconciler};
use crate::runtime::error::ReconcileError;
use crate::runtime::finalizer;
use crate::runtime::status_writer;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;
use crate::workspace::letting_go;
use crate::workspace::reference::{Resolved, consenting, resolve, target};
use crate::workspace::stores::Stores;
use crate::workspace::trouble::{Unresolved, failure, refusal};
use crate::workspace::verdicts::{Verdict, Verdicts};

/// How often health is asked and drift is looked for. The store is asked, not the API server.
const LOOK: Duration = Duration::from_secs(30);
/// How soon rules that the store does not run yet, or has not evaluated yet, are looked at again.
const PENDING: Duration = Duration::from_secs(2);
/// A changed definition runs within a moment: so often and so soon it is asked for before the name
/// goes back into the queue.
const PROGRAMMED_TRIES: usize = 10;
/// The pause between two of these.
const PROGRAMMED_PAUSE: Duration = Duration::from_millis(100);

/// Longest time for the unit tests of one object: shorter than a reconcile's time box, so that the
/// verdict is remembered and tests that never end run once a generation.
const VERDICT_PATIENCE: Duration = Duration::from_secs(15);

/// The controller of RuleGroups.
pub struct RuleGroupReconciler {
    context: Arc<Context>,
    stores: Arc<Stores>,
    cache: Arc<Cache<RuleGroup>>,
    workspaces: Arc<Cache<Workspace>>,
    verdicts: Verdicts,
}

/// Makes the controller; its `run` never returns.
pub fn controller(context: &Arc<Context>, stores: &Arc<Stores>) -> Controller<RuleGroupReconciler> {
    let cache = context.watches.namespaced::<RuleGroup>(Selection::default());
    let workspaces = context.watches.namespaced::<Workspace>(Selection::default());
    let reconciler = RuleGroupReconciler {
        context: Arc::clone(context),
        stores: Arc::clone(stores),
        cache: Arc::clone(&cache),
        workspaces: Arc::clone(&workspaces),
        verdicts: Verdicts::default(),
    };
    let controller = Controller::new(Arc::clone(context), reconciler).knowing(stores.cache());
    controller.after(&workspaces, move |workspace| {
        let workspace = name_of(workspace);
        let means = |one: &&Arc<RuleGroup>| {
            target(&name_of(one.as_ref()), &one.spec.workspace_ref) == workspace
        };
        cache.all().iter().filter(means).map(|one| name_of(one.as_ref())).collect()
    })
}

impl Reconciler for RuleGroupReconciler {
    type Kind = RuleGroup;

    async fn reconcile(&self, object: Arc<RuleGroup>) -> Result<Next, ReconcileError> {
        if object.meta().deletion_timestamp.is_some() {
            return self.finalize(&object).await;
        }
        let judge = |object: &RuleGroup| {
            let end = Instant::now() + VERDICT_PATIENCE;
            let patience = Patience::until(move || Instant::now() >= end);
            check::specs::rule_group(&object.spec, Source::Object, &patience).faults
        };
        let verdict = self.verdicts.of(&object, judge).await;
        let outcome = self.outcome(&object, verdict).await?;
        let next = next(&outcome);
        let newest = self.cache.get(&name_of(object.as_ref())).unwrap_or(object);
        let status = status(&newest, outcome, self.context.clock.now());
        status_writer::write(&self.context, &self.cache, newest.as_ref(), &status).await?;
        Ok(next)
    }

    async fn gone(&self, name: &ObjectName) -> Result<(), ReconcileError> {
        self.verdicts.forget(name);
        Ok(())
    }
}

impl RuleGroupReconciler {
    async fn outcome(
        &self,
        object: &RuleGroup,
        verdict: Verdict,
    ) -> Result<Outcome, ReconcileError> {
        let name = name_of(object);
        let text = rule_file(&object.spec);
        let content_hash = content_hash(&text);
        let missing = |unresolved: Unresolved, verdict: Verdict, content_hash: String| Outcome {
            verdict,
            content_hash,
            seen: Err(unresolved),
        };
        let reference = &object.spec.workspace_ref;
        let workspace = match consenting(&self.workspaces, &name, reference) {
            Ok(workspace) => workspace,
            Err(unresolved) => return Ok(missing(unresolved, verdict, content_hash)),
        };
        let owner = self.stores.install.owner(&name.namespace, &name.name);
        let resolved = match resolve(&self.stores, &workspace, &owner).await? {
            Ok(resolved) => resolved,
            Err(unresolved) => return Ok(missing(unresolved, verdict, content_hash)),
        };
        finalizer::set(&self.context, &self.cache, object, true).await?;
        let namespace = namespace_name(&name.namespace, &name.name, &object.spec);
        let verdict = match verdict {
            Ok(()) => put(&resolved, &namespace, &text).await?,
            refused => refused,
        };
        let wanted = verdict.is_ok().then_some(content_hash.as_str());
        let seen = look(&resolved, &namespace, wanted).await?;
        Ok(Outcome { verdict, content_hash, seen: Ok(seen) })
    }

    /// The object goes, and its rules with it.
    async fn finalize(&self, object: &RuleGroup) -> Result<Next, ReconcileError> {
        if finalizer::bears(object) {
            if !letting_go::is_orphan(object) {
                self.delete(object).await?;
            }
            finalizer::set(&self.context, &self.cache, object, false).await?;
        }
        Ok(Next::Change)
    }

    async fn delete(&self, object: &RuleGroup) -> Result<(), ReconcileError> {
        let name = name_of(object);
        let namespace = namespace_name(&name.namespace, &name.name, &object.spec);
        let owner = self.stores.install.owner(&name.namespace, &name.name);
        let id = object.status.as_ref().and_then(|status| status.workspace_id.as_deref());
        let Some(id) = id.and_then(|id| id.parse::<WorkspaceId>().ok()) else { return Ok(()) };
        let workspace = self.workspaces.get(&target(&name, &object.spec.workspace_ref));
        for client in clients(&self.stores, workspace.as_deref(), &owner).await? {
            match definitions::delete_rules(&client, &id, &namespace).await {
                // Somebody else's by now: not ours to remove.
                Ok(()) | Err(ControlError::Conflict { .. }) => {}
                Err(error) => return Err(letting_go::waits(&error.to_string())),
            }
        }
        Ok(())
    }
}

/// The stores in which something of an object may lie: that of its Workspace; where the Workspace
/// is gone, with its data kept, every one. A Store that does not exist any more holds nothing.
pub async fn clients(
    stores: &Stores,
    workspace: Option<&Workspace>,
    owner: &str,
) -> Result<Vec<ControlClient>, ReconcileError> {
    let names = match workspace {
        Some(workspace) => stores.of_workspace(workspace).into_iter().collect(),
        None => stores.names(),
    };
    let mut clients = Vec::new();
    for name in names.iter().filter(|name| stores.exists(name)) {
        match stores.client(name, owner).await? {
            Ok(client) => clients.push(client),
            Err(unresolved) => return Err(letting_go::waits(&unresolved.message)),
        }
    }
    Ok(clients)
}

/// Puts the rules where they differ; the store's own refusal counts as the verdict.
async fn put(resolved: &Resolved, namespace: &str, text: &str) -> Result<Verdict, ReconcileError> {
    match definitions::put_rules(&resolved.client, &resolved.id, namespace, text).await {
        Ok(_) => Ok(Ok(())),
        Err(error) => match refusal(&error) {
            Some(refused) => Ok(Err(refused)),
            None => Err(failure("put the rules", &error)),
        },
    }
}

/// Looks at the namespace until it runs `wanted`, for a moment, and at how its rules fare.
async fn look(
    resolved: &Resolved,
    namespace: &str,
    wanted: Option<&str>,
) -> Result<Seen, ReconcileError> {
    let Resolved { client, id, .. } = resolved;
    let failed = |error: ControlError| failure("look at the rules", &error);
    let mut seen = Seen { workspace: id.clone(), described: None, health: None };
    for attempt in 0..PROGRAMMED_TRIES {
        let found = definitions::describe_rules(client, id, namespace).await.map_err(failed)?;
        seen.described = found.filter(|found| is_its_own(found, client.owner()));
        if wanted.is_none_or(|hash| seen.runs(hash)) {
            break;
        }
        if attempt + 1 < PROGRAMMED_TRIES {
            tokio::time::sleep(PROGRAMMED_PAUSE).await;
        }
    }
    if seen.described.is_some() {
        seen.health = fares(client, id, namespace).await?;
    }
    Ok(seen)
}

/// How the rules fare; a data plane that does not say leaves that open.
async fn fares(
    client: &ControlClient,
    id: &WorkspaceId,
    namespace: &str,
) -> Result<Option<RulesHealth>, ReconcileError> {
    match health::rules(client, id, namespace).await {
        Ok(health) => Ok(Some(health)),
        Err(error) if error.passes() => Err(failure("ask how the rules fare", &error)),
        Err(error) => {
            tracing::warn!(workspace = %id, %namespace, %error, "the health of rules is not known");
            Ok(None)
        }
    }
}

fn is_its_own(found: &Described, owner: &str) -> bool {
    found.extras.owner.is_empty() || found.extras.owner == owner
}

/// When to look again.
fn next(outcome: &Outcome) -> Next {
    let Ok(seen) = &outcome.seen else { return Next::After(LOOK) };
    if outcome.verdict.is_ok() && !seen.runs(&outcome.content_hash) {
        return Next::After(PENDING);
    }
    Next::After(LOOK)
}
