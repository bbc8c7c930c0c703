//! Tests of `sample_codec`.

use proptest::prelude::*;
use protocol::sample::{NORMAL_NAN_BITS, STALE_NAN_BITS};

use super::*;

fn bits(samples: &[Sample]) -> Vec<(i64, u64)> {
    samples.iter().map(|s| (s.timestamp_ms, s.value.to_bits())).collect()
}

fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut encoder = SampleEncoder::default();
    for &(timestamp, value) in samples {
        encoder.push(timestamp, value);
        assert_eq!(encoder.last().map(|s| s.timestamp_ms), Some(timestamp));
    }
    let snapshot = encoder.snapshot();
    let taken = encoder.take();
    assert_eq!(snapshot, taken);
    assert!(encoder.is_empty());
    taken
}

fn check(samples: &[(i64, f64)]) -> usize {
    let bytes = encode(samples);
    let mut out = Vec::new();
    decode(&bytes, samples.len() as u32, i64::MIN, i64::MAX, &mut out).unwrap();
    let wanted: Vec<_> = samples.iter().map(|(t, v)| (*t, v.to_bits())).collect();
    assert_eq!(bits(&out), wanted);
    bytes.len()
}

fn strange_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<f64>(),
        (-1_000_000i64..1_000_000).prop_map(|v| v as f64),
        (-1_000_000i64..1_000_000, 0usize..14).prop_map(|(v, e)| v as f64 / 10f64.powi(e as i32)),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::from_bits(STALE_NAN_BITS),
            f64::from_bits(NORMAL_NAN_BITS),
            9_007_199_254_740_991.0,
            9_007_199_254_740_992.0,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
        ]),
    ]
}

proptest! {
    #[test]
    fn what_was_pushed_comes_back_bit_for_bit(
        start in any::<i64>(),
        steps in prop::collection::vec(
            (prop_oneof![Just(15_000u64), 1..20u64, 1..u64::from(u32::MAX)], strange_value()),
            0..300,
        ),
    ) {
        let mut samples: Vec<(i64, f64)> = Vec::new();
        let mut timestamp = start;
        for (step, value) in steps {
            // The series ends where time does.
            let Some(next) = timestamp.checked_add(step as i64) else { break };
            timestamp = next;
            samples.push((timestamp, value));
        }
        if !samples.is_empty() {
            check(&samples);
        }
    }

    #[test]
    fn any_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        count in 0u32..400,
    ) {
        let mut out = Vec::new();
        let _ = decode(&bytes, count, i64::MIN, i64::MAX, &mut out);
        prop_assert!(out.len() <= count as usize);
    }
}

#[test]
fn extremes_of_time_fit() {
    check(&[(i64::MIN, 1.0), (-1, 2.0), (0, 3.0), (i64::MAX, 4.0)]);
}

#[test]
fn everyday_series_are_small() {
    let constant: Vec<_> = (0..240).map(|i| (i * 15_000, 42.0)).collect();
    assert!(check(&constant) <= 12, "{}", check(&constant));
    let counter: Vec<_> = (0..240).map(|i| (i * 15_000, (i * 7 % 50 + i * 40) as f64)).collect();
    assert!(check(&counter) <= 280, "{}", check(&counter));
    let seconds: Vec<_> = (0..240).map(|i| (i * 15_000, (i * 37 + i % 7) as f64 / 100.0)).collect();
    assert!(check(&seconds) <= 300, "{}", check(&seconds));
}

#[test]
fn a_range_is_cut_out() {
    let samples: Vec<_> = (0..10).map(|i| (i * 10, i as f64)).collect();
    let mut out = Vec::new();
    decode(&encode(&samples), 10, 15, 40, &mut out).unwrap();
    assert_eq!(out.iter().map(|s| s.timestamp_ms).collect::<Vec<_>>(), [20, 30, 40]);
}

#[test]
fn a_wrong_count_is_damage() {
    let bytes = encode(&[(1, 1.0), (2, 2.0)]);
    let read = |count| decode(&bytes, count, i64::MIN, i64::MAX, &mut Vec::new());
    assert!(read(1).is_err() && read(3).is_err() && read(2).is_ok());
}
