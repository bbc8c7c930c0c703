//! The alert manager definition: one a workspace.

use std::sync::Arc;

use protocol::amp_api::alert_manager::{
    AlertManagerDescription, DescribeAlertManagerResponse, PutDefinitionRequest,
};
use protocol::amp_api::configuration::StatusResponse;
use protocol::amp_api::scalars::{Blob, EpochSeconds};
use protocol::amp_api::status::DefinitionExtras;
use protocol::amp_api::tags::Tags;
use protocol::workspace::WorkspaceId;

use crate::catalog::Change;
use crate::catalog::record::{DefinitionRecord, Record};
use crate::catalog::state::State;
use crate::control::api::{Control, body, no_body};
use crate::control::error::{ControlError, Kind};
use crate::control::lookup::{check_owner, existing};
use crate::control::request::ControlRequest;
use crate::control::rule_namespaces::{check_definition, definition_status};
use crate::http::answer::Answer;

const KIND: Kind = Kind::AlertManagerDefinition;

/// CreateAlertManagerDefinition. Only where there is none.
pub async fn create(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let input: PutDefinitionRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    check_file(control, &id, &input.data).await?;
    let decide = |state: &State| {
        if existing(state, &id)?.alert_manager.is_some() {
            return Err(ControlError::Exists { kind: KIND, id: id.to_string() });
        }
        let record = DefinitionRecord {
            name: String::new(),
            owner: request.principal.owner.clone(),
            tags: Tags::new(),
            data: input.data,
            created_ms: request.now_ms,
            modified_ms: request.now_ms,
        };
        Ok(Change { records: vec![Record::AlertManager(id.clone(), record)], answer: () })
    };
    control.change(&id, token, decide).await?;
    response(control, &id)
}

/// PutAlertManagerDefinition. Only changes what is there.
pub async fn put(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let input: PutDefinitionRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    check_file(control, &id, &input.data).await?;
    let decide = |state: &State| {
        let before = defined(state, &id)?;
        check_owner(KIND, id.as_str(), &before.owner, &request.principal)?;
        let record = DefinitionRecord {
            data: input.data,
            modified_ms: request.now_ms,
            ..before.as_ref().clone()
        };
        Ok(Change { records: vec![Record::AlertManager(id.clone(), record)], answer: () })
    };
    control.change(&id, token, decide).await?;
    response(control, &id)
}

/// DeleteAlertManagerDefinition.
pub async fn delete(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let token = request.token(None)?;
    let decide = |state: &State| {
        let before = defined(state, &id)?;
        check_owner(KIND, id.as_str(), &before.owner, &request.principal)?;
        Ok(Change { records: vec![Record::AlertManagerDeleted(id.clone())], answer: () })
    };
    control.change(&id, token, decide).await?;
    Ok(no_body())
}

/// DescribeAlertManagerDefinition.
pub fn describe(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let alert_manager_definition = description(control, &request.workspace()?)?;
    Ok(body(&DescribeAlertManagerResponse { alert_manager_definition }))
}

fn defined<'a>(
    state: &'a State,
    id: &WorkspaceId,
) -> Result<&'a Arc<DefinitionRecord>, ControlError> {
    let missing = || ControlError::NotFound { kind: KIND, id: id.to_string() };
    existing(state, id)?.alert_manager.as_ref().ok_or_else(missing)
}

async fn check_file(control: &Control, id: &WorkspaceId, data: &Blob) -> Result<(), ControlError> {
    let check = control.checks.alert_manager;
    check_definition(control, id, data, KIND, move |text, _| check(text)).await
}

fn response(control: &Control, id: &WorkspaceId) -> Result<Answer, ControlError> {
    Ok(body(&StatusResponse { status: description(control, id)?.status }))
}

fn description(
    control: &Control,
    id: &WorkspaceId,
) -> Result<AlertManagerDescription, ControlError> {
    let record = control.catalog.read(|state| defined(state, id).cloned())?;
    let programmed = control.data_plane.running(id).alert_manager;
    let hash = record.hash();
    Ok(AlertManagerDescription {
        status: definition_status(&hash, programmed.as_ref()),
        data: record.data.clone(),
        created_at: EpochSeconds::from_millis(record.created_ms),
        modified_at: EpochSeconds::from_millis(record.modified_ms),
        hearth: Some(DefinitionExtras {
            owner: record.owner.clone(),
            content_hash: hash,
            programmed_hash: programmed.and_then(Result::ok),
        }),
    })
}
