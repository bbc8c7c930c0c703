//! What is told of a Workspace.                          (pure)

use crds::status::RejectedObject;
use crds::workspace::{Workspace, WorkspaceEndpoints, WorkspaceStatus};
use k8s_openapi::jiff::Timestamp;
use protocol::amp_api::configuration::ConfigurationDescription;
use protocol::amp_api::status::StatusCode;
use protocol::amp_api::workspaces::WorkspaceDescription;

use crate::control::configuration::effective_limits;
use crate::runtime::status::{Progress, Said, common};
use crate::workspace::trouble::{Unresolved, keep_others};

/// What was seen of a workspace in its store.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Base URL of the Store.
    pub endpoint: Option<String>,
    /// The workspace.
    pub description: WorkspaceDescription,
    /// How it works.
    pub configuration: ConfigurationDescription,
    /// Why the store did not take what the spec asks for: a word and a sentence.
    pub refused: Option<(&'static str, String)>,
    /// Foreign rules; `None` where none are asked for.
    pub foreign: Option<Foreign>,
}

/// What became of foreign rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Objects in force.
    pub in_force: i64,
    /// Objects left out.
    pub rejected: Vec<RejectedObject>,
    /// Kinds that are asked for and that the cluster does not have.
    pub absent: Vec<&'static str>,
}

/// What a reconcile came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Something it needs is missing.
    Unresolved(Unresolved),
    /// The store refuses even to have it.
    Refused(&'static str, String),
    /// It is there.
    Seen(Box<Seen>),
}

/// The status. What was known stays where nothing new is.
pub fn status(object: &Workspace, outcome: Outcome, now: Timestamp) -> WorkspaceStatus {
    let before = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    let tell = |progress: &Progress, own: Vec<Said>, status: WorkspaceStatus| {
        let mut common = common(Some(&before.common), generation, progress, own, now);
        keep_others(&mut common, &before.common);
        WorkspaceStatus { common, ..status }
    };
    match outcome {
        Outcome::Unresolved(unresolved) => {
            tell(&unresolved.progress(), vec![unresolved.said()], before.clone())
        }
        Outcome::Refused(reason, message) => {
            let said = vec![Said::no("Accepted", reason, message.clone()), resolved()];
            tell(&Progress::stalled(reason, message), said, before.clone())
        }
        Outcome::Seen(seen) => {
            let own = vec![accepted(&seen), resolved_refs(&seen), programmed(&seen)];
            tell(&progress(&seen), own, filled(*seen))
        }
    }
}

fn resolved() -> Said {
    Said::yes("ResolvedRefs", "Resolved", "the Store answers")
}

fn accepted(seen: &Seen) -> Said {
    match &seen.refused {
        Some((reason, message)) => Said::no("Accepted", reason, message.clone()),
        None => Said::yes("Accepted", "Accepted", "the store took the spec"),
    }
}

fn resolved_refs(seen: &Seen) -> Said {
    let absent = seen.foreign.as_ref().map(|foreign| foreign.absent.as_slice()).unwrap_or_default();
    if absent.is_empty() {
        return resolved();
    }
    let message = format!(
        "the Store answers; spec.rules asks for {}, which the cluster does not have: its rules \
         are taken in as soon as it does",
        absent.join(" and ")
    );
    Said::yes("ResolvedRefs", "KindAbsent", message)
}

/// Whether the data plane runs the configuration.
pub fn is_programmed(seen: &Seen) -> bool {
    match &seen.configuration.hearth {
        Some(extras) => {
            extras.programmed_hash.is_some() && extras.programmed_hash == extras.content_hash
        }
        None => seen.configuration.status.status_code == StatusCode::Active,
    }
}

fn programmed(seen: &Seen) -> Said {
    if seen.refused.is_some() {
        let message = "the store runs what it was told before";
        return Said::no("Programmed", "LastGoodVersion", message);
    }
    if is_programmed(seen) {
        return Said::yes("Programmed", "Programmed", "the store runs this configuration");
    }
    let reason = seen.configuration.status.status_reason.clone();
    match reason.or_else(|| seen.description.status.status_reason.clone()) {
        Some(reason) => Said::no("Programmed", "Failed", format!("the store says: {reason}")),
        None => Said::no("Programmed", "Pending", "the store does not run it yet"),
    }
}

fn progress(seen: &Seen) -> Progress {
    if let Some((reason, message)) = &seen.refused {
        return Progress::stalled(reason, message.clone());
    }
    if is_programmed(seen) {
        return Progress::ready(format!("workspace {} runs", seen.description.workspace_id));
    }
    let said = programmed(seen);
    Progress::reconciling(&said.reason, said.message)
}

fn filled(seen: Seen) -> WorkspaceStatus {
    let Seen { endpoint, description, configuration, refused: _, foreign } = seen;
    let id = description.workspace_id.to_string();
    let endpoints = endpoint.map(|base| endpoints(&base, &id));
    let query = endpoints.as_ref().map(|endpoints| format!("{}/", endpoints.query));
    let foreign_rules = foreign.as_ref().map(|foreign| foreign.in_force);
    WorkspaceStatus {
        workspace_id: Some(id),
        arn: Some(description.arn),
        status_code: Some(word(description.status.status_code)),
        prometheus_endpoint: query.or(description.prometheus_endpoint),
        endpoints,
        effective_limits: effective_limits(&configuration),
        foreign_rules,
        rejected: foreign.map(|foreign| foreign.rejected).unwrap_or_default(),
        ..WorkspaceStatus::default()
    }
}

fn endpoints(base: &str, id: &str) -> WorkspaceEndpoints {
    let workspace = format!("{base}/workspaces/{id}");
    WorkspaceEndpoints {
        remote_write: format!("{workspace}/api/v1/remote_write"),
        alertmanager: format!("{workspace}/alertmanager"),
        query: workspace,
    }
}

/// AMP's word for a status.
pub fn word(code: StatusCode) -> String {
    let word = match code {
        StatusCode::Creating => "CREATING",
        StatusCode::Active => "ACTIVE",
        StatusCode::Updating => "UPDATING",
        StatusCode::Deleting => "DELETING",
        StatusCode::CreationFailed => "CREATION_FAILED",
        StatusCode::UpdateFailed => "UPDATE_FAILED",
        StatusCode::DeletionFailed => "DELETION_FAILED",
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use crds::workspace::WorkspaceSpec;
    use protocol::amp_api::configuration::ConfigurationExtras;
    use protocol::amp_api::scalars::EpochSeconds;
    use protocol::amp_api::status::Status;
    use protocol::amp_api::tags::Tags;

    use super::*;
    use crate::runtime::status::{Holds, holds};

    fn seen(programmed: &str) -> Seen {
        Seen {
            endpoint: Some("https://main-store.team.svc:9090".into()),
            description: WorkspaceDescription {
                workspace_id: "ws-1".parse().expect("an id"),
                alias: None,
                arn: "arn:ws-1".into(),
                status: Status::active(),
                prometheus_endpoint: None,
                created_at: EpochSeconds::default(),
                tags: Tags::new(),
                hearth: None,
            },
            configuration: ConfigurationDescription {
                status: Status::active(),
                limits_per_label_set: Vec::new(),
                retention_period_in_days: Some(150),
                out_of_order_time_window_in_seconds: Some(60),
                rule_query_offset_in_seconds: 0,
                hearth: Some(ConfigurationExtras {
                    content_hash: Some("a".into()),
                    programmed_hash: Some(programmed.into()),
                    ..ConfigurationExtras::default()
                }),
            },
            refused: None,
            foreign: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_workspace_that_runs_says_where() {
        let object = Workspace::new("main", WorkspaceSpec::default());
        let status = status(&object, Outcome::Seen(Box::new(seen("a"))), at(1));
        assert_eq!(holds(&status.common, "Ready"), Some(Holds::True));
        let endpoints = status.endpoints.expect("told");
        let base = "https://main-store.team.svc:9090/workspaces/ws-1";
        assert_eq!(endpoints.query, base);
        assert_eq!(endpoints.remote_write, format!("{base}/api/v1/remote_write"));
        assert_eq!(status.prometheus_endpoint, Some(format!("{base}/")));
        assert_eq!(status.effective_limits["activeSeries"], 10_000_000);
        assert_eq!(status.status_code.as_deref(), Some("ACTIVE"));
    }

    #[test]
    fn another_hash_is_on_its_way_and_a_refusal_is_stuck() {
        let object = Workspace::new("main", WorkspaceSpec::default());
        let pending = status(&object, Outcome::Seen(Box::new(seen("b"))), at(1));
        assert_eq!(holds(&pending.common, "Reconciling"), Some(Holds::True));
        let refused = Some(("Invalid", "there is no limit \"serie\"".to_owned()));
        let outcome = Outcome::Seen(Box::new(Seen { refused, ..seen("a") }));
        let stuck = status(&object, outcome, at(1));
        assert_eq!(holds(&stuck.common, "Stalled"), Some(Holds::True));
        assert_eq!(holds(&stuck.common, "Programmed"), Some(Holds::False));
    }

    #[test]
    fn a_store_that_goes_away_takes_nothing_that_was_known() {
        let mut object = Workspace::new("main", WorkspaceSpec::default());
        object.status = Some(status(&object, Outcome::Seen(Box::new(seen("a"))), at(1)));
        let unresolved = Unresolved::waits("StoreNotReady", "Store team/main does not answer yet");
        let later = status(&object, Outcome::Unresolved(unresolved), at(2));
        assert_eq!(later.workspace_id.as_deref(), Some("ws-1"));
        assert!(later.endpoints.is_some());
        assert_eq!(holds(&later.common, "ResolvedRefs"), Some(Holds::False));
    }
}
