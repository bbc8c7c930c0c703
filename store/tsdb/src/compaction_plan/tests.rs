//! Tests of `compaction_plan`.

use super::*;

const HOUR: i64 = 3_600_000;

fn block(from_hour: i64, to_hour: i64, bytes: u64) -> BlockEntry {
    let (min_ms, max_ms) = (from_hour * HOUR, to_hour * HOUR - 1);
    BlockEntry { min_ms, max_ms, bytes, ..BlockEntry::default() }
}

fn rules(newest_hour: i64) -> PlanRules {
    PlanRules {
        block_span_ms: 2 * HOUR,
        newest_ms: newest_hour * HOUR,
        merged_bytes_max: 1000,
        retention_ms: None,
    }
}

#[test]
fn a_window_that_is_over_becomes_one_block() {
    let blocks = [block(0, 2, 10), block(0, 2, 10), block(2, 4, 10)];
    assert_eq!(next_merge(&blocks, &rules(1)), None, "the window is not over");
    assert_eq!(next_merge(&blocks, &rules(2)), Some(vec![0, 1]));
    let blocks = [block(0, 2, 10), block(2, 4, 10), block(4, 6, 10), block(6, 8, 10)];
    assert_eq!(next_merge(&blocks, &rules(7)), None);
    assert_eq!(next_merge(&blocks, &rules(8)), Some(vec![0, 1, 2, 3]), "eight hours");
    let blocks = [block(0, 8, 40), block(8, 16, 40), block(16, 24, 40)];
    assert_eq!(next_merge(&blocks, &rules(24)), Some(vec![0, 1, 2]), "a day");
    assert_eq!(next_merge(&blocks[..1], &rules(24)), None, "one block alone");
}

#[test]
fn many_small_flushes_are_merged_at_once() {
    let blocks: Vec<_> = (0..4).map(|_| block(0, 1, 10)).collect();
    assert_eq!(next_merge(&blocks[..3], &rules(1)), None);
    assert_eq!(next_merge(&blocks, &rules(1)), Some(vec![0, 1, 2, 3]));
}

#[test]
fn late_samples_gather_before_an_old_block_is_written_anew() {
    let mut blocks = vec![block(0, 24, 900)];
    for _ in 0..4 {
        assert_eq!(next_merge(&blocks, &rules(100)), None, "{}", blocks.len());
        blocks.push(block(3, 7, 1));
    }
    let merge = next_merge(&blocks, &rules(100)).unwrap();
    assert!(merge.len() >= 4, "{merge:?}");
}

#[test]
fn large_blocks_stay_apart() {
    let blocks = [block(0, 2, 600), block(0, 2, 600), block(0, 2, 300)];
    assert_eq!(next_merge(&blocks, &rules(9)), Some(vec![0, 2]));
    assert_eq!(next_merge(&blocks[..2], &rules(9)), None);
}

#[test]
fn retention_bounds_the_windows_and_drops_whole_blocks() {
    let blocks = [block(0, 8, 40), block(8, 16, 40), block(16, 24, 40)];
    let rules = PlanRules { retention_ms: Some(48 * HOUR), ..rules(24) };
    assert_eq!(next_merge(&blocks, &rules), None, "a day is more than a quarter of two");
    assert_eq!(expired(&blocks, 16 * HOUR), [0, 1]);
    assert_eq!(expired(&blocks, 16 * HOUR - 1), [0]);
}

#[test]
fn a_plan_ends_whatever_the_blocks() {
    // Merging as planned, over and over, must come to rest.
    let mut blocks: Vec<_> =
        (0..200).map(|at| block(at % 37 - 9, at % 37 - 9 + 1 + at % 5, at as u64 % 90)).collect();
    for round in 0.. {
        assert!(round < 200, "no rest after {round} merges");
        let Some(members) = next_merge(&blocks, &rules(30)) else { break };
        assert!(members.len() >= 2);
        let merged = BlockEntry {
            min_ms: members.iter().map(|at| blocks[*at].min_ms).min().unwrap(),
            max_ms: members.iter().map(|at| blocks[*at].max_ms).max().unwrap(),
            bytes: members.iter().map(|at| blocks[*at].bytes).sum(),
            ..BlockEntry::default()
        };
        let mut at = 0;
        blocks.retain(|_| {
            at += 1;
            !members.contains(&(at - 1))
        });
        blocks.push(merged);
    }
    assert!(blocks.len() < 60, "{}", blocks.len());
}

#[test]
fn extreme_times_do_not_overflow() {
    let extreme = |min_ms, max_ms| BlockEntry { min_ms, max_ms, ..BlockEntry::default() };
    let blocks = [extreme(i64::MIN, i64::MAX), extreme(i64::MAX, i64::MAX), extreme(i64::MIN, 0)];
    assert_eq!(next_merge(&blocks, &PlanRules { newest_ms: i64::MAX, ..rules(0) }), None);
}
