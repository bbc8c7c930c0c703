//! A whole alert manager under virtual time.

#[path = "virtual_time/double.rs"]
mod double;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alertmanager::alert::{PostableAlert, timestamp};
use alertmanager::alertmanager::{AlertManager, Options, Ports};
use alertmanager::silence::{SilenceMatcher, SilenceRequest};
use protocol::alertmanager_config::definition::{AmpDefinition, Origin};

use crate::double::{Keys, Life, START_MS, Scene};

const CONFIG: &str = "
route: {receiver: inbox, group_by: [g], group_wait: 10s, group_interval: 1m, repeat_interval: 5m}
receivers:
  - name: inbox
    webhook_configs: [{url: 'secret://hooks/url'}]
inhibit_rules:
  - {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [g]}
";

async fn open(life: &Life, config: &str) -> Arc<AlertManager> {
    let ports = Ports { secrets: Arc::new(Keys), credentials: Arc::new(Keys) };
    let options = Options { external_url: "http://hearth".to_owned(), ..Options::default() };
    let opened = AlertManager::open(life.world.clone(), "ws-1", ports, options).await;
    let manager = opened.expect("the journal is readable");
    let definition = AmpDefinition::parse(config, Origin::Api).expect("a good definition");
    manager.apply(definition, "hash").expect("known zones");
    manager
}

/// An alert `name` in group 1, from now on; over now where `over`.
fn alert(scene: &Scene, name: &str, severity: &str, over: bool) -> PostableAlert {
    let labels = [("alertname", name), ("severity", severity), ("g", "1")];
    let now = timestamp(START_MS + (scene.now_s() * 1000.0) as i64);
    PostableAlert {
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ends_at: over.then_some(now),
        ..PostableAlert::default()
    }
}

async fn fire(manager: &AlertManager, scene: &Scene, name: &str) {
    let alerts = vec![alert(scene, name, "none", false)];
    manager.post_alerts(alerts).await.expect("a good alert");
}

async fn resolve(manager: &AlertManager, scene: &Scene, name: &str) {
    manager.post_alerts(vec![alert(scene, name, "none", true)]).await.expect("a good alert");
}

/// Lets time pass, the alerts reported again each half minute as rulers do.
async fn pass(manager: &AlertManager, scene: &Scene, seconds: u64, firing: &[&str]) {
    let end = scene.now_s() + seconds as f64;
    while scene.now_s() < end {
        for name in firing {
            fire(manager, scene, name).await;
        }
        let step = (end - scene.now_s()).min(30.0);
        tokio::time::sleep(Duration::from_secs_f64(step)).await;
    }
}

fn silence(value: &str, start_s: i64, end_s: i64) -> SilenceRequest {
    SilenceRequest {
        id: None,
        matchers: vec![SilenceMatcher {
            name: "alertname".to_owned(),
            value: value.to_owned(),
            is_regex: false,
            is_equal: true,
        }],
        starts_at: timestamp(START_MS + start_s * 1000),
        ends_at: timestamp(START_MS + end_s * 1000),
        created_by: "me".to_owned(),
        comment: "works".to_owned(),
        annotations: [].into(),
    }
}

#[tokio::test(start_paused = true)]
async fn waits_intervals_and_repeats_are_exact() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 5, &["a"]).await;
    fire(&manager, &scene, "b").await;
    pass(&manager, &scene, 15, &["a", "b"]).await;
    assert_eq!(scene.inbox.take(), ["10 firing a,b"]);
    fire(&manager, &scene, "c").await;
    pass(&manager, &scene, 100, &["a", "b", "c"]).await;
    assert_eq!(scene.inbox.take(), ["70 firing a,b,c"]);
    pass(&manager, &scene, 600, &["a", "b", "c"]).await;
    assert_eq!(scene.inbox.take(), ["370 firing a,b,c", "670 firing a,b,c"]);
}

#[tokio::test(start_paused = true)]
async fn resolutions_are_told_and_groups_begin_anew() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    fire(&manager, &scene, "a").await;
    fire(&manager, &scene, "b").await;
    pass(&manager, &scene, 30, &["a", "b"]).await;
    resolve(&manager, &scene, "a").await;
    pass(&manager, &scene, 60, &["b"]).await;
    resolve(&manager, &scene, "b").await;
    pass(&manager, &scene, 300, &[]).await;
    assert_eq!(scene.inbox.take(), ["10 firing a,b", "70 firing -a,b", "130 resolved -b"]);
    // A ruler repeats resolutions for a quarter of an hour: nobody hears of them again.
    resolve(&manager, &scene, "b").await;
    pass(&manager, &scene, 120, &[]).await;
    assert_eq!(scene.inbox.take(), Vec::<String>::new());
    fire(&manager, &scene, "b").await;
    pass(&manager, &scene, 30, &["b"]).await;
    assert_eq!(scene.inbox.take(), ["520 firing b"]);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_nobody_reports_again_ends() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 400, &[]).await;
    assert_eq!(scene.inbox.take(), ["10 firing a", "310 resolved -a"]);
}

#[tokio::test(start_paused = true)]
async fn the_webhook_is_told_by_its_secret_url_with_a_key() {
    let scene = Scene::new();
    let life = scene.start();
    let config = CONFIG.replace(
        "'secret://hooks/url'",
        "'secret://hooks/url', http_config: {authorization: {credentials: 'secret://hooks/token'}}",
    );
    let manager = open(&life, &config).await;
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 20, &["a"]).await;
    let seen = scene.inbox.all();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].request.url, "http://inbox/secret-path");
    assert_eq!(seen[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("idempotency-key").map(str::len), Some(64));
    let json = seen[0].json();
    assert_eq!(json["groupKey"], "{}:{g=\"1\"}");
    assert_eq!(json["externalURL"], "http://hearth");
    assert_eq!(json["notification_reason"], "first notification");
    assert_eq!(json["alerts"][0]["startsAt"], "2026-11-20T12:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_silence_mutes_while_it_lasts() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    manager.set_silence(silence("a", 0, 100)).await.expect("a good silence");
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 200, &["a"]).await;
    assert_eq!(scene.inbox.take(), ["130 firing a"]);
}

#[tokio::test(start_paused = true)]
async fn a_firing_source_inhibits() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    let warning = alert(&scene, "w", "warning", false);
    let critical = alert(&scene, "c", "critical", false);
    manager.post_alerts(vec![warning.clone(), critical]).await.expect("good alerts");
    pass(&manager, &scene, 30, &[]).await;
    let over = alert(&scene, "c", "critical", true);
    manager.post_alerts(vec![warning, over]).await.expect("good alerts");
    pass(&manager, &scene, 60, &[]).await;
    assert_eq!(scene.inbox.take(), ["10 firing c", "70 firing -c,w"]);
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_server_are_retried_and_of_ours_are_not() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    scene.inbox.answer(&[500, 503, 200]);
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 60, &["a"]).await;
    let seen = scene.inbox.all();
    assert_eq!(seen.iter().map(|one| one.status).collect::<Vec<_>>(), [500, 503, 200]);
    assert!(seen[0].at_s == 10.0 && seen[2].at_s < 13.0, "{:?}", scene.inbox.lines());
    let keys: Vec<_> = seen.iter().map(|one| one.header("idempotency-key")).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "one message, one key");
    scene.inbox.take();
    scene.inbox.answer(&[400]);
    fire(&manager, &scene, "b").await;
    pass(&manager, &scene, 59, &["a", "b"]).await;
    assert_eq!(scene.inbox.take(), ["70 firing a,b"], "a refusal is final for this flush");
    let health = manager.delivery_health();
    let (destination, health) = health.first_key_value().expect("one receiver");
    assert_eq!((destination.receiver.as_str(), destination.integration), ("inbox", "webhook"));
    assert_eq!((health.delivered, health.failed), (1, 1));
    assert!(health.last_failure.as_deref().is_some_and(|why| why.contains("400")));
    pass(&manager, &scene, 60, &["a", "b"]).await;
    assert_eq!(scene.inbox.take(), ["130 firing a,b"], "the next flush tries anew");
}

#[tokio::test(start_paused = true)]
async fn a_restart_repeats_nothing_and_keeps_the_timers() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    manager.set_silence(silence("s", 0, 100_000)).await.expect("a good silence");
    fire(&manager, &scene, "a").await;
    fire(&manager, &scene, "s").await;
    pass(&manager, &scene, 25, &["a", "s"]).await;
    assert_eq!(scene.inbox.take(), ["10 firing a"]);
    life.crash();
    // Nobody reports anything for a while: nothing is told as over, nothing leaks.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    pass(&manager, &scene, 100, &[]).await;
    assert_eq!(scene.inbox.take(), Vec::<String>::new());
    fire(&manager, &scene, "b").await;
    pass(&manager, &scene, 60, &["a", "b", "s"]).await;
    assert_eq!(scene.inbox.take(), ["190 firing a,b"], "in step with the flushes before");
}

#[tokio::test(start_paused = true)]
async fn a_resolution_from_before_the_restart_is_told() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 20, &["a"]).await;
    resolve(&manager, &scene, "a").await;
    life.crash();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    pass(&manager, &scene, 200, &[]).await;
    assert_eq!(scene.inbox.take(), ["10 firing a", "70 resolved -a"]);
    life.crash();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    pass(&manager, &scene, 600, &[]).await;
    assert_eq!(scene.inbox.take(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_message_cut_off_by_a_crash_is_told_again_with_its_key() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    scene.inbox.mute.store(true, Ordering::Relaxed);
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 15, &["a"]).await;
    life.crash();
    scene.inbox.mute.store(false, Ordering::Relaxed);
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    pass(&manager, &scene, 30, &["a"]).await;
    let seen = scene.inbox.all();
    assert_eq!(scene.inbox.lines(), ["10 firing a", "15 firing a"]);
    assert_eq!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_acknowledged_only_when_durable() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    scene.log.failing.store(true, Ordering::Relaxed);
    let failed = manager.set_silence(silence("a", 0, 1000)).await;
    assert!(failed.is_err_and(|error| error.to_string().contains("not durable")));
    // Alerting goes on without the log.
    let _ = manager.post_alerts(vec![alert(&scene, "b", "none", false)]).await;
    pass(&manager, &scene, 20, &[]).await;
    assert_eq!(scene.inbox.take(), ["10 firing b"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_definition_keeps_the_groups_whose_route_stays() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 20, &["a"]).await;
    let wider = CONFIG.replace(
        "repeat_interval: 5m}",
        "repeat_interval: 5m, routes: [{matchers: [alertname=z], receiver: inbox}]}",
    );
    let definition = AmpDefinition::parse(&wider, Origin::Api).expect("good");
    manager.apply(definition, "hash-2").expect("known zones");
    assert_eq!(manager.programmed_hash().as_deref(), Some("hash-2"));
    fire(&manager, &scene, "b").await;
    pass(&manager, &scene, 60, &["a", "b"]).await;
    assert_eq!(scene.inbox.take(), ["10 firing a", "70 firing a,b"]);
    manager.remove_definition();
    fire(&manager, &scene, "c").await;
    pass(&manager, &scene, 600, &["a", "b", "c"]).await;
    assert_eq!(scene.inbox.take(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_journal_is_written_anew_and_trimmed() {
    let scene = Scene::new();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    fire(&manager, &scene, "a").await;
    pass(&manager, &scene, 20, &["a"]).await;
    for round in 0..3000 {
        let mut changed = alert(&scene, "b", "none", false);
        changed.annotations = [("round".to_owned(), round.to_string())].into();
        manager.post_alerts(vec![changed]).await.expect("good");
        let mut other = alert(&scene, "c", "none", false);
        other.annotations = [("round".to_owned(), round.to_string())].into();
        manager.post_alerts(vec![other]).await.expect("good");
    }
    assert!(scene.log.len() > 6000);
    pass(&manager, &scene, 60, &["a", "b", "c"]).await;
    assert!(scene.log.len() < 50, "trimmed to {}", scene.log.len());
    assert!(scene.log.texts()[0].contains("snapshot_begin"));
    assert_eq!(scene.inbox.take(), ["10 firing a", "70 firing a,b,c"]);
    life.crash();
    let life = scene.start();
    let manager = open(&life, CONFIG).await;
    pass(&manager, &scene, 100, &["a"]).await;
    assert_eq!(scene.inbox.take(), Vec::<String>::new(), "all three were told before the crash");
}
