//! Workspaces: found, made, made right, removed.

use crds::workspace::{DeletionPolicy, WorkspaceSpec};
use http::Method;
use protocol::amp_api::configuration::{ConfigurationDescription, DescribeConfigurationResponse};
use protocol::amp_api::tags::Tags;
use protocol::amp_api::workspaces::{
    CreateWorkspaceRequest, CreateWorkspaceResponse, DescribeWorkspaceResponse,
    ListWorkspacesResponse, UpdateWorkspaceAliasRequest, WorkspaceDescription,
};
use protocol::workspace::WorkspaceId;

use crate::control::client::{ControlClient, PAGES_MAX, escaped};
use crate::control::configuration::configuration_patch;
use crate::control::error::ControlError;
use crate::control::owner::API_OWNER;
use crate::control::tags::{DELETION_POLICY_TAG, hand_over, retag};

/// All workspaces of the store.
pub async fn list(client: &ControlClient) -> Result<Vec<WorkspaceDescription>, ControlError> {
    let mut all = Vec::new();
    let mut path = "/workspaces?maxResults=1000".to_owned();
    for _ in 0..PAGES_MAX {
        let page: ListWorkspacesResponse = client.get(&path).await?;
        all.extend(page.workspaces);
        let Some(token) = page.next_token else { return Ok(all) };
        path = format!("/workspaces?maxResults=1000&nextToken={}", escaped(&token));
    }
    let message = format!("a listing of workspaces goes beyond {PAGES_MAX} pages");
    Err(ControlError::Unexpected { message })
}

/// Who owns a workspace; empty where the store does not say.
pub fn owner_of(workspace: &WorkspaceDescription) -> &str {
    workspace.hearth.as_ref().map_or("", |extras| &extras.owner)
}

/// The workspace that a spec stands for, among those that there are: the one it names, else the
/// one that its owner made earlier.
pub fn find<'a>(
    spec: &WorkspaceSpec,
    owner: &str,
    existing: &'a [WorkspaceDescription],
) -> Result<Option<&'a WorkspaceDescription>, ControlError> {
    let Some(id) = &spec.workspace_id else {
        return Ok(existing.iter().find(|one| owner_of(one) == owner));
    };
    match existing.iter().find(|one| one.workspace_id.as_str() == id) {
        Some(found) => Ok(Some(found)),
        None => {
            let message = format!("there is no workspace {id:?} to adopt");
            Err(ControlError::NotFound { message })
        }
    }
}

/// The tags that a spec asks for, and the one that remembers its deletion policy.
pub fn wanted_tags(spec: &WorkspaceSpec) -> Tags {
    let policy = match spec.deletion_policy {
        DeletionPolicy::Retain => "Retain",
        DeletionPolicy::Delete => "Delete",
    };
    let mut tags = spec.tags.clone();
    tags.insert(DELETION_POLICY_TAG.to_owned(), policy.to_owned());
    tags
}

/// Makes the workspace. `token` makes retries safe: the same one never makes two.
pub async fn create(
    client: &ControlClient,
    spec: &WorkspaceSpec,
    token: Option<String>,
) -> Result<WorkspaceId, ControlError> {
    let request = CreateWorkspaceRequest {
        alias: spec.alias.clone(),
        tags: Some(wanted_tags(spec)),
        client_token: token,
        ..CreateWorkspaceRequest::default()
    };
    let made: CreateWorkspaceResponse = client.send(Method::POST, "/workspaces", &request).await?;
    Ok(made.workspace_id)
}

/// Makes alias, tags and configuration of a workspace right. `found`: as it was before; `None`
/// where it was just made.
pub async fn settle(
    client: &ControlClient,
    id: &WorkspaceId,
    spec: &WorkspaceSpec,
    found: Option<&WorkspaceDescription>,
) -> Result<(), ControlError> {
    if let Some(found) = found {
        adopt(client, spec, found).await?;
        if found.alias != spec.alias && (spec.workspace_id.is_none() || spec.alias.is_some()) {
            let alias = spec.alias.clone();
            let request = UpdateWorkspaceAliasRequest { alias, client_token: None };
            client.tell(Method::POST, &format!("/workspaces/{id}/alias"), &request).await?;
        }
        retag(client, &found.arn, &found.tags, &wanted_tags(spec)).await?;
    }
    let now = configuration(client, id).await?;
    match configuration_patch(spec, &now) {
        Some(patch) => client.tell(Method::PATCH, &configuration_path(id), &patch).await,
        None => Ok(()),
    }
}

/// Takes over what the API made, where the spec names it. What belongs to another object is never
/// taken: the calls that follow are refused with its owner's name.
async fn adopt(
    client: &ControlClient,
    spec: &WorkspaceSpec,
    found: &WorkspaceDescription,
) -> Result<(), ControlError> {
    if spec.workspace_id.is_some() && owner_of(found) == API_OWNER {
        hand_over(&client.acting_for(API_OWNER), &found.arn, client.owner()).await?;
    }
    Ok(())
}

/// The workspace; `None` where there is none of this id.
pub async fn describe(
    client: &ControlClient,
    id: &WorkspaceId,
) -> Result<Option<WorkspaceDescription>, ControlError> {
    let found: Option<DescribeWorkspaceResponse> = client.find(&workspace_path(id)).await?;
    Ok(found.map(|found| found.workspace))
}

/// Its configuration.
pub async fn configuration(
    client: &ControlClient,
    id: &WorkspaceId,
) -> Result<ConfigurationDescription, ControlError> {
    let now: DescribeConfigurationResponse = client.get(&configuration_path(id)).await?;
    Ok(now.workspace_configuration)
}

/// Removes a workspace with everything in it.
pub async fn delete(client: &ControlClient, id: &WorkspaceId) -> Result<(), ControlError> {
    client.remove(&workspace_path(id)).await
}

fn workspace_path(id: &WorkspaceId) -> String {
    format!("/workspaces/{id}")
}

fn configuration_path(id: &WorkspaceId) -> String {
    format!("/workspaces/{id}/configuration")
}
