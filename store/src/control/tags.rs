//! Tags of workspaces and of rule groups namespaces.

use protocol::amp_api::arn::{Arn, Resource};
use protocol::amp_api::error::FieldFault;
use protocol::amp_api::tags::{TAGS_MAX, Tags, TagsDocument, key_fault};
use protocol::workspace::WorkspaceId;

use crate::catalog::Change;
use crate::catalog::record::{DefinitionRecord, Record, WorkspaceRecord};
use crate::catalog::state::State;
use crate::control::api::{Control, body};
use crate::control::error::ControlError;
use crate::control::lookup::{existing, existing_namespace, owned, owned_namespace};
use crate::control::owner_tags::{faults_of, owner_apart, shown_tags};
use crate::control::request::ControlRequest;
use crate::http::answer::Answer;

/// What can carry tags.
enum Tagged {
    Workspace(WorkspaceId),
    Namespace(WorkspaceId, String),
}

/// ListTagsForResource.
pub fn list(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let tagged = tagged(control, request)?;
    let tags = control.catalog.read(|state| match &tagged {
        Tagged::Workspace(id) => {
            let record = &existing(state, id)?.record;
            Ok::<_, ControlError>(shown_tags(&record.tags, &record.owner))
        }
        Tagged::Namespace(id, name) => {
            let record = existing_namespace(state, id, name)?;
            Ok(shown_tags(&record.tags, &record.owner))
        }
    })?;
    Ok(body(&TagsDocument { tags }))
}

/// TagResource. An internal principal that sets the owner's tag hands the resource over.
pub async fn set(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let input: TagsDocument = request.parse()?;
    let (new, owner) = owner_apart(input.tags, &request.principal);
    let faults = faults_of(&new, &request.principal);
    if !faults.is_empty() {
        return Err(ControlError::Fields(faults));
    }
    change(control, request, &owner, |tags| {
        tags.extend(new);
        if tags.len() > TAGS_MAX {
            Err(ControlError::field("tags", format!("at most {TAGS_MAX} tags in all")))
        } else {
            Ok(())
        }
    })
    .await
}

/// UntagResource.
pub async fn remove(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let keys: Vec<_> = request.query.all("tagKeys").map(str::to_owned).collect();
    if keys.is_empty() {
        return Err(ControlError::field("tagKeys", "at least one key"));
    }
    let faults: Vec<_> =
        keys.iter().filter_map(|key| Some(FieldFault::new("tagKeys", key_fault(key)?))).collect();
    if !faults.is_empty() {
        return Err(ControlError::Fields(faults));
    }
    change(control, request, &request.principal.owner, |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await
}

async fn change(
    control: &Control,
    request: &ControlRequest,
    owner: &str,
    edit: impl FnOnce(&mut Tags) -> Result<(), ControlError>,
) -> Result<Answer, ControlError> {
    let tagged = tagged(control, request)?;
    let decide = |state: &State| {
        let record = match &tagged {
            Tagged::Workspace(id) => {
                let workspace = owned(state, id, &request.principal)?;
                let mut record: WorkspaceRecord = workspace.record.as_ref().clone();
                edit(&mut record.tags)?;
                owner.clone_into(&mut record.owner);
                Record::Workspace(record)
            }
            Tagged::Namespace(id, name) => {
                let namespace = owned_namespace(state, id, name, &request.principal)?;
                let mut record: DefinitionRecord = namespace.clone();
                edit(&mut record.tags)?;
                owner.clone_into(&mut record.owner);
                Record::Namespace(id.clone(), record)
            }
        };
        Ok::<_, ControlError>(Change { records: vec![record], answer: () })
    };
    control.catalog.change(None, decide).await?;
    Ok(body(&serde_json::json!({})))
}

fn tagged(control: &Control, request: &ControlRequest) -> Result<Tagged, ControlError> {
    let text = request.captures.first().map_or("", String::as_str);
    let arn: Arn =
        text.parse().map_err(|error| ControlError::field("resourceArn", format!("{error}")))?;
    let naming = &control.naming;
    if arn.region != naming.region || arn.account != naming.account {
        let message = format!(
            "this store answers for region {} and account {}",
            naming.region, naming.account
        );
        return Err(ControlError::field("resourceArn", message));
    }
    match arn.resource {
        Resource::Workspace(id) => Ok(Tagged::Workspace(id)),
        Resource::RuleGroupsNamespace(id, name) => Ok(Tagged::Namespace(id, name)),
        Resource::Scraper(_) => Err(ControlError::NotBuilt("a scraper made by the API".into())),
        Resource::AnomalyDetector(..) => Err(ControlError::NotBuilt("an anomaly detector".into())),
    }
}
