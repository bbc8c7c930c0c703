//! Takes foreign rules into a workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crds::status::{REJECTED_MAX, RejectedObject};
use crds::workspace::Workspace;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use protocol::amp_api::rule_namespaces::{NAMESPACE_NAME_CHARS_MAX, RuleNamespaceDescription};
use protocol::workspace::WorkspaceId;

use crate::control::client::ControlClient;
use crate::control::definitions::{content_hash, list_rules, owner_of, put_rules};
use crate::control::error::ControlError;
use crate::control::health::cut;
use crate::foreign_rules::conversion::rule_file;
use crate::foreign_rules::kinds::ForeignKind;
use crate::foreign_rules::selection::{needs_namespaces, selects};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::queue::Queue;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;
use crate::workspace::status::Foreign;
use crate::workspace::trouble::refusal;

/// How long the first look waits for a kind to be listed; a kind that is not there by then is told
/// as absent.
const LISTING_PATIENCE: Duration = Duration::from_secs(3);
/// Writes to one store at the same time.
const WRITES_AT_ONCE: usize = 8;

/// What was taken in.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Rule groups namespaces that stand for foreign rules, good or once good.
    pub names: BTreeSet<String>,
    /// What the status says; `None` where nothing is asked for.
    pub told: Option<Foreign>,
}

/// Reads foreign rules, from the first Workspace on that asks for them.
pub struct Intake {
    context: Arc<Context>,
    workspaces: Arc<Cache<Workspace>>,
    queue: Arc<OnceLock<Arc<Queue>>>,
    caches: Mutex<BTreeMap<ForeignKind, Arc<Cache<DynamicObject>>>>,
}

/// One foreign object on its way into a workspace.
struct Candidate {
    kind: ForeignKind,
    object: Arc<DynamicObject>,
    name: String,
}

impl Intake {
    /// Nothing is watched yet.
    pub fn new(context: &Arc<Context>) -> Self {
        Self {
            context: Arc::clone(context),
            workspaces: context.watches.namespaced(Selection::default()),
            queue: Arc::default(),
            caches: Mutex::default(),
        }
    }

    /// Makes Workspaces due in this queue when rules change that they may select.
    pub fn wakes(&self, queue: Arc<Queue>) {
        let _ = self.queue.set(queue);
    }

    /// Makes the foreign rules that a Workspace selects be what its workspace holds. What must go
    /// is left to pruning. `client` acts for the Workspace.
    pub async fn take_in(
        &self,
        workspace: &Workspace,
        client: &ControlClient,
        id: &WorkspaceId,
    ) -> Result<Taken, ControlError> {
        let asked = |kind: &ForeignKind| kind.selector(&workspace.spec).is_some();
        let kinds: Vec<ForeignKind> = ForeignKind::ALL.into_iter().filter(asked).collect();
        if kinds.is_empty() {
            return Ok(Taken::default());
        }
        let listed = list_rules(client, id).await?;
        let (mut names, mut told) = (BTreeSet::new(), Foreign::default());
        let mut candidates = Vec::new();
        for kind in kinds {
            match self.selected(kind, workspace).await {
                Some(objects) => {
                    candidates.extend(candidates_of(kind, objects, &mut names, &mut told));
                }
                None => {
                    told.absent.push(kind.title());
                    keep_listed(kind, &listed, client.owner(), &mut names, &mut told);
                }
            }
        }
        let hashes = hashes(&listed, client.owner());
        let results = self.put_all(client, id, &candidates, &hashes).await?;
        for (one, left_out) in candidates.iter().zip(results) {
            match left_out {
                None => told.in_force += 1,
                Some(reason) => told.rejected.push(rejected(one.kind, &one.object, reason)),
            }
        }
        self.tell(workspace, &told.rejected).await;
        told.rejected.truncate(REJECTED_MAX);
        Ok(Taken { names, told: Some(told) })
    }

    /// The objects that a Workspace selects, in order of their names; `None` where the cluster does
    /// not have the kind or has not told yet.
    async fn selected(
        &self,
        kind: ForeignKind,
        workspace: &Workspace,
    ) -> Option<Vec<Arc<DynamicObject>>> {
        let selector = kind.selector(&workspace.spec)?;
        let cache = self.cache(kind).await;
        let home = workspace.namespace().unwrap_or_default();
        let wide = self.context.settings.wide_discovery_namespaces.contains(&home);
        let namespaces = needs_namespaces(selector)
            .then(|| self.context.watches.cluster::<Namespace>(Selection::optional()));
        if !cache.synced() || namespaces.as_ref().is_some_and(|cache| !cache.synced()) {
            return None;
        }
        let labels_of = |name: &str| {
            let name = ObjectName { namespace: String::new(), name: name.to_owned() };
            Some(namespaces.as_ref()?.get(&name)?.labels().clone())
        };
        let means = |object: &Arc<DynamicObject>| {
            let at = object.namespace().unwrap_or_default();
            object.metadata.deletion_timestamp.is_none()
                && selects(selector, (&home, wide), (&at, object.labels()), labels_of)
        };
        Some(cache.all().into_iter().filter(means).collect())
    }

    /// The cache of a kind; asking for the first time starts its watch.
    async fn cache(&self, kind: ForeignKind) -> Arc<Cache<DynamicObject>> {
        let known =
            |caches: &BTreeMap<ForeignKind, Arc<Cache<DynamicObject>>>| caches.get(&kind).cloned();
        if let Some(cache) = known(&self.caches.lock().unwrap_or_else(PoisonError::into_inner)) {
            return cache;
        }
        let cache = self.context.watches.dynamic(&kind.resource(), Selection::optional());
        let (workspaces, queue) = (Arc::clone(&self.workspaces), Arc::clone(&self.queue));
        cache.listen(move |before, after| {
            if let (Some(before), Some(after)) = (before, after)
                && before.data.get("spec") == after.data.get("spec")
                && before.labels() == after.labels()
            {
                return;
            }
            let Some(queue) = queue.get() else { return };
            let asks = |one: &&Arc<Workspace>| kind.selector(&one.spec).is_some();
            for workspace in workspaces.all().iter().filter(asks) {
                queue.add(name_of(workspace.as_ref()));
            }
        });
        let _ = tokio::time::timeout(LISTING_PATIENCE, cache.wait_synced()).await;
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.insert(kind, Arc::clone(&cache));
        cache
    }

    /// Puts all of them, a few at a time; gives why each is left out, where it is.
    async fn put_all(
        &self,
        client: &ControlClient,
        id: &WorkspaceId,
        candidates: &[Candidate],
        hashes: &BTreeMap<&str, &str>,
    ) -> Result<Vec<Option<String>>, ControlError> {
        let mut waiting: Vec<BoxFuture<'_, _>> = Vec::with_capacity(candidates.len());
        for one in candidates {
            waiting.push(Box::pin(self.put(client, id, one, hashes)));
        }
        stream::iter(waiting).buffered(WRITES_AT_ONCE).try_collect().await
    }

    /// Puts one object's rules where they differ; gives why they are left out, where they are.
    async fn put(
        &self,
        client: &ControlClient,
        id: &WorkspaceId,
        candidate: &Candidate,
        hashes: &BTreeMap<&str, &str>,
    ) -> Result<Option<String>, ControlError> {
        let text = match rule_file(&candidate.object.data) {
            Ok(text) => text,
            Err(reason) => return Ok(Some(reason)),
        };
        let hash = content_hash(&text);
        if hashes.get(candidate.name.as_str()) == Some(&hash.as_str()) {
            return Ok(None);
        }
        if let Some(fault) = check::rule_text::rule_file(&text).first() {
            // Lines of the JSON mean nothing to whoever wrote the object.
            let reason = format!("spec.{}: {}", fault.path, fault.message);
            return Ok(Some(reason));
        }
        match put_rules(client, id, &candidate.name, &text).await {
            Ok(_) => Ok(None),
            Err(error) => refusal(&error).map(|(_, message)| Some(message)).ok_or(error),
        }
    }

    /// An event on each object that is left out and was not before.
    async fn tell(&self, workspace: &Workspace, rejected: &[RejectedObject]) {
        let before = workspace.status.as_ref().map(|status| status.rejected.as_slice());
        for one in rejected.iter().take(REJECTED_MAX) {
            if before.unwrap_or_default().contains(one) {
                continue;
            }
            let known = ForeignKind::ALL.into_iter().find(|kind| kind.kind() == one.kind);
            let object = ObjectReference {
                api_version: known.map(|kind| format!("{}/v1", kind.group())),
                kind: Some(one.kind.clone()),
                namespace: Some(one.namespace.clone()),
                name: Some(one.name.clone()),
                ..ObjectReference::default()
            };
            let note = format!("not taken into Workspace {}: {}", name_of(workspace), one.reason);
            let events = &self.context.events;
            events.publish(EventType::Warning, &object, "RulesRejected", &note).await;
        }
    }
}

/// Objects whose names fit; the others are rejected.
fn candidates_of(
    kind: ForeignKind,
    objects: Vec<Arc<DynamicObject>>,
    names: &mut BTreeSet<String>,
    told: &mut Foreign,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for object in objects {
        let name = kind.namespace_of(&name_of(object.as_ref()));
        if name.chars().count() > NAMESPACE_NAME_CHARS_MAX {
            let reason = format!(
                "its rule groups namespace {name} exceeds the limit of {NAMESPACE_NAME_CHARS_MAX} \
                 characters: shorten the object's name"
            );
            told.rejected.push(rejected(kind, &object, reason));
        } else if !names.insert(name.clone()) {
            let reason = format!("another object has the rule groups namespace {name}: rename one");
            told.rejected.push(rejected(kind, &object, reason));
        } else {
            candidates.push(Candidate { kind, object, name });
        }
    }
    candidates
}

/// What cannot be seen just now stays in force.
fn keep_listed(
    kind: ForeignKind,
    listed: &[RuleNamespaceDescription],
    owner: &str,
    names: &mut BTreeSet<String>,
    told: &mut Foreign,
) {
    let ours = |one: &&RuleNamespaceDescription| {
        owner_of(one) == owner && one.name.starts_with(kind.prefix())
    };
    for one in listed.iter().filter(ours) {
        told.in_force += 1;
        names.insert(one.name.clone());
    }
}

/// Content hashes of what the owner has in the workspace, by name.
fn hashes<'a>(listed: &'a [RuleNamespaceDescription], owner: &str) -> BTreeMap<&'a str, &'a str> {
    let hash = |one: &'a RuleNamespaceDescription| {
        let extras = one.hearth.as_ref().filter(|extras| extras.owner == owner)?;
        Some((one.name.as_str(), extras.content_hash.as_str()))
    };
    listed.iter().filter_map(hash).collect()
}

fn rejected(kind: ForeignKind, object: &DynamicObject, reason: String) -> RejectedObject {
    let ObjectName { namespace, name } = name_of(object);
    RejectedObject { kind: kind.kind().to_owned(), namespace, name, reason: cut(&reason) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(namespace: &str, name: &str) -> Arc<DynamicObject> {
        let object = json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"namespace": namespace, "name": name}, "spec": {"groups": []}
        });
        Arc::new(serde_json::from_value(object).expect("an object"))
    }

    #[test]
    fn names_that_do_not_fit_are_rejected_and_keep_nobody_out() {
        let (mut names, mut told) = (BTreeSet::new(), Foreign::default());
        let objects = vec![
            object("a", "b-c"),
            object("a-b", "c"),
            object("a", &"x".repeat(200)),
            object("b", "good"),
        ];
        let kind = ForeignKind::PrometheusRule;
        let candidates = candidates_of(kind, objects, &mut names, &mut told);
        let kept: Vec<_> = candidates.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(kept, ["pr-a-b-c", "pr-b-good"]);
        let out: Vec<_> = told.rejected.iter().map(|one| one.namespace.as_str()).collect();
        assert_eq!(out, ["a-b", "a"]);
    }
}
