//! Who wins where two samples share series and timestamp.
//!
//! The greater in one fixed total order wins: histogram over number over NaN over staleness marker,
//! and among equals of a kind the greater one. So merging is associative, commutative and
//! idempotent:
//! head and blocks, replays, overlapping flushes and compactions in any order give one answer.
//! (An append that contradicts what the head holds is refused before that; this decides the rest.)

use std::cmp::Ordering;

use protocol::sample::{HistogramSample, Sample, is_stale_nan};

use crate::histogram_codec;

/// The order of two values of one timestamp: the greater wins.
pub fn compare_values(a: f64, b: f64) -> Ordering {
    fn rank(value: f64) -> u8 {
        match value {
            v if is_stale_nan(v) => 0,
            v if v.is_nan() => 1,
            _ => 2,
        }
    }
    rank(a).cmp(&rank(b)).then_with(|| a.total_cmp(&b))
}

/// Sorts by time and leaves the winner of each timestamp.
pub fn settle_samples(samples: &mut Vec<Sample>) {
    if samples.windows(2).all(|pair| pair[0].timestamp_ms < pair[1].timestamp_ms) {
        return;
    }
    samples.sort_unstable_by(|a, b| {
        a.timestamp_ms.cmp(&b.timestamp_ms).then_with(|| compare_values(b.value, a.value))
    });
    samples.dedup_by_key(|sample| sample.timestamp_ms);
}

/// Sorts by time and leaves the winner of each timestamp.
pub fn settle_histograms(histograms: &mut Vec<HistogramSample>) {
    if histograms.windows(2).all(|pair| pair[0].timestamp_ms < pair[1].timestamp_ms) {
        return;
    }
    histograms.sort_by(|a, b| {
        a.timestamp_ms
            .cmp(&b.timestamp_ms)
            .then_with(|| histogram_codec::canonical(b).cmp(&histogram_codec::canonical(a)))
    });
    histograms.dedup_by_key(|sample| sample.timestamp_ms);
}

/// Drops numbers whose timestamp holds a histogram. Both lists are settled.
pub fn settle_kinds(samples: &mut Vec<Sample>, histograms: &[HistogramSample]) {
    if samples.is_empty() || histograms.is_empty() {
        return;
    }
    samples.retain(|sample| {
        histograms.binary_search_by_key(&sample.timestamp_ms, |h| h.timestamp_ms).is_err()
    });
}

#[cfg(test)]
mod tests {
    use protocol::sample::stale_nan;

    use super::*;

    #[test]
    fn the_order_is_stale_nan_number() {
        let ordered =
            [stale_nan(), f64::NAN, f64::NEG_INFINITY, -1.0, -0.0, 0.0, 2.0, f64::INFINITY];
        for pair in ordered.windows(2) {
            assert_eq!(compare_values(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn one_winner_whatever_the_order() {
        let sample = |timestamp_ms, value| Sample { timestamp_ms, value };
        let mut one = vec![sample(2, 1.0), sample(1, 5.0), sample(2, stale_nan()), sample(1, 5.0)];
        let mut other: Vec<_> = one.iter().rev().copied().collect();
        settle_samples(&mut one);
        settle_samples(&mut other);
        assert_eq!(one, [sample(1, 5.0), sample(2, 1.0)]);
        assert_eq!(one, other);
    }
}
