//! Statuses of AlertManagerConfigs, case by case.

use crds::alert_manager_config::AlertManagerConfigSpec;
use crds::references::WorkspaceRef;
use protocol::amp_api::status::{DefinitionExtras, Status};

use super::*;
use crate::runtime::status::{Holds, holds};

fn object() -> AlertManagerConfig {
    let spec = AlertManagerConfigSpec {
        workspace_ref: WorkspaceRef { name: "main".into(), namespace: None },
        definition: String::new(),
    };
    AlertManagerConfig::new("alerts", spec)
}

fn seen(hash: Option<&str>, receivers: Vec<ReceiverHealth>) -> Seen {
    let described = hash.map(|hash| Described {
        status: Status::active(),
        arn: None,
        extras: DefinitionExtras {
            owner: "operator/hearth/team/alerts".into(),
            content_hash: hash.into(),
            programmed_hash: Some(hash.into()),
        },
    });
    Seen { workspace: "ws-1".parse().expect("an id"), described, receivers }
}

fn outcome(verdict: Verdict, unresolved: Option<Unresolved>, seen: Option<Seen>) -> Outcome {
    Outcome { verdict, content_hash: "new".into(), unresolved, seen }
}

fn told(status: &AlertManagerConfigStatus, type_: &str) -> (Option<Holds>, String) {
    let found = status.common.conditions.iter().find(|condition| condition.type_ == type_);
    (holds(&status.common, type_), found.map(|c| c.reason.clone()).unwrap_or_default())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

#[test]
fn a_definition_that_runs_is_ready_and_says_which_receiver_fails() {
    let failing = ReceiverHealth {
        name: "page".into(),
        integration: "webhook".into(),
        health: "failing".into(),
        last_error: Some("refused".into()),
    };
    let found = outcome(Ok(()), None, Some(seen(Some("new"), vec![failing])));
    let status = status(&object(), found, at(1));
    assert_eq!(told(&status, "Ready").0, Some(Holds::True));
    assert_eq!(told(&status, "Healthy"), (Some(Holds::False), "DeliveryFailing".to_owned()));
    assert_eq!(status.receivers.len(), 1);
}

#[test]
fn a_missing_secret_leaves_the_last_good_definition_in_force() {
    let missing = Unresolved::waits("SecretNotFound", "there is no Secret team/hooks");
    let found = outcome(Ok(()), Some(missing), Some(seen(Some("old"), Vec::new())));
    let status = status(&object(), found, at(1));
    assert_eq!(told(&status, "ResolvedRefs"), (Some(Holds::False), "SecretNotFound".to_owned()));
    assert_eq!(told(&status, "Programmed").1, "LastGoodVersion");
    assert_eq!(told(&status, "Ready"), (Some(Holds::False), "SecretNotFound".to_owned()));
}

#[test]
fn the_loser_is_told_who_won_and_claims_nothing() {
    let mut object = object();
    let ran = outcome(Ok(()), None, Some(seen(Some("new"), Vec::new())));
    object.status = Some(status(&object, ran, at(1)));
    let lost = outcome(loses_to("team/first", "team/main"), None, None);
    let status = status(&object, lost, at(2));
    assert_eq!(told(&status, "Accepted"), (Some(Holds::False), "Conflicted".to_owned()));
    assert_eq!(told(&status, "Stalled").0, Some(Holds::True));
    assert_eq!(told(&status, "Programmed"), (Some(Holds::False), "NotAccepted".to_owned()));
    assert_eq!((status.workspace_id, status.receivers.len()), (None, 0));
    let accepted = status.common.conditions.iter().find(|c| c.type_ == "Accepted");
    assert!(accepted.expect("told").message.contains("team/first"));
}
