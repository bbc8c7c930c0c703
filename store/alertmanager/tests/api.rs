//! The API's answers, byte by byte where it matters.

#[path = "virtual_time/double.rs"]
mod double;

use std::sync::Arc;
use std::time::Duration;

use alertmanager::alert::PostableAlert;
use alertmanager::alertmanager::{AlertManager, Options, Ports};
use alertmanager::api::{AlertQuery, ApiError, PostableSilence, SilenceQuery};
use protocol::alertmanager_config::definition::{AmpDefinition, Origin};

use crate::double::{Keys, Life, Scene};

const CONFIG: &str = "
route:
  receiver: inbox
  group_by: [g]
  routes: [{matchers: [team=db], receiver: db, mute_time_intervals: [fridays]}]
receivers:
  - {name: inbox, webhook_configs: [{url: 'http://secret-place/'}]}
  - {name: db}
time_intervals: [{name: fridays, time_intervals: [{weekdays: [friday]}]}]
inhibit_rules:
  - {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [g]}
";

async fn open(life: &Life) -> Arc<AlertManager> {
    let ports = Ports { secrets: Arc::new(Keys), credentials: Arc::new(Keys) };
    let options = Options { version: "1.2.3".to_owned(), ..Options::default() };
    AlertManager::open(life.world.clone(), "ws-1", ports, options).await.expect("an empty journal")
}

fn run(manager: &AlertManager) {
    let definition = AmpDefinition::parse(CONFIG, Origin::Api).expect("good");
    manager.apply(definition, "hash").expect("known zones");
}

async fn post(manager: &AlertManager, json: &str) -> Result<(), ApiError> {
    let alerts: Vec<PostableAlert> = serde_json::from_str(json).expect("JSON of alerts");
    Ok(manager.post_alerts(alerts).await?)
}

fn query(parameters: &[(&str, &str)]) -> AlertQuery {
    AlertQuery::parse(parameters.iter().copied()).expect("a good query")
}

fn names(manager: &AlertManager, parameters: &[(&str, &str)]) -> Vec<String> {
    let found = manager.get_alerts(&query(parameters));
    let mut names: Vec<String> =
        found.into_iter().map(|alert| alert.labels["alertname"].clone()).collect();
    names.sort();
    names
}

const THREE: &str = r#"[
  {"labels":{"alertname":"a","severity":"critical","g":"1"},"generatorURL":"http://p/?a=b&c"},
  {"labels":{"alertname":"b","severity":"warning","g":"1"},"annotations":{"x":"y"}},
  {"labels":{"alertname":"c","team":"db"},"startsAt":"2026-11-20T11:00:00.5+01:00"}]"#;

#[tokio::test(start_paused = true)]
async fn an_alert_is_shown_as_alertmanager_shows_it() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    run(&manager);
    post(&manager, THREE).await.expect("good alerts");
    let shown = serde_json::to_string(&manager.get_alerts(&query(&[("filter", "alertname=a")])));
    assert_eq!(
        shown.expect("JSON"),
        concat!(
            r#"[{"annotations":{},"endsAt":"2026-11-20T12:05:00.000Z","#,
            r#""fingerprint":"6fbbc6b6bff29c77","receivers":[{"name":"inbox"}],"#,
            r#""startsAt":"2026-11-20T12:00:00.000Z","status":{"inhibitedBy":[],"mutedBy":[],"#,
            r#""silencedBy":[],"state":"active"},"updatedAt":"2026-11-20T12:00:00.000Z","#,
            r#""generatorURL":"http://p/?a=b&c","#,
            r#""labels":{"alertname":"a","g":"1","severity":"critical"}}]"#
        )
    );
    let late = &manager.get_alerts(&query(&[("receiver", "d.")]))[0];
    assert_eq!(late.starts_at.to_string(), "2026-11-20T10:00:00.5Z");
}

#[tokio::test(start_paused = true)]
async fn alerts_are_filtered() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    run(&manager);
    post(&manager, THREE).await.expect("good alerts");
    assert_eq!(names(&manager, &[]), ["a", "b", "c"]);
    assert_eq!(names(&manager, &[("inhibited", "false")]), ["a", "c"]);
    assert_eq!(names(&manager, &[("active", "false")]), ["b"]);
    assert_eq!(names(&manager, &[("filter", "severity=~\".+\""), ("filter", "g!=2")]), ["a", "b"]);
    assert_eq!(names(&manager, &[("receiver", "db")]), ["c"]);
    assert_eq!(names(&manager, &[("receiver", "d")]), Vec::<String>::new());
    for wrong in [("active", "perhaps"), ("filter", "a"), ("receiver", "(")] {
        assert_eq!(AlertQuery::parse([wrong]).expect_err("wrong").status(), 400, "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn groups_show_what_mutes_them() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    run(&manager);
    post(&manager, THREE).await.expect("good alerts");
    let groups = serde_json::to_value(manager.get_groups(&query(&[]))).expect("JSON");
    assert_eq!(groups[0]["labels"], serde_json::json!({}));
    assert_eq!(groups[0]["receiver"]["name"], "db");
    assert_eq!(groups[0]["alerts"][0]["status"]["mutedBy"], serde_json::json!(["fridays"]));
    assert_eq!(groups[1]["labels"], serde_json::json!({"g": "1"}));
    assert_eq!(groups[1]["alerts"].as_array().map(Vec::len), Some(2));
    assert_eq!(manager.get_groups(&query(&[("muted", "false")])).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_definition_alerts_are_listed_and_unprocessed() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    post(&manager, THREE).await.expect("good alerts");
    assert_eq!(names(&manager, &[]), ["a", "b", "c"]);
    assert_eq!(names(&manager, &[("unprocessed", "false")]), Vec::<String>::new());
    assert!(manager.get_groups(&query(&[])).is_empty() && manager.get_receivers().is_empty());
    run(&manager);
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(scene.inbox.take(), ["30 firing a"], "the definition came later");
}

#[tokio::test(start_paused = true)]
async fn wrong_alerts_are_told_and_good_ones_taken() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    let two = r#"[{"labels":{}},{"labels":{"alertname":"good"}}]"#;
    let error = post(&manager, two).await.expect_err("one is wrong");
    assert_eq!(error, ApiError::BadRequest("at least one label pair required".to_owned()));
    assert_eq!(names(&manager, &[]), ["good"]);
}

#[tokio::test(start_paused = true)]
async fn silences_live_through_the_api() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    run(&manager);
    post(&manager, THREE).await.expect("good alerts");
    let json = r#"{"matchers":[{"name":"alertname","value":"a|c","isRegex":true}],
        "startsAt":"2026-11-20T11:00:00Z","endsAt":"2026-11-20T13:00:00Z",
        "createdBy":"me","comment":"why"}"#;
    let posted: PostableSilence = serde_json::from_str(json).expect("JSON of a silence");
    let id = manager.post_silence(posted).await.expect("good").silence_id;
    assert_eq!(names(&manager, &[("silenced", "false")]), ["b"]);
    let shown = serde_json::to_string(&manager.get_silence(&id).expect("known")).expect("JSON");
    assert_eq!(
        shown.replace(&id, "ID"),
        concat!(
            r#"{"id":"ID","status":{"state":"active"},"updatedAt":"2026-11-20T12:00:00.000Z","#,
            r#""comment":"why","createdBy":"me","endsAt":"2026-11-20T13:00:00.000Z","#,
            r#""matchers":[{"name":"alertname","value":"a|c","isRegex":true,"isEqual":true}],"#,
            r#""startsAt":"2026-11-20T12:00:00.000Z"}"#
        )
    );
    manager.delete_silence(&id).await.expect("known");
    manager.delete_silence(&id).await.expect("over already");
    assert_eq!(manager.delete_silence("nothing").await, Err(ApiError::NotFound));
    let all = |parameters: &[(&str, &str)]| {
        let query = SilenceQuery::parse(parameters.iter().copied()).expect("good");
        manager.get_silences(&query).len()
    };
    assert_eq!((all(&[]), all(&[("expired", "false")])), (1, 0));
    assert_eq!((all(&[("filter", "alertname=~\"a.*\"")]), all(&[("filter", "x=y")])), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_status_masks_secrets() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life).await;
    run(&manager);
    let status = serde_json::to_value(manager.get_status()).expect("JSON");
    assert_eq!(status["cluster"], serde_json::json!({"peers": [], "status": "disabled"}));
    assert_eq!(status["versionInfo"]["version"], "1.2.3");
    assert_eq!(status["uptime"], "2026-11-20T12:00:00.000Z");
    let original = status["config"]["original"].as_str().expect("a text");
    assert!(!original.contains("secret-place") && original.contains("<secret>"), "{original}");
    let names: Vec<String> = manager.get_receivers().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["inbox", "db"]);
}
