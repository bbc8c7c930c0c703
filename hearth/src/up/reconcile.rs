//! Makes the store what the manifests ask for.
//!
//! One object's trouble stops no other: it is told, and tried again at the next round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use check::manifest::{ObjectKey, SecretValues};
use crds::workspace::DeletionPolicy;
use protocol::amp_api::alert_manager::{DescribeAlertManagerResponse, PutDefinitionRequest};
use protocol::amp_api::configuration::DescribeConfigurationResponse;
use protocol::amp_api::rule_namespaces::{
    CreateRuleNamespaceRequest, DescribeRuleNamespaceResponse, ListRuleNamespacesResponse,
};
use protocol::amp_api::scalars::Blob;
use protocol::amp_api::secrets::PutSecretRequest;
use protocol::amp_api::tags::Tags;
use protocol::amp_api::workspaces::{
    CreateWorkspaceRequest, CreateWorkspaceResponse, ListWorkspacesResponse,
    UpdateWorkspaceAliasRequest, WorkspaceDescription,
};
use protocol::workspace::WorkspaceId;
use serde_json::json;

use crate::up::control::ControlClient;
use crate::up::desired::{Desired, WantedWorkspace, configuration_patch, owner};

/// The tag that remembers what becomes of a workspace when its manifest goes.
pub const DELETION_POLICY_TAG: &str = "hearth.dev/deletion-policy";

/// What a round of reconciling came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// The id of each workspace, by namespace and name.
    pub workspaces: BTreeMap<(String, String), WorkspaceId>,
    /// What did not work, in words.
    pub problems: Vec<String>,
}

/// Puts an owner's name into a request; the store trusts only requests from inside the process.
pub type IdentifyAs = Arc<dyn Fn(&str, &mut Request<Body>) + Send + Sync>;

/// Calls the control API in the name of many owners.
pub struct Reconciler {
    router: axum::Router,
    identify: IdentifyAs,
    /// Secrets as they were last put: values cannot be read back to compare.
    secrets: BTreeMap<(WorkspaceId, String), SecretValues>,
}

impl Reconciler {
    /// Calls `router`.
    pub fn new(router: axum::Router, identify: IdentifyAs) -> Self {
        Self { router, identify, secrets: BTreeMap::new() }
    }

    fn client(&self, owner: &str) -> ControlClient {
        let (identify, owner) = (Arc::clone(&self.identify), owner.to_owned());
        ControlClient::new(self.router.clone(), Arc::new(move |request| identify(&owner, request)))
    }

    /// One round. `prune`: remove what `up` made and no manifest asks for any more.
    pub async fn round(&mut self, desired: &Desired<'_>, prune: bool) -> Applied {
        let mut applied = Applied { problems: desired.dangling.clone(), ..Applied::default() };
        let existing = match self.list_workspaces().await {
            Ok(existing) => existing,
            Err(error) => {
                applied.problems.push(format!("listing workspaces: {error:#}"));
                return applied;
            }
        };
        for (name, wanted) in &desired.workspaces {
            let problem = |error: anyhow::Error| format!("{}: {error:#}", wanted.key);
            let (id, found) = match self.workspace(wanted, &existing).await {
                Ok(known) => known,
                Err(error) => {
                    applied.problems.push(problem(error));
                    continue;
                }
            };
            // From here on the workspace is there: what goes wrong with it does not take it away.
            if let Err(error) = self.settings(&id, wanted, found).await {
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

    async fn list_workspaces(&self) -> anyhow::Result<Vec<WorkspaceDescription>> {
        let client = self.client("up");
        let mut all = Vec::new();
        let mut path = "/workspaces?maxResults=1000".to_owned();
        loop {
            let page: ListWorkspacesResponse = client.get(&path).await?;
            all.extend(page.workspaces);
            let Some(token) = page.next_token else { return Ok(all) };
            let token =
                percent_encoding::utf8_percent_encode(&token, percent_encoding::NON_ALPHANUMERIC);
            path = format!("/workspaces?maxResults=1000&nextToken={token}");
        }
    }

    /// Finds or makes the workspace.
    async fn workspace<'a>(
        &self,
        wanted: &WantedWorkspace<'_>,
        existing: &'a [WorkspaceDescription],
    ) -> anyhow::Result<(WorkspaceId, Option<&'a WorkspaceDescription>)> {
        let found = existing.iter().find(|one| match &wanted.spec.workspace_id {
            Some(id) => one.workspace_id.as_str() == id,
            None => owner_of(one) == owner(wanted.key),
        });
        if let Some(found) = found {
            return Ok((found.workspace_id.clone(), Some(found)));
        }
        if let Some(id) = &wanted.spec.workspace_id {
            anyhow::bail!("there is no workspace {id:?} to adopt");
        }
        let request = CreateWorkspaceRequest {
            alias: wanted.spec.alias.clone(),
            tags: Some(wanted_tags(wanted)),
            ..CreateWorkspaceRequest::default()
        };
        let client = self.client(&owner(wanted.key));
        let made: CreateWorkspaceResponse =
            client.send(Method::POST, "/workspaces", &request).await?;
        Ok((made.workspace_id, None))
    }

    /// Makes alias, tags and configuration of a workspace right.
    async fn settings(
        &self,
        id: &WorkspaceId,
        wanted: &WantedWorkspace<'_>,
        found: Option<&WorkspaceDescription>,
    ) -> anyhow::Result<()> {
        let client = self.client(&owner(wanted.key));
        if let Some(found) = found {
            if found.alias != wanted.spec.alias {
                let alias = wanted.spec.alias.clone();
                let request = UpdateWorkspaceAliasRequest { alias, client_token: None };
                client.tell(Method::POST, &format!("/workspaces/{id}/alias"), &request).await?;
            }
            retag(&client, &found.arn, &found.tags, &wanted_tags(wanted)).await?;
        }
        let path = format!("/workspaces/{id}/configuration");
        let now: DescribeConfigurationResponse = client.get(&path).await?;
        match configuration_patch(wanted.spec, &now.workspace_configuration) {
            Some(patch) => client.tell(Method::PATCH, &path, &patch).await,
            None => Ok(()),
        }
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
                problems.push(format!("{key}: {error:#}"));
            }
        }
        if let Some((key, spec)) = wanted.alert_manager
            && let Err(error) = self.alert_manager(id, key, &spec.definition).await
        {
            problems.push(format!("{key}: {error:#}"));
        }
        for (name, key, data) in &wanted.rules {
            if let Err(error) = self.rules(id, key, name, data).await {
                problems.push(format!("{key}: {error:#}"));
            }
        }
    }

    async fn secret(
        &mut self,
        id: &WorkspaceId,
        key: &ObjectKey,
        values: &SecretValues,
    ) -> anyhow::Result<()> {
        let at = (id.clone(), key.name.clone());
        if self.secrets.get(&at) == Some(values) {
            return Ok(());
        }
        let data = values.0.iter().map(|(key, value)| (key.clone(), Blob::from(value.clone())));
        let request = PutSecretRequest { data: data.collect(), string_data: BTreeMap::new() };
        let path = format!("/workspaces/{id}/hearth/secrets/{}", key.name);
        self.client(&owner(key)).tell(Method::PUT, &path, &request).await?;
        self.secrets.insert(at, values.clone());
        Ok(())
    }

    async fn alert_manager(
        &self,
        id: &WorkspaceId,
        key: &ObjectKey,
        definition: &str,
    ) -> anyhow::Result<()> {
        let client = self.client(&owner(key));
        let path = format!("/workspaces/{id}/alertmanager/definition");
        let request = PutDefinitionRequest { data: Blob::from(definition), client_token: None };
        let now: Option<DescribeAlertManagerResponse> = client.find(&path).await?;
        match now {
            None => client.tell(Method::POST, &path, &request).await,
            Some(now) if now.alert_manager_definition.data == request.data => Ok(()),
            Some(_) => client.tell(Method::PUT, &path, &request).await,
        }
    }

    async fn rules(
        &self,
        id: &WorkspaceId,
        key: &ObjectKey,
        name: &str,
        data: &str,
    ) -> anyhow::Result<()> {
        let client = self.client(&owner(key));
        let base = format!("/workspaces/{id}/rulegroupsnamespaces");
        let escaped =
            percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        let path = format!("{base}/{escaped}");
        let now: Option<DescribeRuleNamespaceResponse> = client.find(&path).await?;
        match now.map(|now| now.rule_groups_namespace.data) {
            None => {
                let request = CreateRuleNamespaceRequest {
                    name: name.to_owned(),
                    data: Blob::from(data),
                    tags: None,
                    client_token: None,
                };
                client.tell(Method::POST, &base, &request).await
            }
            Some(now) if now.as_ref() == Some(&Blob::from(data)) => Ok(()),
            Some(_) => {
                let request = PutDefinitionRequest { data: Blob::from(data), client_token: None };
                client.tell(Method::PUT, &path, &request).await
            }
        }
    }

    /// Removes what `up` owns and nobody asks for. Only its owner may, so each is removed as
    /// itself.
    async fn prune(
        &self,
        desired: &Desired<'_>,
        existing: &[WorkspaceDescription],
        applied: &mut Applied,
    ) {
        let kept: BTreeSet<&WorkspaceId> = applied.workspaces.values().collect();
        for one in existing.iter().filter(|one| owner_of(one).starts_with("up/")) {
            let id = &one.workspace_id;
            let policy = one.tags.get(DELETION_POLICY_TAG).map(String::as_str);
            if !kept.contains(id) && policy == Some("Delete") {
                let path = format!("/workspaces/{id}");
                let told = self.client(owner_of(one)).tell(Method::DELETE, &path, &json!({})).await;
                applied.problems.extend(told.err().map(|error| format!("{error:#}")));
                continue;
            }
            let wanted = desired.workspaces.iter().find_map(|(name, wanted)| {
                (applied.workspaces.get(name) == Some(id)).then_some(wanted)
            });
            if let Err(error) = self.prune_contents(id, wanted).await {
                applied.problems.push(format!("workspace {id}: {error:#}"));
            }
        }
    }

    async fn prune_contents(
        &self,
        id: &WorkspaceId,
        wanted: Option<&WantedWorkspace<'_>>,
    ) -> anyhow::Result<()> {
        let anybody = self.client("up");
        let path = format!("/workspaces/{id}/rulegroupsnamespaces?maxResults=1000");
        let listed: ListRuleNamespacesResponse = anybody.get(&path).await?;
        for namespace in listed.rule_groups_namespaces {
            let owner = namespace.hearth.map(|extras| extras.owner).unwrap_or_default();
            let asked =
                wanted.is_some_and(|w| w.rules.iter().any(|(name, ..)| *name == namespace.name));
            if owner.starts_with("up/") && !asked {
                let name = &namespace.name;
                let escaped =
                    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
                let path = format!("/workspaces/{id}/rulegroupsnamespaces/{escaped}");
                self.client(&owner).tell(Method::DELETE, &path, &json!({})).await?;
            }
        }
        if wanted.is_none_or(|wanted| wanted.alert_manager.is_none()) {
            let path = format!("/workspaces/{id}/alertmanager/definition");
            let now: Option<DescribeAlertManagerResponse> = anybody.find(&path).await?;
            let extras = now.and_then(|now| now.alert_manager_definition.hearth);
            let owner = extras.map(|extras| extras.owner).unwrap_or_default();
            if owner.starts_with("up/") {
                self.client(&owner).tell(Method::DELETE, &path, &json!({})).await?;
            }
        }
        Ok(())
    }
}

fn owner_of(workspace: &WorkspaceDescription) -> &str {
    workspace.hearth.as_ref().map_or("", |extras| &extras.owner)
}

fn wanted_tags(wanted: &WantedWorkspace<'_>) -> Tags {
    let policy = match wanted.spec.deletion_policy {
        DeletionPolicy::Retain => "Retain",
        DeletionPolicy::Delete => "Delete",
    };
    let mut tags = wanted.spec.tags.clone();
    tags.insert(DELETION_POLICY_TAG.to_owned(), policy.to_owned());
    tags
}

async fn retag(client: &ControlClient, arn: &str, now: &Tags, wanted: &Tags) -> anyhow::Result<()> {
    let escaped = percent_encoding::utf8_percent_encode(arn, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/tags/{escaped}");
    let changed: Tags = wanted
        .iter()
        .filter(|(k, v)| now.get(*k) != Some(v))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if !changed.is_empty() {
        client.tell(Method::POST, &path, &json!({ "tags": changed })).await?;
    }
    let ours = |key: &&String| !key.starts_with("hearth.dev/") || *key == DELETION_POLICY_TAG;
    let gone: Vec<String> = now
        .keys()
        .filter(ours)
        .filter(|key| !wanted.contains_key(*key))
        .map(|key| {
            percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        })
        .map(|key| format!("tagKeys={key}"))
        .collect();
    if !gone.is_empty() {
        client.tell(Method::DELETE, &format!("{path}?{}", gone.join("&")), &json!({})).await?;
    }
    Ok(())
}
