//! What this installation made and nobody asks for any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::alert_manager_config::AlertManagerConfig;
use crds::rule_group::RuleGroup;
use crds::workspace::{DeletionPolicy, Workspace};
use protocol::amp_api::workspaces::WorkspaceDescription;
use protocol::workspace::WorkspaceId;
use tokio::time::Instant;

use crate::control::client::ControlClient;
use crate::control::error::ControlError;
use crate::control::owner::Install;
use crate::control::prune::{Keep, Pruned, prune_contents};
use crate::control::tags::DELETION_POLICY_TAG;
use crate::control::wanted::{namespace_name, permitted};
use crate::control::workspaces;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::Context;
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;
use crate::workspace::reference::target;

/// How often a store is looked through for workspaces without an object: it is rarely needed, since
/// finalizers do it at once.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// What is asked for, as the caches know it.
pub struct Asked {
    install: Install,
    /// Only these namespaces are looked at; all where empty.
    namespaces: BTreeSet<String>,
    workspaces: Arc<Cache<Workspace>>,
    rule_groups: Arc<Cache<RuleGroup>>,
    alert_managers: Arc<Cache<AlertManagerConfig>>,
    swept: Mutex<BTreeMap<ObjectName, Instant>>,
}

impl Asked {
    /// What the cluster's objects ask for.
    pub fn new(context: &Context) -> Self {
        let watches = &context.watches;
        Self {
            install: Install::new(&context.settings.install),
            namespaces: context.settings.watch_namespaces.clone(),
            workspaces: watches.namespaced(Selection::default()),
            rule_groups: watches.namespaced(Selection::default()),
            alert_managers: watches.namespaced(Selection::default()),
            swept: Mutex::default(),
        }
    }

    /// Whether the caches know everything, so that absence means something.
    fn is_complete(&self) -> bool {
        self.workspaces.synced() && self.rule_groups.synced() && self.alert_managers.synced()
    }

    /// Whether an owner is an object of this installation that it would see if it were there.
    fn is_ours(&self, owner: &str) -> bool {
        let seen =
            |namespace: &str| self.namespaces.is_empty() || self.namespaces.contains(namespace);
        self.install.object(owner).is_some_and(|(namespace, _)| seen(namespace))
    }

    /// Whether an owner's object cannot be read any more: it was good once, so what it made stays.
    fn is_unreadable(&self, owner: &str) -> bool {
        let Some((namespace, name)) = self.install.object(owner) else { return false };
        let object = ObjectName { namespace: namespace.to_owned(), name: name.to_owned() };
        self.rule_groups.undecodable(&object).is_some()
            || self.alert_managers.undecodable(&object).is_some()
    }

    /// Removes what of a workspace's contents nobody asks for. `foreign`: rule groups namespaces
    /// that stand for foreign rules.
    pub async fn prune_contents(
        &self,
        client: &ControlClient,
        id: &WorkspaceId,
        workspace: &Workspace,
        foreign: BTreeSet<String>,
    ) -> Result<Pruned, ControlError> {
        if !self.is_complete() {
            return Ok(Pruned::default());
        }
        let mut keep = self.kept(workspace);
        keep.rules.extend(foreign);
        let ours = |owner: &str| self.is_ours(owner) && !self.is_unreadable(owner);
        prune_contents(client, id, ours, &keep).await
    }

    fn kept(&self, workspace: &Workspace) -> Keep {
        let name = name_of(workspace);
        let permits = |from: &str| permitted(&workspace.spec, &name.namespace, from);
        let mut keep = Keep::default();
        for group in self.rule_groups.all() {
            let at = name_of(group.as_ref());
            if target(&at, &group.spec.workspace_ref) == name && permits(&at.namespace) {
                keep.rules.insert(namespace_name(&at.namespace, &at.name, &group.spec));
            }
        }
        for config in self.alert_managers.all() {
            let at = name_of(config.as_ref());
            let means = target(&at, &config.spec.workspace_ref) == name;
            keep.alert_manager |= means && permits(&at.namespace);
        }
        keep
    }

    /// Removes workspaces of this installation whose object is gone and whose data was to go with
    /// it. Looks through a store once in a while only.
    pub async fn sweep(
        &self,
        client: &ControlClient,
        store: &ObjectName,
    ) -> Result<(), ControlError> {
        if !self.is_complete() || !self.is_due(store) {
            return Ok(());
        }
        let listed = workspaces::list(client).await?;
        for one in abandoned(&listed, |owner| self.is_abandoned(owner)) {
            let owner = client.acting_for(workspaces::owner_of(one));
            workspaces::delete(&owner, &one.workspace_id).await?;
            tracing::info!(workspace = %one.workspace_id, owner = owner.owner(), "swept");
        }
        Ok(())
    }

    fn is_due(&self, store: &ObjectName) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.get(store).is_some_and(|at| at.elapsed() < SWEEP_EVERY) {
            return false;
        }
        swept.insert(store.clone(), Instant::now());
        true
    }

    /// Lets the next sweep come at once.
    pub fn hasten(&self) {
        self.swept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn is_abandoned(&self, owner: &str) -> bool {
        let Some((namespace, name)) = self.install.object(owner) else { return false };
        let object = ObjectName { namespace: namespace.to_owned(), name: name.to_owned() };
        self.is_ours(owner) && !self.workspaces.names().contains(&object)
    }
}

/// Workspaces to remove: abandoned, and with a policy that says so.
fn abandoned(
    listed: &[WorkspaceDescription],
    is_abandoned: impl Fn(&str) -> bool,
) -> Vec<&WorkspaceDescription> {
    let policy = |one: &WorkspaceDescription| {
        one.tags.get(DELETION_POLICY_TAG).is_some_and(|policy| policy == "Delete")
    };
    let goes = |one: &&WorkspaceDescription| policy(one) && is_abandoned(workspaces::owner_of(one));
    listed.iter().filter(goes).collect()
}

/// Whether a Workspace takes its data with it.
pub fn takes_data(workspace: &Workspace) -> bool {
    workspace.spec.deletion_policy == DeletionPolicy::Delete
}

#[cfg(test)]
mod tests {
    use protocol::amp_api::scalars::EpochSeconds;
    use protocol::amp_api::status::Status;
    use protocol::amp_api::tags::Tags;
    use protocol::amp_api::workspaces::WorkspaceExtras;

    use super::*;

    fn listed(id: &str, owner: &str, policy: &str) -> WorkspaceDescription {
        WorkspaceDescription {
            workspace_id: id.parse().expect("an id"),
            alias: None,
            arn: String::new(),
            status: Status::active(),
            prometheus_endpoint: None,
            created_at: EpochSeconds::default(),
            tags: Tags::from([(DELETION_POLICY_TAG.to_owned(), policy.to_owned())]),
            hearth: Some(WorkspaceExtras { owner: owner.to_owned(), ..WorkspaceExtras::default() }),
        }
    }

    #[test]
    fn only_abandoned_workspaces_of_policy_delete_go() {
        let all = [
            listed("ws-1", "operator/hearth/a/gone", "Delete"),
            listed("ws-2", "operator/hearth/a/gone", "Retain"),
            listed("ws-3", "operator/hearth/a/here", "Delete"),
            listed("ws-4", "api", "Delete"),
        ];
        let gone = abandoned(&all, |owner| owner.ends_with("/gone"));
        assert_eq!(gone.iter().map(|one| one.workspace_id.as_str()).collect::<Vec<_>>(), ["ws-1"]);
    }
}
