//! What is told of an AlertManagerConfig.                (pure)

use crds::alert_manager_config::{AlertManagerConfig, AlertManagerConfigStatus, ReceiverHealth};
use k8s_openapi::jiff::Timestamp;
use protocol::workspace::WorkspaceId;

use crate::control::definitions::Described;
use crate::runtime::status::{Progress, Said, common};
use crate::workspace::status::word;
use crate::workspace::trouble::{Unresolved, keep_others};
use crate::workspace::verdicts::Verdict;

/// What a reconcile came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// On the spec; of the store's own and of the election too.
    pub verdict: Verdict,
    /// The hash of what the spec asks for.
    pub content_hash: String,
    /// A Workspace or a Secret that is missing.
    pub unresolved: Option<Unresolved>,
    /// What was seen; `None` where the workspace could not be looked at, or is another's.
    pub seen: Option<Seen>,
}

/// What was seen in the workspace.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The definition as the store has it; `None` where there is none.
    pub described: Option<Described>,
    /// How the receivers fare.
    pub receivers: Vec<ReceiverHealth>,
}

impl Outcome {
    /// Whether the store runs exactly what the spec asks for.
    pub fn runs(&self) -> bool {
        let described = self.seen.as_ref().and_then(|seen| seen.described.as_ref());
        described.is_some_and(|found| {
            found.is_programmed() && found.extras.content_hash == self.content_hash
        })
    }
}

/// The status.
pub fn status(
    object: &AlertManagerConfig,
    outcome: Outcome,
    now: Timestamp,
) -> AlertManagerConfigStatus {
    let before = object.status.clone().unwrap_or_default();
    let mut own = vec![accepted(&outcome.verdict), resolved(&outcome)];
    own.extend(programmed(&outcome));
    let reports = outcome.seen.as_ref().filter(|seen| seen.described.is_some());
    own.extend(reports.map(|seen| healthy(&seen.receivers)));
    let progress = progress(&outcome);
    let generation = object.metadata.generation;
    let mut common = common(Some(&before.common), generation, &progress, own, now);
    let content_hash = Some(outcome.content_hash);
    match outcome.seen {
        None if is_loser(&outcome.verdict) => {
            AlertManagerConfigStatus { common, content_hash, ..Default::default() }
        }
        None => {
            keep_others(&mut common, &before.common);
            AlertManagerConfigStatus { common, content_hash, ..before }
        }
        Some(seen) => AlertManagerConfigStatus {
            common,
            content_hash,
            workspace_id: Some(seen.workspace.to_string()),
            status_code: seen.described.map(|found| word(found.status.status_code)),
            receivers: seen.receivers,
        },
    }
}

/// The verdict on an object that another one keeps out.
pub fn loses_to(winner: &str, workspace: &str) -> Verdict {
    let message = format!(
        "Workspace {workspace} has AlertManagerConfig {winner} already, which is older: one each, \
         so remove one of them"
    );
    Err((LOSER, message))
}

const LOSER: &str = "Conflicted";

fn is_loser(verdict: &Verdict) -> bool {
    matches!(verdict, Err((LOSER, _)))
}

fn accepted(verdict: &Verdict) -> Said {
    match verdict {
        Ok(()) => Said::yes("Accepted", "Accepted", "the definition is valid"),
        Err((reason, message)) => Said::no("Accepted", reason, message.clone()),
    }
}

fn resolved(outcome: &Outcome) -> Said {
    match &outcome.unresolved {
        Some(unresolved) => unresolved.said(),
        None => Said::yes("ResolvedRefs", "Resolved", "the Workspace and every Secret are there"),
    }
}

fn programmed(outcome: &Outcome) -> Option<Said> {
    let no = |reason: &str, message: &str| Some(Said::no("Programmed", reason, message));
    let Some(seen) = &outcome.seen else {
        let message = "another definition is in force";
        return if is_loser(&outcome.verdict) { no("NotAccepted", message) } else { None };
    };
    if outcome.verdict.is_err() || outcome.unresolved.is_some() {
        return match &seen.described {
            Some(_) => no("LastGoodVersion", "the version before this one stays in force"),
            None => no("NotAccepted", "there is no good version to run yet"),
        };
    }
    if outcome.runs() {
        let message = "the store runs this definition";
        return Some(Said::yes("Programmed", "Programmed", message));
    }
    let why = seen.described.as_ref().and_then(|found| found.status.status_reason.as_ref());
    match why {
        Some(why) => no("Failed", &format!("the store says: {why}")),
        None => no("Pending", "the store does not run this definition yet"),
    }
}

fn healthy(receivers: &[ReceiverHealth]) -> Said {
    let failing: Vec<&ReceiverHealth> =
        receivers.iter().filter(|receiver| receiver.health == "failing").collect();
    let Some(first) = failing.first() else {
        return Said::yes("Healthy", "Healthy", "no receiver fails");
    };
    let error = first.last_error.as_deref().unwrap_or("no reason known");
    let message = format!(
        "{} of {} receivers fail; {} ({}): {error}",
        failing.len(),
        receivers.len(),
        first.name,
        first.integration
    );
    Said::no("Healthy", "DeliveryFailing", message)
}

fn progress(outcome: &Outcome) -> Progress {
    if let Err((reason, message)) = &outcome.verdict {
        return Progress::stalled(reason, message.clone());
    }
    if let Some(unresolved) = &outcome.unresolved {
        return unresolved.progress();
    }
    match (&outcome.seen, programmed(outcome)) {
        (Some(seen), _) if outcome.runs() => {
            Progress::ready(format!("workspace {} runs this definition", seen.workspace))
        }
        (_, Some(said)) => Progress::reconciling(&said.reason, said.message),
        (_, None) => Progress::reconciling("Pending", "the store has not been looked at yet"),
    }
}

#[cfg(test)]
mod tests;
