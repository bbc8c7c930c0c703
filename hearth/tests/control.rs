//! The control code of operator and `up`, against a real store.

#[path = "../src/up/in_process.rs"]
mod in_process;
#[path = "support/real_store.rs"]
mod real_store;

use std::collections::BTreeMap;

use crds::workspace::WorkspaceSpec;
use operator::control::definitions;
use operator::control::error::ControlError;
use operator::control::prune::{Keep, prune_contents};
use operator::control::{configuration, health, secrets, workspaces};
use protocol::workspace::WorkspaceId;

use crate::real_store::RealStore;

const OWNER: &str = "operator/hearth/team/main";
const RULES: &str = "groups: [{name: a, interval: 1h, rules: [{record: one, expr: '1'}]}]";
const DEFINITION: &str = "alertmanager_config: |
  route: {receiver: inbox}
  receivers: [{name: inbox, webhook_configs: [{url: 'secret://hooks/url'}]}]
";

fn spec(text: &str) -> WorkspaceSpec {
    serde_json::from_str(text).expect("a spec")
}

async fn made(store: &RealStore) -> WorkspaceId {
    let client = store.client(OWNER);
    workspaces::create(&client, &WorkspaceSpec::default(), None).await.expect("made")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_made_once_found_by_its_owner_and_settled_without_a_further_write() {
    let store = RealStore::start().await;
    let client = store.client(OWNER);
    let spec = spec(
        r#"{"alias": "shop", "tags": {"a": "1"}, "limits": {"activeSeries": 7},
            "retention": "unlimited", "outOfOrderTimeWindowInSeconds": 300,
            "features": ["promql-delayed-name-removal"],
            "limitsPerLabelSet": [{"labelSet": {}, "limits": {"maxSeries": 5}}]}"#,
    );
    let token = Some("the-same".to_owned());
    let id = workspaces::create(&client, &spec, token.clone()).await.expect("made");
    assert_eq!(workspaces::create(&client, &spec, token).await.expect("the same"), id);
    let existing = workspaces::list(&client).await.expect("listed");
    let found = workspaces::find(&spec, OWNER, &existing).expect("no id").expect("found");
    assert_eq!(found.workspace_id, id);
    workspaces::settle(&client, &id, &spec, Some(found)).await.expect("settled");
    let now = workspaces::configuration(&client, &id).await.expect("there");
    assert_eq!(configuration::effective_limits(&now)["activeSeries"], 7);
    store.transport.writes();
    let found = workspaces::describe(&client, &id).await.expect("told").expect("there");
    workspaces::settle(&client, &id, &spec, Some(&found)).await.expect("settled again");
    assert_eq!(store.transport.writes(), 0, "the second round changes nothing");
    let empty = WorkspaceSpec::default();
    workspaces::settle(&client, &id, &empty, Some(&found)).await.expect("back to defaults");
    let now = workspaces::configuration(&client, &id).await.expect("there");
    assert_eq!(configuration::configuration_patch(&empty, &now), None);
    assert_eq!(configuration::effective_limits(&now)["activeSeries"], 10_000_000);
    assert_eq!(now.retention_period_in_days, Some(150));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_workspace_is_taken_over_from_the_api_and_never_from_another_owner() {
    let store = RealStore::start().await;
    let api = store.client("api");
    let id = workspaces::create(&api, &WorkspaceSpec::default(), None).await.expect("made");
    let spec = spec(&format!(r#"{{"workspaceId": "{id}", "alias": "mine"}}"#));
    for (owner, taken) in [(OWNER, true), ("operator/hearth/other/main", false)] {
        let client = store.client(owner);
        let existing = workspaces::list(&client).await.expect("listed");
        let found = workspaces::find(&spec, owner, &existing).expect("it is there");
        let settled = workspaces::settle(&client, &id, &spec, found).await;
        if taken {
            settled.expect("taken over");
            let alias = spec.alias.clone();
            let now = workspaces::describe(&client, &id).await.expect("told").expect("there");
            assert_eq!((now.alias.clone(), workspaces::owner_of(&now)), (alias, OWNER));
        } else {
            // Nothing differs but the owner, so a change shows it.
            let other = WorkspaceSpec { alias: Some("stolen".into()), ..spec.clone() };
            let settled = workspaces::settle(&client, &id, &other, found).await;
            match settled.expect_err("refused") {
                ControlError::Conflict { owner, .. } => assert_eq!(owner.as_deref(), Some(OWNER)),
                error => panic!("{error}"),
            }
        }
    }
    let absent = WorkspaceSpec { workspace_id: Some("ws-none".into()), ..WorkspaceSpec::default() };
    let none = workspaces::find(&absent, OWNER, &[]).expect_err("not there");
    assert!(none.to_string().contains("ws-none"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_run_at_once_and_say_whose_they_are() {
    let store = RealStore::start().await;
    let (id, client) = (made(&store).await, store.client("operator/hearth/team/rules"));
    assert!(definitions::put_rules(&client, &id, "team-rules", RULES).await.expect("put"));
    assert!(!definitions::put_rules(&client, &id, "team-rules", RULES).await.expect("the same"));
    let found = definitions::describe_rules(&client, &id, "team-rules").await.expect("told");
    let found = found.expect("there");
    assert!(found.is_programmed());
    assert_eq!(found.extras.content_hash, definitions::content_hash(RULES));
    let health = health::rules(&client, &id, "team-rules").await.expect("told");
    assert_eq!((health.rules, health.groups.len()), (1, 1));
    let other = store.client("operator/hearth/team/other");
    let refused = definitions::put_rules(&other, &id, "team-rules", "groups: []").await;
    match refused.expect_err("somebody else's") {
        ControlError::Conflict { owner, message } => {
            assert_eq!(owner.as_deref(), Some(client.owner()));
            assert!(message.contains("team-rules"), "{message}");
        }
        error => panic!("{error}"),
    }
    let bad = RULES.replace("'1'", "'sum('");
    match definitions::put_rules(&client, &id, "team-rules", &bad).await.expect_err("bad") {
        ControlError::Invalid { fields, .. } => {
            assert!(fields[0].message.contains("groups[0].rules[0].expr"), "{fields:?}");
        }
        error => panic!("{error}"),
    }
    let found = definitions::describe_rules(&client, &id, "team-rules").await.expect("told");
    assert!(found.expect("the good version").is_programmed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_with_a_secret_runs_and_never_shows_it() {
    let store = RealStore::start().await;
    let (id, client) = (made(&store).await, store.client("operator/hearth/team/alerts"));
    let values = BTreeMap::from([("url".to_owned(), b"http://127.0.0.1:1/x".to_vec())]);
    secrets::put(&client, &id, "hooks", &values).await.expect("put");
    assert!(definitions::put_alert_manager(&client, &id, DEFINITION).await.expect("put"));
    assert!(!definitions::put_alert_manager(&client, &id, DEFINITION).await.expect("the same"));
    let found = definitions::describe_alert_manager(&client, &id).await.expect("told");
    assert!(found.expect("there").is_programmed());
    let receivers = health::receivers(&client, &id).await.expect("told");
    assert!(receivers.iter().all(|one| one.health == "unknown"), "{receivers:?}");
    secrets::delete(&client, &id, "hooks").await.expect("removed");
    secrets::delete(&client, &id, "hooks").await.expect("removed already");
    definitions::delete_alert_manager(&client, &id).await.expect("removed");
    let found = definitions::describe_alert_manager(&client, &id).await.expect("told");
    assert_eq!(found, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_removes_what_is_ours_and_unasked_and_nothing_else() {
    let store = RealStore::start().await;
    let id = made(&store).await;
    for (owner, name) in [
        ("operator/hearth/team/kept", "kept"),
        ("operator/hearth/team/gone", "gone"),
        ("operator/other/team/gone", "foreign"),
        ("api", "by-hand"),
    ] {
        definitions::put_rules(&store.client(owner), &id, name, RULES).await.expect("put");
    }
    let alerts = store.client("operator/hearth/team/alerts");
    definitions::put_alert_manager(
        &alerts,
        &id,
        &DEFINITION.replace("secret://hooks/url", "http://x"),
    )
    .await
    .expect("put");
    let keep = Keep { rules: ["kept".to_owned()].into(), alert_manager: false };
    let ours = |owner: &str| owner.starts_with("operator/hearth/");
    let client = store.client(OWNER);
    let pruned = prune_contents(&client, &id, ours, &keep).await.expect("pruned");
    assert_eq!((pruned.rules, pruned.alert_manager), (vec!["gone".to_owned()], true));
    let left = definitions::list_rules(&client, &id).await.expect("listed");
    let left: Vec<_> = left.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(left, ["by-hand", "foreign", "kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_unreachable_and_nothing_else() {
    let store = RealStore::start().await;
    let (id, client) = (made(&store).await, store.client(OWNER));
    store.transport.set_away(true);
    let told = workspaces::describe(&client, &id).await.expect_err("away");
    assert_eq!(told.reason(), "StoreUnreachable");
    assert!(told.passes());
    store.transport.set_away(false);
    assert!(workspaces::describe(&client, &id).await.expect("back").is_some());
}
