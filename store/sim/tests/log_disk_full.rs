//! A full disk: the log refuses, serves, and recovers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use sim::faults::DiskFaults;
use sim::harness::run;
use sim::sim::Booted;
use world::commit_log::{CommitLog, LogError, Position, StreamName};

fn stream() -> StreamName {
    StreamName::new("samples/ws-1")
}

fn positions(booted: &Booted) -> Vec<u64> {
    let mut found = Vec::new();
    let mut visit = |record: world::commit_log::LogRecord| {
        found.push(record.position.0);
        Ok(())
    };
    booted.log.replay(&stream(), &mut visit).unwrap();
    found
}

async fn append(booted: &Booted) -> Result<Position, LogError> {
    booted.log.append(&stream(), Bytes::from(vec![1; 100])).await
}

#[test]
fn refuses_serves_and_recovers() {
    for seed in 0..50 {
        run(seed, |sim| async move {
            let full = DiskFaults { bytes_max: Some(0), ..DiskFaults::default() };
            let booted = sim.boot().unwrap();
            for _ in 0..3 {
                append(&booted).await.unwrap();
            }
            sim.disk.set_faults(full);
            let refused = append(&booted).await.unwrap_err();
            assert!(refused.to_string().contains("no space left"), "{refused}");
            assert!(matches!(refused, LogError::Unavailable(_)));
            assert_eq!(positions(&booted), [0, 1, 2]);

            sim.disk.set_faults(DiskFaults::default());
            assert_eq!(append(&booted).await.unwrap(), Position(3), "it recovers by itself");

            sim.disk.set_faults(full);
            append(&booted).await.unwrap_err();
            sim.kill(&booted);
            let booted = sim.boot().unwrap();
            assert_eq!(positions(&booted), [0, 1, 2, 3], "it starts on a full disk");
            append(&booted).await.unwrap_err();

            sim.disk.set_faults(DiskFaults::default());
            assert_eq!(append(&booted).await.unwrap(), Position(4));
            sim.crash(&booted);
            let booted = sim.boot().unwrap();
            assert_eq!(positions(&booted), [0, 1, 2, 3, 4]);
        });
    }
}
