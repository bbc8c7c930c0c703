//! The same questions before and after flush and merge.
//!
//! A day of samples is written while blocks are flushed and merged; then nothing is written any
//! more
//! and every answer must stay what it was, whatever upkeep does and however the bucket fails. What
//! retention takes away is exactly what is too old.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/machine.rs"]
mod machine;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use machine::{BucketKind, Process, encoded, series};
use protocol::remote_write::Version;
use serde_json::{Value, json};
use sim::faults::BucketFaults;
use sim::harness::for_each_seed;
use sim::oracle::{Answer, Cell};
use sim::sim::Sim;
use world::clock::Clock;

const FILE: &str = "compaction_changes_no_answer";
const SEEDS: u64 = 15;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const HOUR: Duration = Duration::from_hours(1);

const QUERIES: [&str; 8] = [
    "load",
    "rate(load[30m])",
    "sum by (zone) (load)",
    "max_over_time(load[5h])",
    "count_over_time(load{zone=\"z1\"}[1d])",
    "increase(load{instance=~\"[0-4]\"}[90m])",
    "load offset 7h",
    "load{instance=\"3\"}[12h]",
];

async fn boot(sim: &Sim, bucket: BucketKind) -> Arc<Process> {
    let process = Process::start(sim, bucket).await.unwrap();
    assert_eq!(process.damage(), Vec::<String>::new());
    process
}

/// Writes now and then for some hours; gives what was acknowledged.
async fn fill(process: &Process, id: &str, hours: i64) -> BTreeSet<Cell> {
    let sim = &process.sim;
    let until = sim.clock.now_ms() + hours * HOUR_MS;
    let mut written = BTreeSet::new();
    while sim.clock.now_ms() < until {
        let now_ms = sim.clock.now_ms();
        let mut batch = Vec::new();
        for instance in 0..8 {
            if sim.dice.chance(300) {
                continue;
            }
            // Some come hours late.
            let late_ms = if sim.dice.chance(100) { sim.dice.below(5 * HOUR_MS as u64) } else { 0 };
            let at_ms = now_ms - late_ms as i64;
            let (instance, zone) = (instance.to_string(), format!("z{}", instance % 3));
            let labels = [("__name__", "load"), ("instance", &*instance), ("zone", &*zone)];
            batch.push(series(&labels, &[(at_ms, (at_ms / 100 % 100_000) as f64)]));
            let name = json!({"__name__": "load", "instance": instance, "zone": zone});
            written.insert((name.to_string(), at_ms));
        }
        let reply = process.write(id, &batch, Version::V2).await.unwrap();
        // The same millisecond twice, with the same value, is fine.
        reply.expect(204);
        let pause = MINUTE_MS as u64 + sim.dice.below(4 * MINUTE_MS as u64);
        sim.sleep(Duration::from_millis(pause)).await;
    }
    written
}

/// All answers, about times before `end_ms`.
async fn answers(process: &Process, id: &str, end_ms: i64) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    for query in QUERIES {
        for ago in [0, 3, 11, 20] {
            let at_ms = end_ms - ago * HOUR_MS;
            let answer = process.query(id, query, at_ms).await.unwrap().unwrap();
            answers.push((format!("{query} {ago}h ago"), answer));
        }
    }
    let (start, end) = ((end_ms - 24 * HOUR_MS) / 1000, end_ms / 1000);
    for path in [
        format!("query_range?query={}&step=300&start={start}&end={end}", encoded(QUERIES[1])),
        format!("series?match[]=load&start={start}&end={end}"),
        format!("label/instance/values?start={start}&end={end}"),
    ] {
        let path = format!("/workspaces/{id}/api/v1/{path}");
        let answer = process.ask("GET", &path, Value::Null).await.expect(200).json();
        answers.push((path, answer["data"].clone()));
    }
    answers
}

#[track_caller]
fn assert_same(before: &[(String, Value)], after: &[(String, Value)], when: &str) {
    for ((what, one), (_, other)) in before.iter().zip(after) {
        assert_eq!(one, other, "{what} changed after {when}");
    }
}

/// Flushes at once, in the process.
async fn flush(process: &Process) {
    let (sender, receiver) = oneshot::channel();
    let open = process.store.workspaces.open();
    process.spawn(async move {
        for workspace in open {
            // A bucket that fails is another test's matter: it is tried again in time.
            drop(workspace.data.tsdb.flush().await);
        }
        let _ = sender.send(());
    });
    receiver.await.unwrap();
}

fn blocks(process: &Process) -> u64 {
    process.store.workspaces.open().iter().map(|w| w.data.tsdb.stats().blocks).sum()
}

async fn the_same_questions(sim: Sim) {
    let bucket = [BucketKind::Apart, BucketKind::OnDisk][sim.dice.below(2) as usize];
    let mut process = boot(&sim, bucket).await;
    let unlimited = json!({"outOfOrder": "unlimited", "retention": "unlimited"});
    let id = process.workspace(unlimited).await;
    fill(&process, &id, 24).await;
    let end_ms = sim.clock.now_ms();
    let before = answers(&process, &id, end_ms).await;
    let loaded = before.iter().filter(|(_, answer)| *answer != json!([])).count();
    assert!(loaded > before.len() / 2, "there is something to compare");
    for round in 0..8 {
        if sim.dice.chance(500) {
            sim.bucket.set_faults(BucketFaults { request: 300, lost_reply: 300 });
        }
        let when = match sim.dice.below(4) {
            0 => {
                flush(&process).await;
                "a flush"
            }
            1 => {
                sim.sleep(Duration::from_millis(sim.dice.below(3 * HOUR_MS as u64))).await;
                process.crash();
                sim.bucket.set_faults(BucketFaults::default());
                process = boot(&sim, bucket).await;
                "a crash"
            }
            _ => {
                sim.sleep(HOUR * 3).await;
                "three hours"
            }
        };
        sim.bucket.set_faults(BucketFaults::default());
        let after = answers(&process, &id, end_ms).await;
        assert_same(&before, &after, &format!("{when}, round {round}"));
    }
    sim.sleep(HOUR * 6).await;
    assert_same(&before, &answers(&process, &id, end_ms).await, "all was quiet");
    let blocks = blocks(&process);
    assert!((1..=8).contains(&blocks), "a day in {blocks} blocks: flushed and merged");
}

/// What is too old is gone, the rest is there, whatever lies in which block.
async fn retention(sim: Sim) {
    let bucket = [BucketKind::Apart, BucketKind::OnDisk][sim.dice.below(2) as usize];
    let process = boot(&sim, bucket).await;
    let id = process.workspace(json!({"outOfOrder": "6h", "retention": "10h"})).await;
    let mut written = fill(&process, &id, 6).await;
    written.extend(fill(&process, &id, 8).await);
    for _ in 0..10 {
        let oldest_before = sim.clock.now_ms() - 10 * HOUR_MS;
        let found: Answer = process.read_all(&id).await.unwrap().unwrap();
        let oldest_after = sim.clock.now_ms() - 10 * HOUR_MS;
        let found: BTreeSet<Cell> = found.into_keys().collect();
        let is_clear = |(_, at_ms): &&Cell| !(oldest_before..=oldest_after).contains(at_ms);
        let wanted = written.iter().filter(|(_, at_ms)| *at_ms > oldest_after);
        let wanted: BTreeSet<&Cell> = wanted.filter(is_clear).collect();
        let found: BTreeSet<&Cell> = found.iter().filter(is_clear).collect();
        assert_eq!(found.len(), wanted.len(), "at {:?}", sim.clock.steady());
        assert_eq!(found, wanted);
        sim.sleep(Duration::from_millis(sim.dice.below(2 * HOUR_MS as u64))).await;
    }
    sim.sleep(HOUR * 14).await;
    assert_eq!(blocks(&process), 0, "what is too old takes no space");
}

/// A flush that failed is tried again though nobody writes, and the log gets its space back.
async fn a_bucket_that_comes_back(sim: Sim) {
    let process = boot(&sim, BucketKind::Apart).await;
    let id = process.workspace(json!({"outOfOrder": "unlimited"})).await;
    fill(&process, &id, 1).await;
    let rate = 200 + sim.dice.below(800);
    let faults = [
        BucketFaults { request: rate, lost_reply: 0 },
        BucketFaults { request: 0, lost_reply: rate },
    ];
    sim.bucket.set_faults(faults[sim.dice.below(2) as usize]);
    sim.sleep(HOUR * 3).await;
    sim.bucket.set_faults(BucketFaults::default());
    sim.sleep(HOUR).await;
    let pins = process.store.world.log.pins();
    let samples = pins.iter().filter(|(_, stream)| stream.as_str().starts_with("samples/"));
    assert_eq!(samples.count(), 0, "everything is in blocks: {pins:?}");
    assert_eq!(process.store.workspaces.open()[0].data.tsdb.stats().head_samples, 0);
}

#[test]
fn flush_merge_and_restart_change_no_answer() {
    for_each_seed(FILE, SEEDS, the_same_questions);
}

#[test]
fn retention_takes_what_is_too_old_and_nothing_else() {
    for_each_seed(FILE, SEEDS, retention);
}

#[test]
fn a_flush_that_failed_is_tried_again_without_a_write() {
    for_each_seed(FILE, SEEDS, a_bucket_that_comes_back);
}
