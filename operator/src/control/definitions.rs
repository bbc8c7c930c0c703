//! Rule files and alert manager definitions, made right.

use http::Method;
use protocol::amp_api::alert_manager::{
    AlertManagerDescription, DescribeAlertManagerResponse, PutDefinitionRequest,
};
use protocol::amp_api::rule_namespaces::{
    CreateRuleNamespaceRequest, DescribeRuleNamespaceResponse, ListRuleNamespacesResponse,
    RuleNamespaceDescription,
};
use protocol::amp_api::scalars::Blob;
use protocol::amp_api::status::{DefinitionExtras, Status};
use protocol::workspace::WorkspaceId;
use sha2::{Digest as _, Sha256};

use crate::control::client::{ControlClient, PAGES_MAX, escaped};
use crate::control::error::ControlError;

/// What the store says of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// AMP's word, and why.
    pub status: Status,
    /// The full name; alert manager definitions have none.
    pub arn: Option<String>,
    /// Owner and hashes.
    pub extras: DefinitionExtras,
}

impl Described {
    /// Whether the data plane runs what is defined.
    pub fn is_programmed(&self) -> bool {
        let DefinitionExtras { content_hash, programmed_hash, .. } = &self.extras;
        programmed_hash.as_ref() == Some(content_hash)
    }

    fn of_rules(found: &RuleNamespaceDescription) -> Self {
        Self {
            status: found.status.clone(),
            arn: Some(found.arn.clone()),
            extras: found.hearth.clone().unwrap_or_default(),
        }
    }

    fn of_alert_manager(found: &AlertManagerDescription) -> Self {
        let extras = found.hearth.clone().unwrap_or_default();
        Self { status: found.status.clone(), arn: None, extras }
    }
}

/// SHA-256 of a definition in hexadecimal, as the store counts it.
pub fn content_hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// All rule groups namespaces of a workspace, without their content.
pub async fn list_rules(
    client: &ControlClient,
    id: &WorkspaceId,
) -> Result<Vec<RuleNamespaceDescription>, ControlError> {
    let mut all = Vec::new();
    let first = format!("{}?maxResults=1000", rules_path(id));
    let mut path = first.clone();
    for _ in 0..PAGES_MAX {
        let page: ListRuleNamespacesResponse = client.get(&path).await?;
        all.extend(page.rule_groups_namespaces);
        let Some(token) = page.next_token else { return Ok(all) };
        path = format!("{first}&nextToken={}", escaped(&token));
    }
    let message = format!("a listing of rule groups namespaces goes beyond {PAGES_MAX} pages");
    Err(ControlError::Unexpected { message })
}

/// Who owns a rule groups namespace; empty where the store does not say.
pub fn owner_of(namespace: &RuleNamespaceDescription) -> &str {
    namespace.hearth.as_ref().map_or("", |extras| &extras.owner)
}

/// Makes a rule groups namespace hold `data`. Gives whether something changed.
pub async fn put_rules(
    client: &ControlClient,
    id: &WorkspaceId,
    name: &str,
    data: &str,
) -> Result<bool, ControlError> {
    let path = namespace_path(id, name);
    let now: Option<DescribeRuleNamespaceResponse> = client.find(&path).await?;
    let data = Blob::from(data);
    let Some(now) = now.map(|now| now.rule_groups_namespace) else {
        let name = name.to_owned();
        let request = CreateRuleNamespaceRequest { name, data, tags: None, client_token: None };
        client.tell(Method::POST, &rules_path(id), &request).await?;
        return Ok(true);
    };
    if now.data.as_ref() == Some(&data) && is_ours(client, now.hearth.as_ref()) {
        return Ok(false);
    }
    // Where it is another owner's, the store says so.
    let request = PutDefinitionRequest { data, client_token: None };
    client.tell(Method::PUT, &path, &request).await?;
    Ok(true)
}

/// What the store says of a rule groups namespace; `None` where there is none.
pub async fn describe_rules(
    client: &ControlClient,
    id: &WorkspaceId,
    name: &str,
) -> Result<Option<Described>, ControlError> {
    let found: Option<DescribeRuleNamespaceResponse> =
        client.find(&namespace_path(id, name)).await?;
    Ok(found.map(|found| Described::of_rules(&found.rule_groups_namespace)))
}

/// Removes a rule groups namespace.
pub async fn delete_rules(
    client: &ControlClient,
    id: &WorkspaceId,
    name: &str,
) -> Result<(), ControlError> {
    client.remove(&namespace_path(id, name)).await
}

/// Makes the alert manager definition what is wanted. Gives whether something changed.
pub async fn put_alert_manager(
    client: &ControlClient,
    id: &WorkspaceId,
    definition: &str,
) -> Result<bool, ControlError> {
    let path = definition_path(id);
    let request = PutDefinitionRequest { data: Blob::from(definition), client_token: None };
    let now: Option<DescribeAlertManagerResponse> = client.find(&path).await?;
    let Some(now) = now.map(|now| now.alert_manager_definition) else {
        client.tell(Method::POST, &path, &request).await?;
        return Ok(true);
    };
    if now.data == request.data && is_ours(client, now.hearth.as_ref()) {
        return Ok(false);
    }
    client.tell(Method::PUT, &path, &request).await?;
    Ok(true)
}

/// What the store says of the alert manager definition; `None` where there is none.
pub async fn describe_alert_manager(
    client: &ControlClient,
    id: &WorkspaceId,
) -> Result<Option<Described>, ControlError> {
    let found: Option<DescribeAlertManagerResponse> = client.find(&definition_path(id)).await?;
    Ok(found.map(|found| Described::of_alert_manager(&found.alert_manager_definition)))
}

/// Removes the alert manager definition.
pub async fn delete_alert_manager(
    client: &ControlClient,
    id: &WorkspaceId,
) -> Result<(), ControlError> {
    client.remove(&definition_path(id)).await
}

/// A store that says nothing of owners (AWS's own) holds only what its account made.
fn is_ours(client: &ControlClient, extras: Option<&DefinitionExtras>) -> bool {
    extras.is_none_or(|extras| extras.owner == client.owner())
}

fn rules_path(id: &WorkspaceId) -> String {
    format!("/workspaces/{id}/rulegroupsnamespaces")
}

fn namespace_path(id: &WorkspaceId, name: &str) -> String {
    format!("{}/{}", rules_path(id), escaped(name))
}

fn definition_path(id: &WorkspaceId) -> String {
    format!("/workspaces/{id}/alertmanager/definition")
}
