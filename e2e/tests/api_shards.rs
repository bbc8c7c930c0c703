//! Targets move between two collectors that scrape on.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::api_collectors::{Collectors, NAME};
use e2e::eventually::eventually;
use e2e::exporter::Exporter;
use e2e::process::{Hearth, escape, free_port};
use serde_json::{Value, json};

const TARGETS: usize = 24;
const INTERVAL_MS: i64 = 1000;
/// Slots before, between and after the moves.
const STEADY: Duration = Duration::from_secs(8);
const LIMIT: Duration = Duration::from_mins(1);

/// Time and value of every sample, by target.
type Read = BTreeMap<String, Vec<(i64, i64)>>;

fn configuration() -> String {
    format!(
        "global: {{scrape_interval: {INTERVAL_MS}ms, scrape_timeout: {INTERVAL_MS}ms}}
scrape_configs:
- job_name: pods
  kubernetes_sd_configs: [{{role: pod, namespaces: {{own_namespace: true}}}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}
  - {{source_labels: [pod], target_label: __metrics_path__, replacement: /$1}}
"
    )
}

async fn pods(on: &Collectors, port: &str) {
    for number in 0..TARGETS {
        let name = format!("target-{number}");
        let port: u16 = port.parse().expect("a port");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeName": "none", "containers": [
                {"name": "a", "image": "a", "ports": [{"name": "metrics", "containerPort": port}]},
            ]},
        });
        let all = format!("/api/v1/namespaces/{NAME}/pods");
        on.server.request("POST", &all, &pod.to_string()).await.expect("it is made");
        let status = json!({"status": {
            "phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }});
        let path = format!("{all}/{name}/status");
        on.server.request("PATCH", &path, &status.to_string()).await.expect("it runs");
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis() as i64
}

async fn read(store: &Hearth, base: &str) -> Result<Read, String> {
    let mut all = Read::new();
    for series in store.query(base, "asked_total[10m]").await? {
        let pod = series["metric"]["pod"].as_str().unwrap_or_default().to_owned();
        let sample = |pair: &Value| {
            let value = pair[1].as_str()?.parse::<i64>().ok()?;
            Some(((pair[0].as_f64()? * 1000.0).round() as i64, value))
        };
        let samples =
            series["values"].as_array().map(|all| all.iter().filter_map(sample).collect());
        all.insert(pod, samples.unwrap_or_default());
    }
    Ok(all)
}

/// What went amiss between two neighbours: slots that were missed, scrapes too many.
#[derive(Debug, Default, PartialEq, Eq)]
struct Amiss {
    missed: i64,
    doubled: i64,
}

/// Over the samples of a time, after checking that each lies in its slot.
fn amiss(pod: &str, samples: &[(i64, i64)], from_ms: i64, to_ms: i64) -> Amiss {
    let mut amiss = Amiss::default();
    let first = samples.first().expect("it was scraped").0;
    for pair in samples.windows(2) {
        let ((before, asked), (after, asked_after)) = (pair[0], pair[1]);
        assert!(after > before, "{pod}: {after} twice");
        assert_eq!((after - first) % INTERVAL_MS, 0, "{pod}: {after} is not in a slot of {first}");
        if after < from_ms || before >= to_ms {
            continue;
        }
        let slots = (after - before) / INTERVAL_MS;
        amiss.missed += slots - 1;
        // A scrape whose sample was not taken, since the slot was taken.
        amiss.doubled += (asked_after - asked - 1).max(0);
    }
    amiss
}

/// Whether no query at any time of a while would have missed the series: nothing marked its end.
async fn unbroken(store: &Hearth, base: &str, from_ms: i64, to_ms: i64) {
    let times = format!("start={}&end={}&step=1", from_ms / 1000, to_ms / 1000);
    let path = format!("{base}/api/v1/query_range?query={}&{times}", escape("count(asked_total)"));
    let answer = store.get(&path).await.expect("it answers");
    for pair in answer["data"]["result"][0]["values"].as_array().expect("a series") {
        assert_eq!(pair[1], TARGETS.to_string(), "at {}: series are missing", pair[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an API server: make e2e"]
async fn a_moved_target_misses_one_slot_at_most() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let store = Hearth::start(&["store"], &data.path().join("data"), free_port()).await;
    let made = store.send("POST", "/workspaces", json!({"alias": "shards"})).await.expect("made");
    let base = format!("/workspaces/{}", made["workspaceId"].as_str().expect("an id"));
    let exporter = Exporter::counting().await;
    let destination = format!("{}{base}/api/v1/remote_write", store.url);
    let Some(on) = Collectors::fresh(&destination).await else { return };
    pods(&on, exporter.address.rsplit(':').next().expect("it has a port")).await;
    on.scraper(&configuration()).await;
    let first = on.start(0).await;
    first.until("targets", TARGETS as f64).await;
    eventually("all targets have samples", LIMIT, async || {
        let read = read(&store, &base).await?;
        let enough = read.len() == TARGETS && read.values().all(|samples| samples.len() > 2);
        if enough { Ok(()) } else { Err(format!("{} targets", read.len())) }
    })
    .await;
    tokio::time::sleep(STEADY).await;

    let mut moves = Vec::new();
    on.wanted(2).await;
    let second = on.start(1).await;
    second.until("targets", 0.0).await;
    let begin = now_ms();
    on.running(2).await;
    eventually("the second has its share", LIMIT, async || {
        let (one, two) = (first.metric("targets").await?, second.metric("targets").await?);
        let shared = two > 0.0 && one + two == TARGETS as f64;
        if shared { Ok(()) } else { Err(format!("{one} and {two}")) }
    })
    .await;
    println!(
        "the second of two shards has {:?} of {TARGETS} targets",
        second.metric("targets").await
    );
    tokio::time::sleep(STEADY).await;
    moves.push(("1 -> 2", begin, now_ms()));

    let begin = now_ms();
    on.wanted(1).await;
    on.running(1).await;
    // As a StatefulSet would, at once.
    second.role.stop().await;
    first.until("targets", TARGETS as f64).await;
    tokio::time::sleep(STEADY).await;
    moves.push(("2 -> 1", begin, now_ms()));

    let all = read(&store, &base).await.expect("the store answers");
    assert_eq!(all.len(), TARGETS);
    for (name, from, to) in moves {
        let each = all.iter().map(|(pod, samples)| (pod, amiss(pod, samples, from, to)));
        let each: Vec<_> = each.filter(|(_, amiss)| *amiss != Amiss::default()).collect();
        let missed: i64 = each.iter().map(|(_, amiss)| amiss.missed).sum();
        let doubled: i64 = each.iter().map(|(_, amiss)| amiss.doubled).sum();
        println!(
            "MEASURED shards {name}, {TARGETS} targets every {INTERVAL_MS} ms: {missed} slots missed, {doubled} scraped twice"
        );
        for (pod, amiss) in &each {
            assert!(amiss.missed + amiss.doubled <= 1, "{name}: {pod}: {amiss:?}: {:?}", all[*pod]);
        }
        unbroken(&store, &base, from, to).await;
    }
    println!("samples refused as duplicates: {:?}", first.metric("samples_refused_total").await);
    first.role.stop().await;
    store.stop().await;
}
