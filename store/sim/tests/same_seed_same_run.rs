//! The same seed gives the same run, another gives another.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::Bytes;
use sim::faults::{BucketFaults, DiskFaults};
use sim::harness::{Outcome, run};
use sim::sim::Sim;
use world::clock::Clock;
use world::commit_log::StreamName;
use world::outbox::{OutboxOptions, OutboxRequest};

async fn everything_at_once(sim: Sim) -> Vec<String> {
    sim.disk.set_faults(DiskFaults { append: 20, sync: 20, names: 20, bytes_max: None });
    sim.bucket.set_faults(BucketFaults { request: 100, lost_reply: 100 });
    let booted = loop {
        if let Ok(booted) = sim.boot() {
            break booted;
        }
    };
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let tasks = (0..6_u64).map(|task| {
        let (world, dice, seen) = (booted.world.clone(), sim.dice.clone(), seen.clone());
        let stream = StreamName::new(format!("s/{task}"));
        async move {
            for round in 0..20 {
                world.clock.sleep(Duration::from_millis(dice.below(5))).await;
                let append = world.log.append(&stream, Bytes::from(vec![1; 100])).await;
                let put = world.bucket.put_new(&format!("{task}/{round}"), Bytes::new()).await;
                let sent = world.outbox.send(request()).await.map(|answer| answer.status);
                let at = world.clock.steady();
                seen.lock()
                    .unwrap()
                    .push(format!("{task} {round} {at:?} {append:?} {put:?} {sent:?}"));
            }
        }
    });
    futures::future::join_all(tasks).await;
    std::mem::take(&mut *seen.lock().unwrap())
}

fn request() -> OutboxRequest {
    OutboxRequest {
        method: "POST".to_owned(),
        url: "http://receiver.example/hook".to_owned(),
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_millis(80),
        options: OutboxOptions::default(),
    }
}

#[test]
fn twice_the_same() {
    for seed in 0..20 {
        let first: Outcome<Vec<String>> = run(seed, everything_at_once);
        let second = run(seed, everything_at_once);
        assert_eq!(first, second, "seed {seed} ran two ways");
        let other = run(seed + 1_000, everything_at_once);
        assert_ne!(first.trace, other.trace, "seeds {seed} and {} run alike", seed + 1_000);
    }
}

#[test]
fn time_is_virtual() {
    let outcome = run(1, |sim| async move {
        sim.sleep(Duration::from_hours(24 * 365)).await;
        sim.clock.jump(-5_000);
        (sim.clock.steady(), sim.clock.now_ms())
    });
    let year = Duration::from_hours(24 * 365);
    let wall = sim::sim_clock::START_MS + year.as_millis() as i64 - 5_000;
    assert_eq!(outcome.value, (year, wall));
}
