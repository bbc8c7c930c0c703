//! The workspace a request names, and where it stands: pure.

use protocol::amp_api::arn::{Arn, Resource};
use protocol::workspace::WorkspaceId;

use crate::control::action::ControlAction;
use crate::http::access::right::Place;
use crate::http::routes::{Action, Matched, Scope};

/// The workspace that a request names, if it can be one.
pub fn named(matched: &Matched, default: Option<WorkspaceId>) -> Option<WorkspaceId> {
    let first = matched.captures.first();
    match (matched.action, &matched.scope) {
        (Action::Data(_), Scope::Workspace(text)) => text.parse().ok(),
        (Action::Data(_), Scope::Default | Scope::Process) => default,
        (Action::Process(_), _) => None,
        (Action::Control(action), _) => match action {
            ControlAction::ListTagsForResource
            | ControlAction::TagResource
            | ControlAction::UntagResource => of_arn(first?),
            _ => first?.parse().ok(),
        },
    }
}

fn of_arn(text: &str) -> Option<WorkspaceId> {
    match text.parse::<Arn>().ok()?.resource {
        Resource::Workspace(id)
        | Resource::RuleGroupsNamespace(id, _)
        | Resource::AnomalyDetector(id, _) => Some(id),
        Resource::Scraper(_) => None,
    }
}

/// Where a workspace stands: that of a Workspace object where that object's operator owns it, else
/// under its id beside the store. Nobody's rights on one workspace reach what names none.
pub fn of_workspace(id: Option<&WorkspaceId>, owner: Option<&str>) -> Place {
    let Some(id) = id else { return Place::default() };
    let parts: Vec<&str> = owner.unwrap_or_default().split('/').collect();
    match parts.as_slice() {
        ["operator", _, namespace, name] if !namespace.is_empty() && !name.is_empty() => {
            Place { namespace: Some((*namespace).to_owned()), name: (*name).to_owned() }
        }
        _ => Place { namespace: None, name: id.to_string() },
    }
}

#[cfg(test)]
mod tests;
