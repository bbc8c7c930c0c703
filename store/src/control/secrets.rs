//! Secrets that definitions refer to.
//!
//! Written, replaced, removed, never read back.

use protocol::amp_api::error::FieldFault;
use protocol::amp_api::secrets::{
    PutSecretRequest, SECRET_BYTES_MAX, SecretDescription, secret_name_fault,
};
use protocol::workspace::WorkspaceId;
use std::collections::BTreeMap;

use crate::catalog::Change;
use crate::catalog::record::{Record, SecretRecord};
use crate::catalog::secret_box::SecretBox;
use crate::catalog::state::State;
use crate::control::api::{Control, body, no_body};
use crate::control::error::{ControlError, Kind};
use crate::control::lookup::{check_owner, existing};
use crate::control::request::ControlRequest;
use crate::http::answer::Answer;

/// `PUT /workspaces/{id}/hearth/secrets/{name}`: makes or replaces.
pub async fn put(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let (id, name) = (request.workspace()?, request.name());
    let input: PutSecretRequest = request.parse()?;
    let faults = faults(name, &input);
    if !faults.is_empty() {
        return Err(ControlError::Fields(faults));
    }
    let record = seal(control.catalog.secret_box(), &id, request, input);
    let answer = SecretDescription {
        name: name.to_owned(),
        keys: record.sealed.keys().cloned().collect(),
        owner: record.owner.clone(),
    };
    let decide = |state: &State| {
        let workspace = existing(state, &id)?;
        let limit = workspace.record.configuration.limits().secrets_max;
        match workspace.secrets.get(name) {
            Some(before) => check_owner(Kind::Secret, name, &before.owner, &request.principal)?,
            None if limit > 0 && workspace.secrets.len() as u64 >= limit => {
                let (kind, id) = (Kind::Secret, name.to_owned());
                return Err(ControlError::Quota { limit: "secrets", value: limit, kind, id });
            }
            None => {}
        }
        Ok(Change { records: vec![Record::Secret(id.clone(), record)], answer: () })
    };
    control.change(&id, None, decide).await?;
    Ok(body(&answer))
}

/// `DELETE /workspaces/{id}/hearth/secrets/{name}`.
pub async fn delete(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let (id, name) = (request.workspace()?, request.name());
    let decide = |state: &State| {
        let missing = || ControlError::NotFound { kind: Kind::Secret, id: name.to_owned() };
        let before = existing(state, &id)?.secrets.get(name).ok_or_else(missing)?;
        check_owner(Kind::Secret, name, &before.owner, &request.principal)?;
        let gone = Record::SecretDeleted(id.clone(), name.to_owned());
        Ok(Change { records: vec![gone], answer: () })
    };
    control.change(&id, None, decide).await?;
    Ok(no_body())
}

fn faults(name: &str, input: &PutSecretRequest) -> Vec<FieldFault> {
    let keys = input.data.keys().chain(input.string_data.keys());
    let mut faults: Vec<_> =
        keys.filter_map(|key| secret_name_fault(&format!("data.{key}"), key)).collect();
    faults.extend(secret_name_fault("name", name));
    let bytes: usize = input.data.values().map(|value| value.0.len()).sum::<usize>()
        + input.string_data.values().map(String::len).sum::<usize>();
    if bytes > SECRET_BYTES_MAX {
        let message = format!("{bytes} bytes; the limit is {SECRET_BYTES_MAX} bytes in all");
        faults.push(FieldFault::new("data", message));
    }
    faults
}

fn seal(
    secrets: &SecretBox,
    id: &WorkspaceId,
    request: &ControlRequest,
    input: PutSecretRequest,
) -> SecretRecord {
    let name = request.name();
    let PutSecretRequest { data, string_data } = input;
    let mut values: BTreeMap<_, _> = data.into_iter().map(|(key, value)| (key, value.0)).collect();
    values.extend(string_data.into_iter().map(|(key, value)| (key, value.into())));
    let sealed = values
        .into_iter()
        .map(|(key, value)| {
            let sealed = secrets.seal_value(id, name, &key, &value);
            (key, sealed)
        })
        .collect();
    SecretRecord { name: name.to_owned(), owner: request.principal.owner.clone(), sealed }
}
