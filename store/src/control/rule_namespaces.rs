//! Rule groups namespaces: a rule file under a name.

use protocol::amp_api::alert_manager::PutDefinitionRequest;
use protocol::amp_api::arn::Resource;
use protocol::amp_api::error::FieldFault;
use protocol::amp_api::rule_namespaces::{
    CreateRuleNamespaceRequest, DescribeRuleNamespaceResponse, ListRuleNamespacesResponse,
    NAMESPACE_NAME_CHARS_MAX, RuleNamespaceDescription, RuleNamespaceResponse,
};
use protocol::amp_api::scalars::{Blob, EpochSeconds};
use protocol::amp_api::status::{DefinitionExtras, Status, StatusCode};
use protocol::fault::Fault;
use protocol::workspace::WorkspaceId;
use world::tasks::run_blocking;

use crate::catalog::Change;
use crate::catalog::record::{DefinitionRecord, Record};
use crate::catalog::state::{State, WorkspaceState};
use crate::control::api::{Control, Naming, body, no_body};
use crate::control::error::{ControlError, Kind};
use crate::control::lookup::{existing, existing_namespace, owned_namespace, record};
use crate::control::owner_tags::{faults_of, owner_apart, shown_tags};
use crate::control::page::Page;
use crate::control::ports::{Programmed, Running};
use crate::control::request::ControlRequest;
use crate::http::answer::Answer;
use crate::principal::Principal;

/// CreateRuleGroupsNamespace.
pub async fn create(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let input: CreateRuleNamespaceRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    let name = input.name.clone();
    check_file(control, &id, &input.data).await?;
    let decide = |state: &State| {
        let workspace = existing(state, &id)?;
        let record = new_record(workspace, input, &request.principal, request.now_ms)?;
        if workspace.namespaces.contains_key(&record.name) {
            let (kind, id) = (Kind::RuleGroupsNamespace, record.name);
            return Err(ControlError::Exists { kind, id });
        }
        Ok(Change { records: vec![Record::Namespace(id.clone(), record)], answer: () })
    };
    control.change(&id, token, decide).await?;
    response(control, &id, &name)
}

fn new_record(
    workspace: &WorkspaceState,
    input: CreateRuleNamespaceRequest,
    principal: &Principal,
    now_ms: i64,
) -> Result<DefinitionRecord, ControlError> {
    let CreateRuleNamespaceRequest { name, data, tags, client_token: _ } = input;
    let (tags, owner) = owner_apart(tags.unwrap_or_default(), principal);
    let mut faults = faults_of(&tags, principal);
    let length = name.chars().count();
    let good = (1..=NAMESPACE_NAME_CHARS_MAX).contains(&length)
        && !name.chars().any(|c| c.is_control() || c == '/');
    if !good {
        let message = format!("1 to {NAMESPACE_NAME_CHARS_MAX} characters, no slash among them");
        faults.push(FieldFault::new("name", message));
    }
    if !faults.is_empty() {
        return Err(ControlError::Fields(faults));
    }
    let limit = workspace.record.configuration.limits().rule_namespaces_max;
    if limit > 0 && workspace.namespaces.len() as u64 >= limit {
        let (kind, id) = (Kind::RuleGroupsNamespace, name);
        return Err(ControlError::Quota { limit: "ruleNamespaces", value: limit, kind, id });
    }
    Ok(DefinitionRecord { name, owner, tags, data, created_ms: now_ms, modified_ms: now_ms })
}

/// PutRuleGroupsNamespace. Only changes what is there.
pub async fn put(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let (id, name) = (request.workspace()?, request.name());
    let input: PutDefinitionRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    check_file(control, &id, &input.data).await?;
    let decide = |state: &State| {
        let before = owned_namespace(state, &id, name, &request.principal)?.clone();
        let record = DefinitionRecord { data: input.data, modified_ms: request.now_ms, ..before };
        Ok(Change { records: vec![Record::Namespace(id.clone(), record)], answer: () })
    };
    control.change(&id, token, decide).await?;
    response(control, &id, name)
}

/// DeleteRuleGroupsNamespace.
pub async fn delete(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let (id, name) = (request.workspace()?, request.name());
    let token = request.token(None)?;
    let decide = |state: &State| {
        owned_namespace(state, &id, name, &request.principal)?;
        let gone = Record::NamespaceDeleted(id.clone(), name.to_owned());
        Ok(Change { records: vec![gone], answer: () })
    };
    control.change(&id, token, decide).await?;
    Ok(no_body())
}

/// DescribeRuleGroupsNamespace.
pub fn describe(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let (id, name) = (request.workspace()?, request.name());
    let record = control.catalog.read(|state| existing_namespace(state, &id, name).cloned())?;
    let running = control.data_plane.running(&id);
    let mut description = description(&id, &record, &running, &control.naming);
    description.data = Some(record.data);
    Ok(body(&DescribeRuleNamespaceResponse { rule_groups_namespace: description }))
}

/// ListRuleGroupsNamespaces.
pub fn list(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let page = Page::from_query(&request.query)?;
    let prefix = request.query.value("name");
    let (found, next_token) = control.catalog.read(|state| {
        let namespaces = existing(state, &id)?.namespaces.iter();
        let behind = namespaces
            .filter(|(name, _)| page.after.as_ref().is_none_or(|after| after < *name))
            .filter(|(name, _)| name.starts_with(prefix));
        Ok::<_, ControlError>(page.cut(behind.map(|(name, record)| (name.clone(), record.clone()))))
    })?;
    let running = control.data_plane.running(&id);
    let describe = |record| description(&id, record, &running, &control.naming);
    let rule_groups_namespaces = found.iter().map(|record| describe(record)).collect();
    Ok(body(&ListRuleNamespacesResponse { rule_groups_namespaces, next_token }))
}

/// Judges a definition within the workspace's limit, off the async threads.
pub async fn check_definition(
    control: &Control,
    id: &WorkspaceId,
    data: &Blob,
    kind: Kind,
    judge: impl FnOnce(&str, &[String]) -> Vec<Fault> + Send + 'static,
) -> Result<(), ControlError> {
    let workspace = record(control, id)?;
    let limit = workspace.configuration.limits().definition_bytes_max;
    if limit > 0 && data.0.len() as u64 > limit {
        let id = id.to_string();
        return Err(ControlError::Quota { limit: "definitionBytes", value: limit, kind, id });
    }
    let text = String::from_utf8(data.0.to_vec()).map_err(|error| {
        let from = error.utf8_error().valid_up_to();
        ControlError::field("data", format!("not UTF-8 from byte {from} on"))
    })?;
    let judged = run_blocking(control.world.tasks.as_ref(), move || {
        judge(&text, &workspace.configuration.features)
    });
    let faults = judged.await;
    if faults.is_empty() {
        Ok(())
    } else {
        Err(ControlError::Fields(
            faults.into_iter().map(|fault| FieldFault::new("data", fault.to_string())).collect(),
        ))
    }
}

/// What the definition is said to be: what runs, against what is defined.
pub fn definition_status(hash: &str, programmed: Option<&Programmed>) -> Status {
    match programmed {
        Some(Ok(running)) if running == hash => Status::active(),
        Some(Err(reason)) => Status::because(StatusCode::UpdateFailed, reason),
        Some(Ok(_)) => Status { status_code: StatusCode::Updating, status_reason: None },
        None => Status { status_code: StatusCode::Creating, status_reason: None },
    }
}

async fn check_file(control: &Control, id: &WorkspaceId, data: &Blob) -> Result<(), ControlError> {
    check_definition(control, id, data, Kind::RuleGroupsNamespace, control.checks.rules).await
}

fn response(control: &Control, id: &WorkspaceId, name: &str) -> Result<Answer, ControlError> {
    let record = control.catalog.read(|state| existing_namespace(state, id, name).cloned())?;
    let running = control.data_plane.running(id);
    let RuleNamespaceDescription { arn, name, status, tags, .. } =
        description(id, &record, &running, &control.naming);
    Ok(body(&RuleNamespaceResponse { name, arn, status, tags }))
}

fn description(
    id: &WorkspaceId,
    record: &DefinitionRecord,
    running: &Running,
    naming: &Naming,
) -> RuleNamespaceDescription {
    let programmed = running.namespaces.get(&record.name);
    let hash = record.hash();
    RuleNamespaceDescription {
        arn: naming.arn(Resource::RuleGroupsNamespace(id.clone(), record.name.clone())),
        name: record.name.clone(),
        status: definition_status(&hash, programmed),
        data: None,
        created_at: EpochSeconds::from_millis(record.created_ms),
        modified_at: EpochSeconds::from_millis(record.modified_ms),
        tags: shown_tags(&record.tags, &record.owner),
        hearth: Some(DefinitionExtras {
            owner: record.owner.clone(),
            content_hash: hash,
            programmed_hash: programmed.cloned().and_then(Result::ok),
        }),
    }
}
