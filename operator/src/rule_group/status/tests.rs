//! Statuses of RuleGroups, case by case.

use crds::references::WorkspaceRef;
use crds::rule_group::{FailingRule, GroupHealth, RuleGroupSpec};
use protocol::amp_api::status::{DefinitionExtras, Status};

use super::*;
use crate::runtime::status::{Holds, holds};

fn object() -> RuleGroup {
    let spec = RuleGroupSpec {
        workspace_ref: WorkspaceRef { name: "main".into(), namespace: None },
        namespace_name: None,
        groups: Vec::new(),
        configuration: Some("groups: []".into()),
        tests: Vec::new(),
    };
    let mut object = RuleGroup::new("rules", spec);
    object.metadata.generation = Some(2);
    object
}

fn described(content: &str, programmed: &str) -> Described {
    Described {
        status: Status::active(),
        arn: Some("arn:rules".into()),
        extras: DefinitionExtras {
            owner: "operator/hearth/team/rules".into(),
            content_hash: content.into(),
            programmed_hash: Some(programmed.into()),
        },
    }
}

fn outcome(verdict: Verdict, described: Option<Described>) -> Outcome {
    let workspace = "ws-1".parse().expect("an id");
    let health = described.as_ref().map(|_| RulesHealth { rules: 3, ..RulesHealth::default() });
    Outcome { verdict, content_hash: "new".into(), seen: Ok(Seen { workspace, described, health }) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn told(status: &RuleGroupStatus, type_: &str) -> (Option<Holds>, String) {
    let found = status.common.conditions.iter().find(|condition| condition.type_ == type_);
    (holds(&status.common, type_), found.map(|c| c.reason.clone()).unwrap_or_default())
}

#[test]
fn programmed_means_that_exactly_this_content_runs() {
    let runs = status(&object(), outcome(Ok(()), Some(described("new", "new"))), at(1));
    assert_eq!(told(&runs, "Programmed").0, Some(Holds::True));
    assert_eq!(told(&runs, "Ready").0, Some(Holds::True));
    assert_eq!(runs.arn.as_deref(), Some("arn:rules"));
    for (content, programmed) in [("new", "old"), ("old", "old")] {
        let found = outcome(Ok(()), Some(described(content, programmed)));
        let waits = status(&object(), found, at(1));
        assert_eq!(told(&waits, "Programmed"), (Some(Holds::False), "Pending".to_owned()));
        assert_eq!(told(&waits, "Reconciling").0, Some(Holds::True));
    }
}

#[test]
fn a_bad_version_leaves_the_good_one_in_force_and_says_so() {
    let bad = Err(("Invalid", "spec.groups[0].rules[1].expr: unexpected end".to_owned()));
    let stuck = status(&object(), outcome(bad.clone(), Some(described("old", "old"))), at(1));
    assert_eq!(told(&stuck, "Accepted"), (Some(Holds::False), "Invalid".to_owned()));
    assert_eq!(told(&stuck, "Programmed").1, "LastGoodVersion");
    assert_eq!(told(&stuck, "Stalled").0, Some(Holds::True));
    assert_eq!(stuck.rules, Some(3), "the rules of the good version");
    let first = status(&object(), outcome(bad, None), at(1));
    assert_eq!(told(&first, "Programmed").1, "NotAccepted");
}

#[test]
fn what_was_known_outlives_a_reference_that_breaks() {
    let mut object = object();
    object.status = Some(status(&object, outcome(Ok(()), Some(described("new", "new"))), at(1)));
    let seen = Err(Unresolved::waits("WorkspaceNotFound", "there is no Workspace team/main"));
    let broken = Outcome { verdict: Ok(()), content_hash: "new".into(), seen };
    let later = status(&object, broken, at(2));
    assert_eq!(told(&later, "ResolvedRefs").1, "WorkspaceNotFound");
    assert_eq!(told(&later, "Ready").0, Some(Holds::False));
    assert_eq!(told(&later, "Programmed").0, Some(Holds::True), "it runs on");
    assert_eq!((later.workspace_id.as_deref(), later.rules), (Some("ws-1"), Some(3)));
}

#[test]
fn a_failing_rule_is_unhealthy_but_ready() {
    let mut found = outcome(Ok(()), Some(described("new", "new")));
    let rule = FailingRule { rule: "job:x".into(), error: "many-to-many".into() };
    let group =
        GroupHealth { name: "a".into(), rules: 3, health: "err".into(), failing: vec![rule] };
    let health = RulesHealth { rules: 3, failing: 1, groups: vec![group], firing: 0 };
    found.seen.as_mut().expect("seen").health = Some(health);
    let status = status(&object(), found, at(1));
    assert_eq!(told(&status, "Healthy"), (Some(Holds::False), "RulesFailing".to_owned()));
    assert_eq!(told(&status, "Ready").0, Some(Holds::True));
    let message = &status.common.conditions.iter().find(|c| c.type_ == "Healthy");
    let message = &message.expect("told").message;
    assert!(message.contains("1 of 3 rules fail; job:x of group a: many-to-many"), "{message}");
}
