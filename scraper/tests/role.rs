//! The role against a double of the API server.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/running_role.rs"]
mod running_role;
#[path = "support/exporter_and_inbox.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use protocol::collector_report::CollectorReport;
use protocol::sample::is_stale_nan;
use running_role::{Object, Start, api_server, scraper, serve, spec, store};
use serde_json::{Value, json};
use support::{Exporter, Inbox, Reply};
use tokio::sync::Notify;

fn spec_of(exporter: SocketAddr) -> Value {
    spec(&format!("{{job_name: app, static_configs: [{{targets: ['{exporter}']}}]}}"))
}

#[tokio::test]
async fn a_scraper_is_followed_and_the_last_good_one_stays() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let inbox = Arc::new(Inbox::default());
    let store = store(Arc::clone(&inbox)).await;
    let object = Arc::new(Object::new(scraper(1, spec_of(exporter.address))));
    let api = api_server(Arc::clone(&object)).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Start::new(&api, store, folder.path()).run(|_| {});

    running.until("the first generation", |r| r.generation == 1 && r.active == 1).await;
    inbox.until("a sample", |inbox| !inbox.samples().is_empty()).await;
    running.is_ready().await;
    assert_eq!(running.ask("/status", None).await.unwrap().0, 401);
    assert_eq!(running.ask("/status", Some("bad")).await.unwrap().0, 401);
    assert_eq!(running.ask("/status", Some("stranger")).await.unwrap().0, 403);
    let metrics = running.ask("/metrics", None).await.unwrap().1;
    assert!(metrics.contains("hearth_collector_targets 1\n"), "{metrics}");

    let mut bad = spec_of(exporter.address);
    bad["scrapeConfiguration"] = json!("scrape_configs: [{job_name: a, bearer_token_file: /x}]");
    object.send_replace(scraper(2, bad));
    let refused = |r: &CollectorReport| r.refused.as_deref().is_some_and(|r| r.contains("/x"));
    running.until("the refusal", |r| refused(r) && r.generation == 1 && r.active == 1).await;

    let mut good = spec_of(exporter.address);
    good["monitors"] = json!({"podMonitors": {}});
    object.send_replace(scraper(3, good));
    running
        .until("the missing kind", |r| {
            let told = r.rejected.iter().any(|one| one.kind == "PodMonitor");
            told && r.generation == 3 && r.refused.is_none() && r.active == 1
        })
        .await;
    running.end().await;
    // The collector will be back, or another one takes its targets: nothing has ended.
    let ended = |samples: &[(i64, f64)]| samples.iter().any(|sample| is_stale_nan(sample.1));
    assert!(!inbox.samples().iter().any(|(_, samples)| ended(samples)));

    // Nobody answers: what is remembered runs.
    let silent =
        Start { verdicts: false, ..Start::new("http://127.0.0.1:9", store, folder.path()) };
    let running = silent.run(|_| {});
    running.is_ready().await;
    let metrics = running.ask("/metrics", None).await.unwrap().1;
    assert!(metrics.contains("hearth_collector_generation 3\n"), "{metrics}");
    assert_eq!(running.ask("/status", Some("operator")).await.unwrap().0, 503, "no verdict");
    running.end().await;
}

#[tokio::test]
async fn a_collector_is_ready_when_its_jobs_have_been_looked_for() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    // An HTTP discovery that answers when it is let.
    let let_go = Arc::new(Notify::new());
    let (waiting, target) = (Arc::clone(&let_go), exporter.address.to_string());
    let groups = async move || {
        waiting.notified().await;
        ([("content-type", "application/json")], json!([{"targets": [target]}]).to_string())
    };
    let slow = serve(Router::new().route("/", get(groups))).await;
    let broken = serve(Router::new().fallback(async || StatusCode::FORBIDDEN)).await;
    let jobs = format!(
        "{{job_name: slow, http_sd_configs: [{{url: 'http://{slow}/'}}]}}, \
         {{job_name: broken, http_sd_configs: [{{url: 'http://{broken}/'}}]}}"
    );
    let object = Arc::new(Object::new(scraper(1, spec(&jobs))));
    let api = api_server(object).await;
    let store = store(Arc::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Start::new(&api, store, folder.path()).run(|_| {});
    let only_slow = |code, text: &str| code == 503 && text.trim_end().ends_with("of jobs slow");
    let said = running.answers("one that waits", "/-/ready", only_slow).await;
    assert!(said.starts_with("waiting, 60 s at most"), "{said}");
    let_go.notify_one();
    running.is_ready().await;
    running.until("the target", |report| report.active == 1).await;
    running.end().await;
}
