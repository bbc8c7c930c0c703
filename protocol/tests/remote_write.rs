//! Remote write: round trips, an oracle, hostile bytes.

use std::sync::Arc;

use proptest::prelude::*;
use prost::Message;
use protocol::histogram::{FloatHistogram, ResetHint, Span};
use protocol::labels::Labels;
use protocol::remote_write::Version;
use protocol::remote_write::decode::{DecodedWrite, decode};
use protocol::remote_write::encode::encode;
use protocol::sample::{
    Exemplar, HistogramSample, Metadata, MetricType, Sample, TimeSeries, stale_nan,
};

fn labels() -> impl Strategy<Value = Labels> {
    proptest::collection::btree_map("[a-z]{1,4}", "[^\u{0}]{1,6}", 0..5).prop_map(|mut map| {
        map.insert("__name__".into(), "m".into());
        Labels::from_pairs(map)
    })
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let value = prop_oneof![any::<f64>().prop_filter("bits compare", |v| !v.is_nan()), Just(-0.0)];
    let sample =
        (any::<i64>(), value).prop_map(|(timestamp_ms, value)| Sample { timestamp_ms, value });
    proptest::collection::vec(sample, 1..5)
}

fn series() -> impl Strategy<Value = TimeSeries> {
    (labels(), samples(), proptest::option::of("[a-z ]{0,9}")).prop_map(
        |(labels, samples, help)| TimeSeries {
            exemplars: vec![Exemplar {
                labels: Labels::from_pairs([("trace_id", "t")]),
                value: 1.5,
                timestamp_ms: -3,
            }],
            metadata: help.map(|help| Metadata {
                metric_type: MetricType::Counter,
                help,
                unit: "seconds".into(),
            }),
            labels,
            samples,
            histograms: Vec::new(),
        },
    )
}

fn histogram() -> HistogramSample {
    HistogramSample {
        timestamp_ms: 17,
        histogram: Arc::new(FloatHistogram {
            reset_hint: ResetHint::Gauge,
            schema: -2,
            zero_threshold: 1e-128,
            zero_count: 0.0,
            count: 6.5,
            sum: -3.25,
            positive_spans: vec![Span { offset: -3, length: 2 }, Span { offset: 5, length: 1 }],
            negative_spans: vec![Span { offset: 0, length: 1 }],
            positive_buckets: vec![1.0, 2.5, 3.0],
            negative_buckets: vec![0.0],
            custom_values: Vec::new(),
        }),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(list in proptest::collection::vec(series(), 0..6)) {
        let decoded = decode(&encode(&list, Version::V2), Version::V2).expect("ours");
        prop_assert_eq!(decoded, DecodedWrite { series: list.clone(), ..Default::default() });

        let decoded = decode(&encode(&list, Version::V1), Version::V1).expect("ours");
        let families: Vec<_> = list.iter().filter_map(|one| one.metadata.clone()).collect();
        prop_assert_eq!(decoded.families.into_iter().map(|(_, m)| m).collect::<Vec<_>>(), families);
        let bare: Vec<_> = list.into_iter().map(|s| TimeSeries { metadata: None, ..s }).collect();
        prop_assert_eq!(decoded.series, bare);
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes, Version::V1);
        let _ = decode(&bytes, Version::V2);
    }

    #[test]
    fn a_cut_body_never_yields_other_series(
        list in proptest::collection::vec(series(), 1..4),
        at in any::<prop::sample::Index>(),
    ) {
        let body = encode(&list, Version::V1);
        let cut = &body[..at.index(body.len())];
        if let Ok(decoded) = decode(cut, Version::V1) {
            for (got, sent) in decoded.series.iter().zip(&list) {
                prop_assert_eq!(&got.samples, &sent.samples);
            }
        }
    }
}

#[test]
fn histograms_round_trip_in_both_versions() {
    for version in [Version::V1, Version::V2] {
        let series = TimeSeries {
            labels: Labels::from_pairs([("__name__", "h")]),
            histograms: vec![histogram()],
            ..TimeSeries::default()
        };
        let decoded =
            decode(&encode(std::slice::from_ref(&series), version), version).expect("ours");
        assert_eq!(decoded.series, vec![series]);
    }
}

#[test]
fn staleness_survives_bit_for_bit() {
    let series = TimeSeries {
        labels: Labels::from_pairs([("__name__", "m")]),
        samples: vec![Sample { timestamp_ms: 1, value: stale_nan() }],
        ..TimeSeries::default()
    };
    for version in [Version::V1, Version::V2] {
        let body = encode(std::slice::from_ref(&series), version);
        let value = decode(&body, version).expect("ours").series[0].samples[0].value;
        assert_eq!(value.to_bits(), stale_nan().to_bits());
    }
}

/// The messages of 1.0 as another implementation of protobuf knows them.
mod oracle {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<Series>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Series {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Pair>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Point>,
        #[prost(message, repeated, tag = "4")]
        pub histograms: Vec<IntHistogram>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Pair {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Point {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct BucketSpan {
        #[prost(sint32, tag = "1")]
        pub offset: i32,
        #[prost(uint32, tag = "2")]
        pub length: u32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct IntHistogram {
        #[prost(uint64, tag = "1")]
        pub count: u64,
        #[prost(double, tag = "3")]
        pub sum: f64,
        #[prost(sint32, tag = "4")]
        pub schema: i32,
        #[prost(message, repeated, tag = "11")]
        pub spans: Vec<BucketSpan>,
        #[prost(sint64, repeated, tag = "12")]
        pub deltas: Vec<i64>,
        #[prost(int64, tag = "15")]
        pub timestamp: i64,
    }
}

fn pair(name: &str, value: &str) -> oracle::Pair {
    oracle::Pair { name: name.into(), value: value.into() }
}

fn one_point() -> Vec<oracle::Point> {
    vec![oracle::Point { value: 1.0, timestamp: 2 }]
}

#[test]
fn a_body_of_another_implementation_reads_alike() {
    let histograms = vec![oracle::IntHistogram {
        count: 6,
        sum: 2.5,
        schema: 1,
        spans: vec![oracle::BucketSpan { offset: 2, length: 3 }],
        deltas: vec![1, 2, -1],
        timestamp: 9,
    }];
    let request = oracle::WriteRequest {
        timeseries: vec![
            oracle::Series {
                // unsorted, and one empty value: both are taken
                labels: vec![pair("z", "1"), pair("__name__", "m"), pair("e", "")],
                samples: one_point(),
                histograms,
            },
            oracle::Series {
                labels: vec![pair("__name__", "m"), pair("a", "1"), pair("a", "2")],
                samples: one_point(),
                histograms: Vec::new(),
            },
            oracle::Series {
                labels: vec![pair("a", "1")],
                samples: one_point(),
                histograms: Vec::new(),
            },
        ],
    };
    let decoded = decode(&request.encode_to_vec(), Version::V1).expect("valid protobuf");
    assert_eq!(decoded.series.len(), 1);
    assert_eq!(decoded.series[0].labels.to_string(), r#"m{z="1"}"#);
    let histogram = &decoded.series[0].histograms[0].histogram;
    assert_eq!(histogram.positive_buckets, vec![1.0, 3.0, 2.0]);
    assert_eq!(decoded.refused.len(), 2);
    assert!(decoded.refused[0].to_string().contains("twice"), "{}", decoded.refused[0]);
    assert!(decoded.refused[1].to_string().contains("no metric name"), "{}", decoded.refused[1]);
}
