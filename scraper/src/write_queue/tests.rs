//! Batches, deadlines, order, bounds.

use proptest::prelude::*;
use protocol::labels::Labels;

use super::*;

fn sample(series: u64, time: i64) -> ScrapedSample {
    ScrapedSample {
        labels: Labels::from_pairs([("s", series.to_string())]),
        hash: series,
        timestamp_ms: time,
        value: 0.0,
        exemplar: None,
        metadata: None,
    }
}

fn limits(shards: usize, samples_max: usize) -> QueueLimits {
    QueueLimits { shards, samples_max, batch_samples_max: 3, batch_deadline_ms: 100 }
}

#[test]
fn a_batch_leaves_when_full_or_due_or_flushed() {
    let mut queue = WriteQueue::new(limits(1, 100));
    assert_eq!(queue.take(0, 0, true), None);
    queue.push(vec![sample(1, 1)], 1000);
    assert_eq!(queue.due_ms(0), Some(1100));
    assert_eq!(queue.take(0, 1099, false), None);
    assert_eq!(queue.take(0, 1100, false).map(|batch| batch.len()), Some(1));
    assert_eq!(queue.due_ms(0), None);
    queue.push((0..4).map(|time| sample(1, time)).collect(), 2000);
    assert!(queue.has_full_batch(0));
    assert_eq!(queue.take(0, 2000, false).map(|batch| batch.len()), Some(3));
    assert_eq!(queue.take(0, 2000, false), None);
    assert_eq!(queue.take(0, 2000, true).map(|batch| batch.len()), Some(1));
}

#[test]
fn a_full_shard_drops_its_oldest() {
    let mut queue = WriteQueue::new(limits(2, 4));
    assert_eq!(queue.push((0..5).map(|time| sample(2, time)).collect(), 0), 3);
    assert_eq!((queue.dropped(), queue.len()), (3, 2));
    let kept: Vec<i64> =
        queue.take(0, 0, true).expect("a batch").iter().map(|s| s.timestamp_ms).collect();
    assert_eq!(kept, [3, 4]);
}

proptest! {
    #[test]
    fn series_stay_in_order_and_nothing_is_lost(
        series in proptest::collection::vec(0u64..6, 0..60), shards in 1usize..5
    ) {
        let mut queue = WriteQueue::new(limits(shards, 1000));
        let samples = series.iter().enumerate().map(|(time, s)| sample(*s, time as i64));
        queue.push(samples.collect(), 0);
        let mut last = std::collections::HashMap::new();
        let mut count = 0;
        for shard in 0..shards {
            while let Some(batch) = queue.take(shard, 0, true) {
                prop_assert!(batch.len() <= 3);
                for sample in batch {
                    count += 1;
                    let before = last.insert(sample.hash, (shard, sample.timestamp_ms));
                    prop_assert!(before.is_none_or(|b| b.0 == shard && b.1 < sample.timestamp_ms));
                }
            }
        }
        prop_assert_eq!(count, series.len());
    }
}
