//! Workspaces: create, list, describe, rename, delete.

use std::sync::Arc;

use protocol::amp_api::arn::Resource;
use protocol::amp_api::error::FieldFault;
use protocol::amp_api::scalars::EpochSeconds;
use protocol::amp_api::status::{Status, StatusCode};
use protocol::amp_api::workspaces::{
    ALIAS_CHARS_MAX, CreateWorkspaceRequest, CreateWorkspaceResponse, DescribeWorkspaceResponse,
    ListWorkspacesResponse, UpdateWorkspaceAliasRequest, WorkspaceDescription, WorkspaceExtras,
};
use protocol::workspace::WorkspaceId;

use crate::catalog::Change;
use crate::catalog::record::{Configuration, Record, WorkspaceRecord};
use crate::catalog::state::{State, WorkspaceState};
use crate::control::configuration;
use crate::control::dispatch::{Control, Naming, body, no_body};
use crate::control::error::{ControlError, Kind};
use crate::control::page::Page;
use crate::control::ports::Running;
use crate::control::request::ControlRequest;
use crate::control::tags::{faults_of, owner_apart, shown_tags};
use crate::http::access::right::place;
use crate::http::answer::Answer;
use crate::principal::Principal;

/// Workspaces in one store: each costs memory even when idle.
pub const WORKSPACES_MAX: usize = 20_000;

/// CreateWorkspace.
pub async fn create(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let input: CreateWorkspaceRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    let mut bytes = [0; 16];
    control.world.random.fill(&mut bytes);
    let id = WorkspaceId::from_random(bytes);
    let record = new_record(id.clone(), input, &request.principal, request.now_ms)?;
    let naming = &control.naming;
    let answer =
        control.catalog.change(token, |state| decide_create(state, record, naming)).await?;
    control.data_plane.program(&answer.workspace_id).await;
    Ok(body(&answer))
}

fn new_record(
    id: WorkspaceId,
    input: CreateWorkspaceRequest,
    principal: &Principal,
    now_ms: i64,
) -> Result<WorkspaceRecord, ControlError> {
    let (alias, mut faults) = checked_alias(input.alias);
    let (tags, owner) = owner_apart(input.tags.unwrap_or_default(), principal);
    faults.extend(faults_of(&tags, principal));
    if input.kms_key_arn.is_some() {
        let message = "there is no AWS key service here; leave it out";
        faults.push(FieldFault::new("kmsKeyArn", message));
    }
    let mut configuration = Configuration::default();
    if let Some(extras) = input.hearth {
        faults.extend(configuration::merge_extras(&mut configuration, extras));
    }
    if faults.is_empty() {
        Ok(WorkspaceRecord { id, alias, owner, tags, created_ms: now_ms, configuration })
    } else {
        Err(ControlError::Fields(faults))
    }
}

fn decide_create(
    state: &State,
    record: WorkspaceRecord,
    naming: &Naming,
) -> Result<Change<CreateWorkspaceResponse>, ControlError> {
    if state.workspaces.len() >= WORKSPACES_MAX {
        return Err(ControlError::Quota {
            limit: "workspaces",
            value: WORKSPACES_MAX as u64,
            kind: Kind::Workspace,
            id: record.id.to_string(),
        });
    }
    let answer = CreateWorkspaceResponse {
        workspace_id: record.id.clone(),
        arn: naming.arn(Resource::Workspace(record.id.clone())),
        status: Status { status_code: StatusCode::Creating, status_reason: None },
        tags: shown_tags(&record.tags, &record.owner),
    };
    Ok(Change { records: vec![Record::Workspace(record)], answer })
}

/// ListWorkspaces: those that the caller may see.
pub fn list(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let page = Page::from_query(&request.query)?;
    let prefix = request.query.value("alias").trim().to_owned();
    let found = control.catalog.read(|state| {
        let fits = |workspace: &&WorkspaceState| {
            workspace.record.alias.as_deref().unwrap_or("").starts_with(&prefix)
        };
        let behind = |workspace: &&WorkspaceState| {
            page.after.as_deref().is_none_or(|after| after < workspace.record.id.as_str())
        };
        let seen = |workspace: &&WorkspaceState| {
            let WorkspaceRecord { id, owner, .. } = workspace.record.as_ref();
            request.principal.sees.shows(place(Some(id), Some(owner)).namespace.as_deref())
        };
        let entries = state.workspaces.values().filter(behind).filter(fits).filter(seen);
        page.cut(entries.map(|workspace| (workspace.record.id.to_string(), workspace.clone())))
    });
    let (found, next_token) = found;
    let describe = |workspace: &WorkspaceState| {
        let running = control.data_plane.running(&workspace.record.id);
        let mut description = description(&workspace.record, &running, &control.naming);
        description.prometheus_endpoint = None;
        description
    };
    let workspaces = found.iter().map(describe).collect();
    Ok(body(&ListWorkspacesResponse { workspaces, next_token }))
}

/// DescribeWorkspace.
pub fn describe(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let record = record(control, &id)?;
    let running = control.data_plane.running(&id);
    let workspace = description(&record, &running, &control.naming);
    Ok(body(&DescribeWorkspaceResponse { workspace }))
}

/// UpdateWorkspaceAlias.
pub async fn rename(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let input: UpdateWorkspaceAliasRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    let (alias, faults) = checked_alias(input.alias);
    if !faults.is_empty() {
        return Err(ControlError::Fields(faults));
    }
    let decide = |state: &State| {
        let workspace = owned(state, &id, &request.principal)?;
        let record = WorkspaceRecord { alias, ..workspace.record.as_ref().clone() };
        Ok::<_, ControlError>(Change { records: vec![Record::Workspace(record)], answer: () })
    };
    control.catalog.change(token, decide).await?;
    Ok(no_body())
}

/// DeleteWorkspace.
pub async fn delete(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let token = request.token(None)?;
    let decide = |state: &State| {
        owned(state, &id, &request.principal)?;
        Ok(Change { records: vec![Record::WorkspaceDeleted(id.clone())], answer: () })
    };
    control.change(&id, token, decide).await?;
    Ok(no_body())
}

/// The workspace, or that it does not exist.
pub fn existing<'a>(
    state: &'a State,
    id: &WorkspaceId,
) -> Result<&'a WorkspaceState, ControlError> {
    let missing = || ControlError::NotFound { kind: Kind::Workspace, id: id.to_string() };
    state.workspaces.get(id).ok_or_else(missing)
}

/// The workspace without what lies in it.
pub fn record(control: &Control, id: &WorkspaceId) -> Result<Arc<WorkspaceRecord>, ControlError> {
    control.catalog.read(|state| existing(state, id).map(|workspace| workspace.record.clone()))
}

/// The workspace, where this principal may change it.
pub fn owned<'a>(
    state: &'a State,
    id: &WorkspaceId,
    principal: &Principal,
) -> Result<&'a WorkspaceState, ControlError> {
    let workspace = existing(state, id)?;
    check_owner(Kind::Workspace, id.as_str(), &workspace.record.owner, principal)?;
    Ok(workspace)
}

/// Only its owner changes a thing.
pub fn check_owner(
    kind: Kind,
    id: &str,
    owner: &str,
    principal: &Principal,
) -> Result<(), ControlError> {
    if owner == principal.owner {
        Ok(())
    } else {
        Err(ControlError::Owned { kind, id: id.to_owned(), owner: owner.to_owned() })
    }
}

fn description(
    record: &WorkspaceRecord,
    running: &Running,
    naming: &Naming,
) -> WorkspaceDescription {
    let status = match &running.configuration {
        None => Status { status_code: StatusCode::Creating, status_reason: None },
        Some(Ok(_)) => Status::active(),
        Some(Err(reason)) => Status::because(StatusCode::CreationFailed, reason),
    };
    WorkspaceDescription {
        workspace_id: record.id.clone(),
        alias: record.alias.clone(),
        arn: naming.arn(Resource::Workspace(record.id.clone())),
        status,
        prometheus_endpoint: Some(naming.endpoint(&record.id)),
        created_at: EpochSeconds::from_millis(record.created_ms),
        tags: shown_tags(&record.tags, &record.owner),
        hearth: Some(WorkspaceExtras {
            owner: record.owner.clone(),
            content_hash: record.configuration.hash(),
            programmed_hash: running.configuration.clone().and_then(Result::ok),
        }),
    }
}

/// Blanks around it do not count; an empty one is none.
fn checked_alias(alias: Option<String>) -> (Option<String>, Vec<FieldFault>) {
    let alias = alias.map(|alias| alias.trim().to_owned()).filter(|alias| !alias.is_empty());
    let long = alias.as_ref().is_some_and(|alias| alias.chars().count() > ALIAS_CHARS_MAX);
    let message = format!("at most {ALIAS_CHARS_MAX} characters");
    let faults = long.then(|| FieldFault::new("alias", message)).into_iter().collect();
    (alias, faults)
}
