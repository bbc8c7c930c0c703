//! What a request names: whether it is there, and whose it is.

use std::sync::Arc;

use protocol::workspace::WorkspaceId;

use crate::catalog::record::{DefinitionRecord, WorkspaceRecord};
use crate::catalog::state::{State, WorkspaceState};
use crate::control::api::Control;
use crate::control::error::{ControlError, Kind};
use crate::principal::Principal;

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

/// The namespace, or that it does not exist.
pub fn existing_namespace<'a>(
    state: &'a State,
    id: &WorkspaceId,
    name: &str,
) -> Result<&'a DefinitionRecord, ControlError> {
    let missing =
        || ControlError::NotFound { kind: Kind::RuleGroupsNamespace, id: name.to_owned() };
    Ok(existing(state, id)?.namespaces.get(name).ok_or_else(missing)?.as_ref())
}

/// The namespace, where this principal may change it.
pub fn owned_namespace<'a>(
    state: &'a State,
    id: &WorkspaceId,
    name: &str,
    principal: &Principal,
) -> Result<&'a DefinitionRecord, ControlError> {
    let record = existing_namespace(state, id, name)?;
    check_owner(Kind::RuleGroupsNamespace, name, &record.owner, principal)?;
    Ok(record)
}
