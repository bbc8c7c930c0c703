//! Why an object cannot be as it says.                   (pure)

use std::collections::BTreeSet;

use crds::status::CommonStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::control::error::ControlError;
use crate::runtime::error::ReconcileError;
use crate::runtime::status::{Progress, Said};

/// Something that an object refers to and that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// One CamelCase word.
    pub reason: &'static str,
    /// The culprit and the cure.
    pub message: String,
    /// Whether it may come right without a change of this object.
    pub passes: bool,
}

impl Unresolved {
    /// It may come: another object is missing or on its way.
    pub fn waits(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), passes: true }
    }

    /// It does not come before somebody changes something.
    pub fn stuck(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), passes: false }
    }

    /// Where the object stands for it.
    pub fn progress(&self) -> Progress {
        if self.passes {
            Progress::reconciling(self.reason, self.message.clone())
        } else {
            Progress::stalled(self.reason, self.message.clone())
        }
    }

    /// The condition that says so.
    pub fn said(&self) -> Said {
        Said::no("ResolvedRefs", self.reason, self.message.clone())
    }
}

/// Adds the conditions of a kind that nothing new is known of, as they were.
pub fn keep_others(common: &mut CommonStatus, before: &CommonStatus) {
    let told: BTreeSet<String> = common.conditions.iter().map(|c| c.type_.clone()).collect();
    let whole = ["Ready", "Reconciling", "Stalled"];
    let other = |c: &&Condition| !told.contains(&c.type_) && !whole.contains(&c.type_.as_str());
    common.conditions.extend(before.conditions.iter().filter(other).cloned());
}

/// A refusal that is the object's own fault: a sentence for Accepted=False. `None` where the store
/// could not be asked, which is nobody's fault.
pub fn refusal(error: &ControlError) -> Option<(&'static str, String)> {
    let cure = match error {
        ControlError::Conflict { owner: Some(owner), .. } => {
            format!("; it belongs to {owner}: remove it there, or choose another name")
        }
        ControlError::Conflict { owner: None, .. } | ControlError::Invalid { .. } => String::new(),
        ControlError::Quota { .. } => "; raise it in the Workspace's spec.limits".to_owned(),
        ControlError::NotFound { .. }
        | ControlError::Throttled { .. }
        | ControlError::Forbidden { .. }
        | ControlError::Unreachable { .. }
        | ControlError::Unexpected { .. } => return None,
    };
    Some((error.reason(), format!("{}{cure}", plain(error))))
}

/// The store's own words, without the name of the exception.
fn plain(error: &ControlError) -> String {
    let text = error.to_string();
    match text.split_once("Exception: ") {
        Some((word, rest)) if !word.contains(' ') => rest.to_owned(),
        _ => text,
    }
}

/// A store that could not be asked: the object keeps the status it has, but is not ready.
pub fn failure(doing: &str, error: &ControlError) -> ReconcileError {
    let message = format!("could not {doing}: {error}");
    match error {
        ControlError::Forbidden { .. } => ReconcileError::Remote {
            reason: "StoreForbidden",
            message: format!(
                "{message}; the operator's service account needs `update` on `workspaces/owner` \
                 and rights on `workspaces` of hearth.dev"
            ),
        },
        other => ReconcileError::Remote { reason: other.reason(), message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_owner_or_limit_and_an_absent_store_is_no_refusal() {
        let conflict = ControlError::Conflict {
            message: "workspace ws-1 is owned by up/x".into(),
            owner: Some("up/x".into()),
        };
        let (reason, message) = refusal(&conflict).expect("its own fault");
        assert_eq!(reason, "Conflicted");
        assert!(message.starts_with("workspace ws-1 is owned by up/x; it belongs to up/x"));
        let away = ControlError::Unreachable { message: "refused".into() };
        assert_eq!(refusal(&away), None);
        assert_eq!(failure("ask", &away).reason(), "StoreUnreachable");
        assert!(failure("ask", &away).passes());
    }
}
