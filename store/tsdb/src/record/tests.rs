//! Tests of `record`.

use std::sync::Arc;

use proptest::prelude::*;
use protocol::histogram::FloatHistogram;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn example() -> Record {
    let sample = |timestamp_ms, value| Sample { timestamp_ms, value };
    Record {
        epoch: 77,
        series: vec![
            RecordSeries {
                reference: 9,
                labels: Some(labels(&[("__name__", "up"), ("job", "node")])),
                samples: vec![sample(1_000, 1.0), sample(16_000, -0.0)],
                histograms: vec![],
                exemplars: vec![Exemplar {
                    labels: labels(&[("trace_id", "abc")]),
                    value: 0.5,
                    timestamp_ms: 900,
                }],
            },
            RecordSeries {
                reference: 3,
                labels: None,
                samples: vec![sample(-5, 0.1)],
                histograms: vec![HistogramSample {
                    timestamp_ms: 1_000,
                    histogram: Arc::new(FloatHistogram { count: 2.0, ..Default::default() }),
                }],
                exemplars: vec![],
            },
        ],
        metadata: vec![(
            "up".into(),
            Metadata { metric_type: MetricType::Gauge, help: "Is it?".into(), unit: String::new() },
        )],
    }
}

fn encode(record: &Record) -> Bytes {
    let mut writer = RecordWriter::new(record.epoch, record.series.len(), 0);
    for s in &record.series {
        writer.series(s.reference, s.labels.as_ref(), &s.samples, &s.histograms, &s.exemplars);
    }
    writer.finish(&record.metadata)
}

#[test]
fn a_record_comes_back() {
    assert_eq!(decode(&encode(&example()), "record").unwrap(), example());
}

#[test]
fn a_newer_version_and_a_stranger_are_refused_by_name() {
    let mut bytes = encode(&example()).to_vec();
    bytes[4] = VERSION + 1;
    let error = decode(&bytes, "record 5").unwrap_err().to_string();
    assert!(error.contains("record 5") && error.contains("version 2"), "{error}");
    bytes[0] = b'X';
    assert!(matches!(decode(&bytes, "record"), Err(TsdbError::Damaged { .. })));
}

#[test]
fn every_cut_is_noticed() {
    let bytes = encode(&example());
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len], "record").is_err(), "cut at {len}");
    }
}

/// The bytes of version 1, for ever: a change of this text is a change of the format.
#[test]
fn golden_bytes() {
    let hex = crate::test_world::hex(&encode(&example()));
    let golden = include_str!("golden_v1.hex").trim();
    assert_eq!(hex, golden, "the bytes changed: bump VERSION, keep reading version 1");
}

proptest! {
    #[test]
    fn values_come_back_bit_for_bit(values in prop::collection::vec(
        prop_oneof![any::<u64>().prop_map(f64::from_bits), (-5000i64..5000).prop_map(|v| v as f64)],
        0..50,
    )) {
        let at_time = |(at, &value): (usize, &f64)| Sample { timestamp_ms: at as i64, value };
        let samples: Vec<_> = values.iter().enumerate().map(at_time).collect();
        let mut writer = RecordWriter::new(1, 1, 0);
        writer.series(1, None, &samples, &[], &[]);
        let back = decode(&writer.finish(&[]), "record").unwrap();
        let bits = |s: &[Sample]| -> Vec<_> {
            s.iter().map(|s| (s.timestamp_ms, s.value.to_bits())).collect()
        };
        prop_assert_eq!(bits(&back.series[0].samples), bits(&samples));
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = MAGIC.to_vec();
        framed.push(VERSION);
        framed.extend(bytes);
        let _ = decode(&framed, "record");
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0usize..100, byte in any::<u8>()) {
        let mut bytes = encode(&example()).to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = decode(&bytes, "record");
    }
}
