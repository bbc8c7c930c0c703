//! Makes the store what the manifests ask for.
//!
//! One object's trouble stops no other: it is told, and tried again at the next round. What is done
//! to each object is the operator's own code.

use std::collections::BTreeMap;
use std::sync::Arc;

use check::manifest::{ObjectKey, SecretValues};
use operator::control::client::ControlClient;
use operator::control::error::ControlError;
use operator::control::owner::{self, UP_PREFIX};
use operator::control::prune::{Keep, prune_contents};
use operator::control::secrets::PushedSecrets;
use operator::control::tags::DELETION_POLICY_TAG;
use operator::control::transport::Transport;
use operator::control::{definitions, secrets, workspaces};
use protocol::amp_api::workspaces::WorkspaceDescription;
use protocol::workspace::WorkspaceId;

use crate::up::desired::{Desired, WantedWorkspace};

/// What a round of reconciling came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// The id of each workspace, by namespace and name.
    pub workspaces: BTreeMap<(String, String), WorkspaceId>,
    /// What did not work, in words.
    pub problems: Vec<String>,
}

/// Calls the control API in the name of many owners.
pub struct Reconciler {
    client: ControlClient,
    secrets: PushedSecrets,
}

impl Reconciler {
    /// Calls through `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { client: ControlClient::new(transport, "up"), secrets: PushedSecrets::default() }
    }

    fn client(&self, key: &ObjectKey) -> ControlClient {
        self.client.acting_for(owner::up(&key.namespace, &key.name))
    }

    /// One round. `prune`: remove what `up` made and no manifest asks for any more.
    pub async fn round(&mut self, desired: &Desired<'_>, prune: bool) -> Applied {
        let mut applied = Applied { problems: desired.dangling.clone(), ..Applied::default() };
        let existing = match workspaces::list(&self.client).await {
            Ok(existing) => existing,
            Err(error) => {
                applied.problems.push(format!("listing workspaces: {error}"));
                return applied;
            }
        };
        for (name, wanted) in &desired.workspaces {
            let problem = |error: ControlError| format!("{}: {error}", wanted.key);
            let (id, found) = match self.workspace(wanted, &existing).await {
                Ok(known) => known,
                Err(error) => {
                    applied.problems.push(problem(error));
                    continue;
                }
            };
            // From here on the workspace is there: what goes wrong with it does not take it away.
            let client = self.client(wanted.key);
            if let Err(error) = workspaces::settle(&client, &id, wanted.spec, found).await {
                applied.problems.push(problem(error));
            }
            applied.workspaces.insert(name.clone(), id.clone());
            self.contents(&id, wanted, &mut applied.problems).await;
        }
        if prune {
            self.prune(desired, &existing, &mut applied).await;
        }
        applied
    }

    /// Finds or makes the workspace.
    async fn workspace<'a>(
        &self,
        wanted: &WantedWorkspace<'_>,
        existing: &'a [WorkspaceDescription],
    ) -> Result<(WorkspaceId, Option<&'a WorkspaceDescription>), ControlError> {
        let client = self.client(wanted.key);
        if let Some(found) = workspaces::find(wanted.spec, client.owner(), existing)? {
            return Ok((found.workspace_id.clone(), Some(found)));
        }
        Ok((workspaces::create(&client, wanted.spec, None).await?, None))
    }

    /// Secrets first, since definitions refer to them; then the alert manager; then rules.
    async fn contents(
        &mut self,
        id: &WorkspaceId,
        wanted: &WantedWorkspace<'_>,
        problems: &mut Vec<String>,
    ) {
        for (key, values) in &wanted.secrets {
            if let Err(error) = self.secret(id, key, values).await {
                problems.push(format!("{key}: {error}"));
            }
        }
        if let Some((key, spec)) = wanted.alert_manager {
            let client = self.client(key);
            let put = definitions::put_alert_manager(&client, id, &spec.definition).await;
            problems.extend(put.err().map(|error| format!("{key}: {error}")));
        }
        for (name, key, data) in &wanted.rules {
            let put = definitions::put_rules(&self.client(key), id, name, data).await;
            problems.extend(put.err().map(|error| format!("{key}: {error}")));
        }
    }

    async fn secret(
        &mut self,
        id: &WorkspaceId,
        key: &ObjectKey,
        values: &SecretValues,
    ) -> Result<(), ControlError> {
        let client = self.client(key);
        if self.secrets.differs(id, &key.name, client.owner(), &values.0) {
            secrets::put(&client, id, &key.name, &values.0).await?;
            self.secrets.remember(id, &key.name, client.owner(), &values.0);
        }
        Ok(())
    }

    /// Removes what `up` owns and nobody asks for.
    async fn prune(
        &self,
        desired: &Desired<'_>,
        existing: &[WorkspaceDescription],
        applied: &mut Applied,
    ) {
        let ours = |owner: &str| owner.starts_with(UP_PREFIX);
        for one in existing.iter().filter(|one| ours(workspaces::owner_of(one))) {
            let id = &one.workspace_id;
            let wanted = desired.workspaces.iter().find_map(|(name, wanted)| {
                (applied.workspaces.get(name) == Some(id)).then_some(wanted)
            });
            let policy = one.tags.get(DELETION_POLICY_TAG).map(String::as_str);
            if wanted.is_none() && policy == Some("Delete") {
                let client = self.client.acting_for(workspaces::owner_of(one));
                let told = workspaces::delete(&client, id).await;
                applied.problems.extend(told.err().map(|error| format!("workspace {id}: {error}")));
                continue;
            }
            if let Err(error) = prune_contents(&self.client, id, ours, &kept(wanted)).await {
                applied.problems.push(format!("workspace {id}: {error}"));
            }
        }
    }
}

fn kept(wanted: Option<&WantedWorkspace<'_>>) -> Keep {
    let Some(wanted) = wanted else { return Keep::default() };
    let rules = wanted.rules.iter().map(|(name, ..)| name.clone()).collect();
    Keep { rules, alert_manager: wanted.alert_manager.is_some() }
}
