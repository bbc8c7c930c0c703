//! `kill -9` under load: what was acknowledged is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::process::{Hearth, free_port};
use e2e::remote_write::body;
use serde_json::json;

const ROUNDS: usize = 6;
const WRITERS: usize = 4;
const SERIES_A_REQUEST: usize = 20;

/// Every acknowledged sample: (writer, series, milliseconds) to value.
type Acknowledged = Arc<Mutex<BTreeMap<(usize, usize, i64), f64>>>;

async fn workspace(hearth: &Hearth, alias: &str) -> String {
    let request =
        json!({"alias": alias, "hearth": {"outOfOrder": "unlimited", "retention": "unlimited"}});
    let made = hearth.send("POST", "/workspaces", request).await.expect("a workspace");
    format!("/workspaces/{}", made["workspaceId"].as_str().expect("an id"))
}

/// Writes until the process dies; remembers only what was acknowledged.
async fn write_until_killed(
    hearth: Arc<Hearth>,
    base: String,
    writer: usize,
    clock: Arc<AtomicI64>,
    acknowledged: Acknowledged,
) {
    let writer_name = writer.to_string();
    loop {
        let time = clock.fetch_add(1, Ordering::Relaxed);
        let names: Vec<String> = (0..SERIES_A_REQUEST).map(|series| series.to_string()).collect();
        let value = |series: usize| (time * 31 + series as i64 * 7) as f64 / 8.0;
        let labels: Vec<[(&str, &str); 3]> = names
            .iter()
            .map(|name| {
                [("__name__", "load"), ("series", name.as_str()), ("writer", writer_name.as_str())]
            })
            .collect();
        let samples: Vec<[(i64, f64); 1]> =
            (0..SERIES_A_REQUEST).map(|s| [(time, value(s))]).collect();
        let series: Vec<_> = labels.iter().zip(&samples).map(|(l, s)| (&l[..], &s[..])).collect();
        match hearth.write(&base, body(&series)).await {
            Ok(200 | 204) => {
                let mut log = acknowledged.lock().expect("no writer panics");
                log.extend((0..SERIES_A_REQUEST).map(|s| ((writer, s, time), value(s))));
            }
            Ok(status) => panic!("a write was refused with {status}"),
            Err(_) => return,
        }
    }
}

/// Everything that is stored, by the API alone.
async fn read_back(
    hearth: &Hearth,
    base: &str,
    from: i64,
    to: i64,
) -> BTreeMap<(usize, usize, i64), f64> {
    let mut stored = BTreeMap::new();
    let seconds = (to - from) / 1000 + 2;
    let path =
        format!("{base}/api/v1/query?query=load%5B{seconds}s%5D&time={}", to as f64 / 1000.0);
    let answer = hearth.get(&path).await.expect("a matrix");
    for series in answer["data"]["result"].as_array().expect("a list") {
        let number = |name: &str| series["metric"][name].as_str().and_then(|n| n.parse().ok());
        let key = (number("writer").expect("a writer"), number("series").expect("a series"));
        for point in series["values"].as_array().expect("points") {
            let time = (point[0].as_f64().expect("a time") * 1000.0).round() as i64;
            let value: f64 = point[1].as_str().and_then(|v| v.parse().ok()).expect("a value");
            let known = stored.insert((key.0, key.1, time), value);
            assert!(known.is_none(), "a sample stands twice: {key:?} at {time}");
        }
    }
    stored
}

async fn start(dir: &Path, port: u16) -> Arc<Hearth> {
    Arc::new(Hearth::start(&["store"], &dir.join("data"), port).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let began = 1_700_000_000_000;
    let clock = Arc::new(AtomicI64::new(began));
    let acknowledged = Acknowledged::default();
    let mut base = None;
    for round in 0..ROUNDS {
        let hearth = start(dir.path(), port).await;
        let base = match &base {
            Some(base) => base,
            None => base.insert(workspace(&hearth, "load").await),
        };
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                tokio::spawn(write_until_killed(
                    Arc::clone(&hearth),
                    base.clone(),
                    writer,
                    Arc::clone(&clock),
                    Arc::clone(&acknowledged),
                ))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(400 + 170 * round as u64)).await;
        // The writers hold the process by name only: end it from outside, as the kernel would.
        hearth.kill_now();
        for writer in writers {
            writer.await.expect("no write was refused");
        }
    }
    let hearth = start(dir.path(), port).await;
    let base = base.expect("made in the first round");
    let stored = read_back(&hearth, &base, began, clock.load(Ordering::Relaxed)).await;
    let log = acknowledged.lock().expect("no writer panics").clone();
    assert!(log.len() > 1000, "only {} samples were acknowledged: no load", log.len());
    let lost: Vec<_> = log.iter().filter(|(key, value)| stored.get(*key) != Some(*value)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged samples are lost: {:?}",
        lost.len(),
        log.len(),
        &lost[..lost.len().min(5)]
    );
    // What was in flight at a kill may be there though nobody was told; nothing else may.
    let strangers = stored.len() - log.len();
    assert!(strangers <= ROUNDS * WRITERS * SERIES_A_REQUEST, "{strangers} samples nobody wrote");
}
