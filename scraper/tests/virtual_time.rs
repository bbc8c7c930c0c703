//! Loops, reloads and retries under a clock that only moves when all wait.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

#[path = "support/exporter_and_inbox.rs"]
mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use protocol::remote_write::Version;
use protocol::sample::is_stale_nan;
use scraper::clock::TokioClock;
use scraper::collector::{Collector, CollectorOptions};
use scraper::exposition::Dialect;
use scraper::scrape_client::Fetch;
use scraper::scrape_outcome::Answer;
use support::{Inbox, configuration};
use tokio::time::{Instant, sleep};

const START_MS: i64 = 1_700_000_000_123;

/// Bodies by URL; what is not there is down.
#[derive(Default)]
struct Fake {
    bodies: Mutex<HashMap<String, String>>,
    asked: Mutex<Vec<(String, Instant)>>,
    takes: Mutex<Duration>,
}

impl Fake {
    fn set(&self, host: &str, body: Option<&str>) {
        let url = format!("http://{host}/metrics");
        let mut bodies = self.bodies.lock().unwrap();
        match body {
            Some(body) => drop(bodies.insert(url, body.to_owned())),
            None => drop(bodies.remove(&url)),
        }
    }
}

struct FakeClient(Arc<Fake>);

impl Fetch for FakeClient {
    fn fetch<'a>(&'a self, url: &'a str, timeout: Duration) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            self.0.asked.lock().unwrap().push((url.to_owned(), Instant::now()));
            let takes = *self.0.takes.lock().unwrap();
            sleep(takes.min(timeout)).await;
            match self.0.bodies.lock().unwrap().get(url) {
                Some(body) => Answer::Body(body.clone().into_bytes(), Dialect::Text),
                None => Answer::Failed("down".to_owned()),
            }
        })
    }
}

struct Bench {
    fake: Arc<Fake>,
    inbox: Arc<Inbox>,
    collector: Collector,
}

impl Bench {
    fn start(hosts: &[&str], fields: &str) -> Self {
        let (fake, inbox) = (Arc::new(Fake::default()), Arc::new(Inbox::default()));
        let shared = Arc::clone(&fake);
        let options = CollectorOptions {
            clock: Arc::new(TokioClock::starting_at(START_MS)),
            connect: Arc::new(move |_| Ok(Arc::new(FakeClient(Arc::clone(&shared))))),
            ..CollectorOptions::default()
        };
        let destination: Arc<Inbox> = Arc::clone(&inbox);
        let config = configuration(&yaml(hosts, fields));
        let collector = Collector::start("t".to_owned(), config, destination, options);
        Self { fake, inbox, collector }
    }

    /// The samples of a metric at a host: seconds since the start of its minute, and the value.
    fn of(&self, name: &str, host: &str) -> Vec<(i64, f64)> {
        self.inbox.of(&[("__name__", name), ("instance", host), ("job", "app")])
    }
}

fn yaml(hosts: &[&str], fields: &str) -> String {
    format!(
        "global: {{scrape_interval: 10s}}\n\
         scrape_configs: [{{job_name: app, {fields} static_configs: [{{targets: {hosts:?}}}]}}]"
    )
}

fn seconds(count: u64) -> tokio::time::Sleep {
    sleep(Duration::from_secs(count))
}

#[tokio::test(start_paused = true)]
async fn scrapes_are_evenly_spaced_and_aligned() {
    let bench = Bench::start(&["h:1"], "");
    bench.fake.set("h:1", Some("a 1\n"));
    seconds(65).await;
    bench.collector.shutdown().await;
    let times: Vec<i64> = bench.of("a", "h:1").iter().map(|sample| sample.0).collect();
    assert!((6..=7).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{times:?}");
    assert!(times[0] - START_MS <= 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_removed_target_ends_after_two_ticks() {
    let bench = Bench::start(&["h:1", "i:1"], "");
    bench.fake.set("h:1", Some("a 1\n"));
    bench.fake.set("i:1", Some("a 2\n"));
    seconds(15).await;
    bench.collector.apply(configuration(&yaml(&["i:1"], ""))).await;
    assert_eq!(bench.collector.status().targets.len(), 1);
    seconds(40).await;
    let h = bench.of("a", "h:1");
    let ends: Vec<i64> = h.iter().filter(|s| is_stale_nan(s.1)).map(|s| s.0).collect();
    let last = h.iter().filter(|s| !is_stale_nan(s.1)).map(|s| s.0).max().unwrap();
    assert_eq!(ends, [last + 10_000], "the marker bears the time of the next tick");
    let up = bench.of("up", "h:1");
    assert!(up.iter().any(|sample| is_stale_nan(sample.1)), "{up:?}");
    assert!(!bench.of("a", "i:1").iter().any(|sample| is_stale_nan(sample.1)));
    bench.collector.shutdown().await;
    assert!(!bench.of("a", "i:1").iter().any(|s| is_stale_nan(s.1)), "none on shutdown");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_rhythm_of_unchanged_targets() {
    let bench = Bench::start(&["h:1"], "");
    bench.fake.set("h:1", Some("a 1\nb 1\n"));
    seconds(25).await;
    let drop_b = "metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: b}],";
    bench.collector.apply(configuration(&yaml(&["h:1", "new:1"], drop_b))).await;
    seconds(25).await;
    bench.collector.shutdown().await;
    let times: Vec<i64> = bench.of("a", "h:1").iter().map(|sample| sample.0).collect();
    assert!(times.len() >= 4 && times.windows(2).all(|p| p[1] - p[0] == 10_000), "{times:?}");
    let b = bench.of("b", "h:1");
    assert_eq!(b.iter().filter(|sample| is_stale_nan(sample.1)).count(), 1, "{b:?}");
    assert!(is_stale_nan(b.last().unwrap().1), "{b:?}");
}

#[tokio::test(start_paused = true)]
async fn too_many_targets_put_the_whole_job_down() {
    let bench = Bench::start(&["h:1", "i:1"], "target_limit: 1,");
    bench.fake.set("h:1", Some("a 1\n"));
    seconds(15).await;
    assert!(bench.fake.asked.lock().unwrap().is_empty(), "nothing is asked");
    let status = bench.collector.status();
    assert!(
        status.targets.iter().all(|t| {
            t.last_error.as_deref().is_some_and(|error| error.contains("target_limit"))
        })
    );
    assert!(bench.of("up", "h:1").iter().all(|sample| sample.1 == 0.0));
    bench.collector.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn failed_writes_are_repeated_and_refused_ones_are_not() {
    let bench = Bench::start(&["h:1"], "");
    bench.fake.set("h:1", Some("a 1\n"));
    let answer = |status: u16| http::Response::builder().status(status).body(Bytes::new()).unwrap();
    bench.inbox.script(vec![answer(500), answer(429), answer(503)]);
    seconds(15).await;
    assert!(!bench.of("a", "h:1").is_empty());
    let status = bench.collector.status();
    assert_eq!((status.write_retries, status.samples_refused), (3, 0), "{status:?}");
    bench.inbox.script(vec![answer(404)]);
    seconds(15).await;
    let status = bench.collector.status();
    assert!(status.samples_refused > 0 && status.write_retries == 3, "{status:?}");
    bench.collector.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_of_1_0_is_spoken_to_in_1_0() {
    for status in [415, 204] {
        let bench = Bench::start(&["h:1"], "");
        bench.fake.set("h:1", Some("a 1\n"));
        let answer = http::Response::builder().status(status).body(Bytes::new()).unwrap();
        bench.inbox.script(vec![answer]);
        seconds(25).await;
        bench.collector.shutdown().await;
        let versions = bench.inbox.versions();
        assert_eq!(versions[0], Version::V2);
        assert!(
            versions.len() > 2 && versions[2..].iter().all(|v| *v == Version::V1),
            "{versions:?}"
        );
        assert!(!bench.of("a", "h:1").is_empty(), "the first batch was sent again");
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_is_quick_even_in_the_middle_of_a_scrape() {
    let bench = Bench::start(&["h:1"], "scrape_timeout: 10s,");
    *bench.fake.takes.lock().unwrap() = Duration::from_secs(10);
    while bench.fake.asked.lock().unwrap().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    let start = Instant::now();
    bench.collector.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
