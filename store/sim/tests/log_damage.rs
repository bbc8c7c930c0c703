//! A damaged byte in the log: named, and the rest is read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use sim::harness::{for_each_seed, run};
use sim::sim::{Booted, Sim};
use world::commit_log::{CommitLog, LogError, Position, StreamName};
use world::log_layout::segment_first;
use world::recovery::LogOpenError;
use world::segment::{BATCH_HEADER_LEN, FRAME_HEADER_LEN, HEADER_LEN};

const A: &str = "samples/ws-a";
const B: &str = "samples/ws-b";

async fn append(booted: &Booted, stream: &str, text: &str) -> Position {
    let payload = Bytes::copy_from_slice(text.as_bytes());
    booted.log.append(&StreamName::new(stream), payload).await.unwrap()
}

/// What can be read, and what the log says about the rest.
fn replay(booted: &Booted, stream: &str) -> (Vec<String>, Option<String>) {
    let mut found = Vec::new();
    let outcome = booted.log.replay(&StreamName::new(stream), &mut |record| {
        found.push(String::from_utf8(record.payload.to_vec()).unwrap());
        Ok(())
    });
    let damage = outcome.err().map(|error| match error {
        LogError::Damaged(message) => message,
        other => panic!("unexpected: {other}"),
    });
    (found, damage)
}

/// Four batches in one segment, each with its own first frame offset noted.
async fn four_records(sim: &Sim) -> Booted {
    let booted = sim.boot().unwrap();
    for (stream, text) in [(A, "one"), (B, "two"), (A, "three"), (B, "four")] {
        append(&booted, stream, text).await;
    }
    booted.log.close().await;
    sim.kill(&booted);
    booted
}

fn first_segment() -> PathBuf {
    PathBuf::from("log/0000000000000000.seg")
}

/// Offset of the payload of "one": header, batch header, name frame, frame header.
const ONE: usize = HEADER_LEN + BATCH_HEADER_LEN + FRAME_HEADER_LEN + A.len() + FRAME_HEADER_LEN;

#[test]
fn a_bad_payload_concerns_its_stream_alone() {
    run(1, |sim| async move {
        four_records(&sim).await;
        sim.disk.flip_byte(&first_segment(), ONE);
        let booted = sim.boot().unwrap();
        let (found, damage) = replay(&booted, A);
        assert_eq!(found, ["three"]);
        let damage = damage.expect("one is lost");
        let start = format!("/sim/log/0000000000000000.seg at byte {}: ", ONE - FRAME_HEADER_LEN);
        assert!(damage.starts_with(&start), "{damage}");
        assert!(damage.contains("records 0..=0 of samples/ws-a are lost"), "{damage}");
        assert_eq!(replay(&booted, B), (vec!["two".to_owned(), "four".to_owned()], None));
        let evidence = booted.world.disk.list(Path::new("log/damaged")).unwrap();
        assert_eq!(evidence[0].name, "0000000000000000.seg");

        // It goes on, also over the next start, until nobody needs the segment.
        append(&booted, A, "five").await;
        sim.kill(&booted);
        let booted = sim.boot().unwrap();
        assert!(replay(&booted, A).1.is_some());
        booted.log.trim(&StreamName::new(A), Position(0));
        assert_eq!(replay(&booted, A), (vec!["three".to_owned(), "five".to_owned()], None));
    });
}

#[test]
fn a_bad_batch_header_concerns_all() {
    run(2, |sim| async move {
        four_records(&sim).await;
        sim.disk.flip_byte(&first_segment(), HEADER_LEN);
        let booted = sim.boot().unwrap();
        // The first batch held the name of the stream as well: its later records have none.
        let (found, damage) = replay(&booted, A);
        assert_eq!(found, Vec::<String>::new());
        assert!(damage.expect("lost").contains("records 0..=0 are lost"));
        assert!(replay(&booted, B).1.is_some(), "nobody knows whose they were");
        assert_eq!(replay(&booted, B).0, ["two", "four"]);
        assert_eq!(append(&booted, A, "five").await, Position(4));
    });
}

#[test]
fn a_bad_header_loses_the_segment_and_nothing_else() {
    run(3, |sim| async move {
        four_records(&sim).await;
        sim.disk.flip_byte(&first_segment(), 30);
        let booted = sim.boot().unwrap();
        // Nothing of it is needed any more, yet nobody was told.
        sim.sleep(Duration::from_secs(1)).await;
        assert!(replay(&booted, A).1.expect("lost").contains("the header is not valid"));
        let position = append(&booted, A, "five").await;
        assert!(position > Position(3), "never a position twice: {position:?}");
        assert_eq!(replay(&booted, A).0, ["five"]);
        booted.log.trim(&StreamName::new(A), position);
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(booted.log.damage(), Vec::<String>::new(), "who lives on has flushed");
    });
}

#[test]
fn what_goes_bad_while_the_log_is_open_is_told_as_well() {
    run(5, |sim| async move {
        let booted = sim.boot().unwrap();
        for (stream, text) in [(A, "one"), (B, "two"), (A, "three")] {
            append(&booted, stream, text).await;
        }
        sim.disk.flip_byte(&first_segment(), ONE);
        let (found, damage) = replay(&booted, A);
        assert_eq!(found, ["three"]);
        assert!(damage.expect("one is lost").ends_with("record 0 of samples/ws-a is lost"));
        assert_eq!(replay(&booted, B), (vec!["two".to_owned()], None));
    });
}

#[test]
fn a_newer_segment_is_refused_by_name() {
    run(4, |sim| async move {
        four_records(&sim).await;
        sim.disk.flip_byte(&first_segment(), 9);
        let error = sim.boot().err().expect("a newer version");
        let LogOpenError::Newer { path, found } = &error else { panic!("unexpected: {error}") };
        assert_eq!((path.as_path(), *found), (Path::new("/sim/log/0000000000000000.seg"), 0xff01));
        assert!(error.to_string().contains("has version 65281, this program reads up to 1"));
    });
}

#[test]
fn any_byte_of_an_older_segment() {
    for_each_seed("log_damage", 300, |mut sim| async move {
        sim.log_settings.segment_bytes_max = 500;
        let booted = sim.boot().unwrap();
        let mut expected = [Vec::new(), Vec::new()];
        for n in 0..20 {
            let which = sim.dice.below(2) as usize;
            let text = format!("record {n}");
            append(&booted, [A, B][which], &text).await;
            expected[which].push(text);
        }
        booted.log.close().await;
        let names = booted.world.disk.list(Path::new("log")).unwrap();
        sim.kill(&booted);
        // Damage in the very last batch cannot be told from a torn write.
        let segments: Vec<_> = names.iter().filter(|e| segment_first(&e.name).is_some()).collect();
        assert!(segments.len() > 2, "{segments:?}");
        let damaged = segments[sim.dice.below(segments.len() as u64 - 1) as usize];
        let offset = sim.dice.below(damaged.len) as usize;
        sim.disk.flip_byte(&Path::new("log").join(&damaged.name), offset);
        let booted = match sim.boot() {
            Err(LogOpenError::Newer { .. }) => {
                assert!((8..12).contains(&offset), "only a version can be newer");
                return;
            }
            other => other.unwrap(),
        };
        for (stream, expected) in [A, B].iter().zip(&expected) {
            let (found, damage) = replay(&booted, stream);
            let is_whole = found == *expected;
            assert!(is_whole || damage.is_some(), "{stream}: records are gone and nobody says so");
            assert!(found.iter().all(|text| expected.contains(text)));
            let lost = expected.len() - found.len();
            assert!(lost <= 10, "one segment at most: {lost} of {}", expected.len());
        }
        let position = append(&booted, A, "after").await;
        assert_eq!(position, Position(20));
    });
}
