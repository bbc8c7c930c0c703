//! A real exporter over loopback, a collector, a destination.

mod support;

use std::sync::Arc;

use protocol::sample::is_stale_nan;
use scraper::collector::{Collector, CollectorOptions};
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
