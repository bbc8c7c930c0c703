//! Trimming: short replays after a restart, space comes back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use sim::harness::run;
use sim::sim::Booted;
use world::commit_log::{CommitLog, Position, StreamName};
use world::log_layout::segment_first;

fn name(stream: &str) -> StreamName {
    StreamName::new(stream)
}

async fn append(booted: &Booted, stream: &str) -> u64 {
    booted.log.append(&name(stream), Bytes::from(vec![1; 100])).await.unwrap().0
}

fn positions(booted: &Booted, stream: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut visit = |record: world::commit_log::LogRecord| {
        found.push(record.position.0);
        Ok(())
    };
    booted.log.replay(&name(stream), &mut visit).unwrap();
    found
}

fn segments(booted: &Booted) -> usize {
    let names = booted.world.disk.list(Path::new("log")).unwrap();
    names.iter().filter(|entry| segment_first(&entry.name).is_some()).count()
}

#[test]
fn marks_outlive_a_close_and_a_crash_behind_the_next_append() {
    run(1, |sim| async move {
        let booted = sim.boot().unwrap();
        for _ in 0..4 {
            append(&booted, "a").await;
        }
        booted.log.trim(&name("a"), Position(1));
        booted.log.trim(&name("a"), Position(0));
        assert_eq!(positions(&booted, "a"), [2, 3], "a mark never goes back");
        booted.log.close().await;
        sim.crash(&booted);

        let booted = sim.boot().unwrap();
        assert_eq!(positions(&booted, "a"), [2, 3]);
        booted.log.trim(&name("a"), Position(2));
        append(&booted, "b").await;
        sim.crash(&booted);

        let booted = sim.boot().unwrap();
        assert_eq!(positions(&booted, "a"), [3]);
        booted.log.trim(&name("a"), Position(u64::MAX));
        sim.crash(&booted);

        let booted = sim.boot().unwrap();
        assert_eq!(positions(&booted, "a"), [3], "this mark was written nowhere");
        booted.log.trim(&name("a"), Position(u64::MAX));
        assert_eq!(append(&booted, "a").await, 5);
        assert_eq!(positions(&booted, "a"), [5], "a mark never covers what comes after it");
    });
}

#[test]
fn the_slowest_stream_pins_the_log() {
    run(2, |mut sim| async move {
        sim.log_settings.segment_bytes_max = 400;
        let booted = sim.boot().unwrap();
        append(&booted, "slow").await;
        for _ in 0..20 {
            append(&booted, "fast").await;
        }
        let all = segments(&booted);
        assert!(all > 5, "{all} segments");
        let pins = [(Position(0), name("slow")), (Position(1), name("fast"))];
        assert_eq!(booted.log.pins(), pins);
        let whole = booted.log.pinned_bytes();

        booted.log.trim(&name("fast"), Position(18));
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!((segments(&booted), booted.log.pinned_bytes()), (all, whole));
        assert_eq!(booted.log.pins(), [(Position(0), name("slow")), (Position(19), name("fast"))]);

        booted.log.trim(&name("slow"), Position(0));
        sim.sleep(Duration::from_secs(1)).await;
        assert!(segments(&booted) <= 2 && booted.log.pinned_bytes() < whole / 3);
        assert_eq!(booted.log.streams(), [name("fast")]);
        sim.crash(&booted);

        let booted = sim.boot().unwrap();
        assert_eq!(positions(&booted, "slow"), Vec::<u64>::new());
        assert!(positions(&booted, "fast").ends_with(&[19, 20]));
        assert_eq!(append(&booted, "slow").await, 21);
    });
}
