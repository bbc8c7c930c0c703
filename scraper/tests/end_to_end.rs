//! A real exporter over loopback, a collector, a destination.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

#[path = "support/exporter_and_inbox.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use protocol::sample::is_stale_nan;
use scraper::collector::{Collector, CollectorOptions};
use scraper::destination::WriteDestination;
use scraper::destination_service::ServiceDestination;
use scraper::status::Health;
use support::{Exporter, Inbox, Reply, configuration};

#[tokio::test]
async fn a_static_target_is_scraped_and_its_series_end_when_it_fails() {
    let exporter = Exporter::start(Reply::text("# TYPE a counter\na{x=\"1\"} 5\nb 7\n")).await;
    let config = format!(
        "global: {{scrape_interval: 100ms, external_labels: {{region: eu}}}}\n\
         scrape_configs:\n\
         - job_name: app\n  static_configs: [{{targets: [\"{}\"]}}]\n",
        exporter.address
    );
    let inbox = Arc::new(Inbox::default());
    let destination: Arc<Inbox> = Arc::clone(&inbox);
    let collector = Collector::start(
        "demo".to_owned(),
        configuration(&config),
        destination,
        CollectorOptions::default(),
    );
    let instance = exporter.address.to_string();
    let common = [("region", "eu"), ("job", "app"), ("instance", instance.as_str())];
    let series = |own: &[(&'static str, &'static str)]| [own, &common[..]].concat();
    let (a, up) = (series(&[("__name__", "a"), ("x", "1")]), series(&[("__name__", "up")]));
    inbox.until("a sample of a", |inbox| inbox.of(&a).iter().any(|sample| sample.1 == 5.0)).await;
    inbox.until("up", |inbox| inbox.of(&up).iter().any(|sample| sample.1 == 1.0)).await;
    let status = collector.status();
    assert_eq!(status.targets.len(), 1);
    assert_eq!(status.targets[0].health, Health::Up);
    assert_eq!(status.targets[0].samples, 2);

    exporter.set(Reply { status: 503, ..Reply::text("") });
    inbox.until("the end of a", |inbox| inbox.of(&a).iter().any(|s| is_stale_nan(s.1))).await;
    inbox.until("down", |inbox| inbox.of(&up).iter().any(|sample| sample.1 == 0.0)).await;
    let status = collector.status();
    assert_eq!(status.targets[0].health, Health::Down);
    assert!(status.targets[0].last_error.as_deref().unwrap_or("").contains("503"), "{status:?}");
    collector.shutdown().await;
    let ends = inbox.of(&a).iter().filter(|sample| is_stale_nan(sample.1)).count();
    assert_eq!(ends, 1, "one marker, not one a failed scrape");
    let (_, headers) = &exporter.requests()[0];
    assert!(headers["accept"].to_str().unwrap().contains("openmetrics"));
    assert_eq!(headers["x-prometheus-scrape-timeout-seconds"], "0.1");
}

/// A collector of one job, with more fields of the job.
fn start(exporter: &Exporter, fields: &str) -> (Collector, Arc<Inbox>) {
    let config = format!(
        "global: {{scrape_interval: 100ms}}\nscrape_configs:\n- job_name: app\n  \
         static_configs: [{{targets: [\"{}\"]}}]\n{fields}",
        exporter.address
    );
    let inbox = Arc::new(Inbox::default());
    let destination: Arc<Inbox> = Arc::clone(&inbox);
    let options = CollectorOptions::default();
    (Collector::start("t".to_owned(), configuration(&config), destination, options), inbox)
}

/// Whether a series of this name has a sample with the value.
fn has(inbox: &Inbox, name: &str, value: f64) -> bool {
    inbox.samples().iter().any(|(labels, samples)| {
        labels.metric_name() == name && samples.iter().any(|sample| sample.1 == value)
    })
}

fn packed(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The reason why the only target is down.
async fn failure(reply: Reply, fields: &str) -> String {
    let exporter = Exporter::start(reply).await;
    let (collector, inbox) = start(&exporter, fields);
    inbox.until("up = 0", |inbox| has(inbox, "up", 0.0)).await;
    let error = collector.status().targets[0].last_error.clone().unwrap_or_default();
    collector.shutdown().await;
    assert!(!has(&inbox, "a", 1.0), "nothing of a failed scrape is sent");
    error
}

#[tokio::test]
async fn packed_openmetrics_is_read() {
    let text = "# TYPE a counter\na_total 1\n# EOF\n";
    let exporter = Exporter::start(Reply {
        content_type: Some("application/openmetrics-text; version=1.0.0"),
        encoding: Some("gzip"),
        body: packed(text),
        ..Reply::text("")
    })
    .await;
    let (collector, inbox) = start(&exporter, "");
    inbox.until("a_total", |inbox| has(inbox, "a_total", 1.0)).await;
    collector.shutdown().await;
    let raw = inbox.raw();
    let series = raw.iter().find(|s| s.labels.metric_name() == "a_total").unwrap();
    assert!(series.metadata.is_some(), "{series:?}");
}

#[tokio::test]
async fn what_an_exporter_can_do_wrong_is_told() {
    for (reply, fields, reason) in [
        (Reply { status: 404, ..Reply::text("a 1\n") }, "", "404"),
        (Reply { status: 204, ..Reply::text("") }, "", "204"),
        (Reply { content_type: None, ..Reply::text("a 1\n") }, "", "fallback_scrape_protocol"),
        (Reply { content_type: Some("text/html"), ..Reply::text("<html>") }, "", "text/html"),
        (Reply::text("a 1\n<html>\n"), "", "line 2"),
        (Reply { encoding: Some("gzip"), ..Reply::text("a 1\n") }, "", "gzip"),
        (
            Reply { delay: Duration::from_secs(5), ..Reply::text("a 1\n") },
            "",
            "no answer within 0.1 s",
        ),
        (Reply::text("a 1\nb 1\n"), "  sample_limit: 1\n", "sample_limit exceeded"),
        (Reply::text("a 1\nb 1\n"), "  body_size_limit: 8B\n", "body_size_limit exceeded"),
        (Reply { body: vec![0xff, 0xfe, 0, 1], ..Reply::text("") }, "", "line 1"),
    ] {
        let error = failure(reply, fields).await;
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[tokio::test]
async fn a_blank_content_type_is_read_by_the_fallback() {
    let exporter = Exporter::start(Reply { content_type: None, ..Reply::text("a 1\n") }).await;
    let (collector, inbox) = start(&exporter, "  fallback_scrape_protocol: PrometheusText0.0.4\n");
    inbox.until("a", |inbox| has(inbox, "a", 1.0)).await;
    collector.shutdown().await;
}

#[tokio::test]
async fn requests_bear_what_the_job_says() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let (collector, inbox) = start(
        &exporter,
        "  metrics_path: /m\n  params: {x: [\"1 2\"]}\n  basic_auth: {username: u, password: p}\n  \
         http_headers: {X-Own: {values: [v], secrets: [s]}}\n  enable_compression: false\n",
    );
    inbox.until("a", |inbox| has(inbox, "a", 1.0)).await;
    collector.shutdown().await;
    let (uri, headers) = exporter.requests().remove(0);
    assert_eq!(uri, "/m?x=1+2");
    assert_eq!(headers["authorization"], "Basic dTpw");
    assert_eq!(headers["accept-encoding"], "identity");
    let own: Vec<_> = headers.get_all("x-own").iter().collect();
    assert_eq!(own, ["v", "s"]);
}

#[tokio::test]
async fn targets_of_files_and_urls_come_and_go() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let list =
        format!("[{{\"targets\": [\"{}\"], \"labels\": {{\"via\": \"url\"}}}}]", exporter.address);
    let json = Reply { content_type: Some("application/json"), ..Reply::text(&list) };
    let lister = Exporter::start(json).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.yml");
    let line = format!("- targets: ['{}']\n  labels: {{via: file}}\n", exporter.address);
    std::fs::write(&file, &line).unwrap();
    let pattern = folder.path().join("*.yml");
    let config = format!(
        "global: {{scrape_interval: 100ms}}\nscrape_configs:\n- job_name: app\n  \
         file_sd_configs: [{{files: ['{}']}}]\n  http_sd_configs: [{{url: 'http://{}/list'}}]\n",
        pattern.display(),
        lister.address
    );
    let inbox = Arc::new(Inbox::default());
    let destination: Arc<Inbox> = Arc::clone(&inbox);
    let options = CollectorOptions::default();
    let collector = Collector::start("t".to_owned(), configuration(&config), destination, options);
    let via = |inbox: &Inbox, way: &str, stale: bool| {
        inbox.samples().iter().any(|(labels, samples)| {
            labels.metric_name() == "a"
                && labels.value("via") == way
                && samples.iter().any(|sample| is_stale_nan(sample.1) == stale)
        })
    };
    inbox.until("both", |inbox| via(inbox, "url", false) && via(inbox, "file", false)).await;
    std::fs::write(&file, "- targets: [\n").unwrap();
    let broken = || !collector.status().job_errors.is_empty();
    inbox.until("the error", |_| broken()).await;
    assert_eq!(collector.status().targets.len(), 2, "a broken file keeps its last good targets");
    std::fs::write(&file, "[]\n").unwrap();
    inbox.until("the end of the file's target", |inbox| via(inbox, "file", true)).await;
    assert!(!via(&inbox, "url", true));
    collector.shutdown().await;
}

#[tokio::test]
async fn an_axum_router_is_a_destination() {
    use axum::body::Bytes;
    let inbox = Arc::new(Inbox::default());
    let shared = Arc::clone(&inbox);
    let write = move |request: axum::extract::Request| async move {
        let (parts, body) = request.into_parts();
        let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let answer = shared.write(http::Request::from_parts(parts, body)).await.unwrap();
        answer.map(axum::body::Body::from)
    };
    let router = axum::Router::new().route("/api/v1/write", axum::routing::post(write));
    let destination = ServiceDestination::new(router, "/api/v1/write".parse().unwrap());
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let config = format!(
        "global: {{scrape_interval: 100ms}}\n\
         scrape_configs: [{{job_name: app, static_configs: [{{targets: ['{}']}}]}}]",
        exporter.address
    );
    let options = CollectorOptions::default();
    let collector =
        Collector::start("t".to_owned(), configuration(&config), Arc::new(destination), options);
    inbox.until("a", |inbox| has(inbox, "a", 1.0)).await;
    collector.shutdown().await;
    assert_eq!(collector.status().last_write_error, None);
}
