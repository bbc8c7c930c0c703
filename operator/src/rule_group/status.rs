//! What is told of a RuleGroup.                          (pure)

use crds::rule_group::{RuleGroup, RuleGroupStatus};
use k8s_openapi::jiff::Timestamp;
use protocol::workspace::WorkspaceId;

use crate::control::definitions::Described;
use crate::control::health::RulesHealth;
use crate::runtime::status::{Progress, Said, common};
use crate::workspace::status::word;
use crate::workspace::trouble::{Unresolved, keep_others};
use crate::workspace::verdicts::Verdict;

/// What a reconcile came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// On the spec; of the store's own too, where it was asked.
    pub verdict: Verdict,
    /// The hash of what the spec asks for.
    pub content_hash: String,
    /// What was seen, or what is missing for it.
    pub seen: Result<Seen, Unresolved>,
}

/// What was seen in the workspace.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The namespace as the store has it; `None` where there is none.
    pub described: Option<Described>,
    /// How its rules fare; `None` where none run.
    pub health: Option<RulesHealth>,
}

impl Seen {
    /// Whether the store runs exactly this content.
    pub fn runs(&self, content_hash: &str) -> bool {
        let runs =
            |found: &Described| found.is_programmed() && found.extras.content_hash == content_hash;
        self.described.as_ref().is_some_and(runs)
    }
}

/// The status.
pub fn status(object: &RuleGroup, outcome: Outcome, now: Timestamp) -> RuleGroupStatus {
    let before = object.status.clone().unwrap_or_default();
    let mut own = vec![accepted(&outcome.verdict), resolved(&outcome)];
    if let Ok(seen) = &outcome.seen {
        own.push(programmed(&outcome, seen));
        own.extend(seen.health.as_ref().map(healthy));
    }
    let progress = progress(&outcome);
    let generation = object.metadata.generation;
    let mut common = common(Some(&before.common), generation, &progress, own, now);
    let content_hash = Some(outcome.content_hash);
    match outcome.seen {
        Err(_) => {
            keep_others(&mut common, &before.common);
            RuleGroupStatus { common, content_hash, ..before }
        }
        Ok(Seen { workspace, described, health }) => {
            let status_code = described.as_ref().map(|found| word(found.status.status_code));
            RuleGroupStatus {
                common,
                content_hash,
                workspace_id: Some(workspace.to_string()),
                arn: described.and_then(|found| found.arn),
                status_code,
                rules: health.as_ref().map(|health| health.rules),
                firing: health.as_ref().map(|health| health.firing),
                groups: health.map(|health| health.groups).unwrap_or_default(),
            }
        }
    }
}

fn accepted(verdict: &Verdict) -> Said {
    match verdict {
        Ok(()) => Said::yes("Accepted", "Accepted", "the rules are valid"),
        Err((reason, message)) => Said::no("Accepted", reason, message.clone()),
    }
}

fn resolved(outcome: &Outcome) -> Said {
    match &outcome.seen {
        Ok(seen) => Said::yes("ResolvedRefs", "Resolved", format!("workspace {}", seen.workspace)),
        Err(unresolved) => unresolved.said(),
    }
}

fn programmed(outcome: &Outcome, seen: &Seen) -> Said {
    if outcome.verdict.is_err() {
        let (reason, message) = match &seen.described {
            Some(_) => ("LastGoodVersion", "the version before this one stays in force"),
            None => ("NotAccepted", "there is no good version to run yet"),
        };
        return Said::no("Programmed", reason, message);
    }
    if seen.runs(&outcome.content_hash) {
        return Said::yes("Programmed", "Programmed", "the store runs these rules");
    }
    let why = seen.described.as_ref().and_then(|found| found.status.status_reason.as_ref());
    match why {
        Some(why) => Said::no("Programmed", "Failed", format!("the store says: {why}")),
        None => Said::no("Programmed", "Pending", "the store does not run these rules yet"),
    }
}

fn healthy(health: &RulesHealth) -> Said {
    let failing = health.groups.iter().find_map(|group| Some((group, group.failing.first()?)));
    if let Some((group, rule)) = failing {
        let message = format!(
            "{} of {} rules fail; {} of group {}: {}",
            health.failing, health.rules, rule.rule, group.name, rule.error
        );
        return Said::no("Healthy", "RulesFailing", message);
    }
    if health.groups.iter().any(|group| group.health == "unknown") {
        return Said::unknown("Healthy", "NotEvaluated", "not every rule has been evaluated yet");
    }
    Said::yes("Healthy", "Healthy", "every rule is evaluated without an error")
}

fn progress(outcome: &Outcome) -> Progress {
    if let Err((reason, message)) = &outcome.verdict {
        return Progress::stalled(reason, message.clone());
    }
    match &outcome.seen {
        Err(unresolved) => unresolved.progress(),
        Ok(seen) if seen.runs(&outcome.content_hash) => {
            Progress::ready(format!("workspace {} runs these rules", seen.workspace))
        }
        Ok(seen) => {
            let said = programmed(outcome, seen);
            Progress::reconciling(&said.reason, said.message)
        }
    }
}

#[cfg(test)]
mod tests;
