//! Remote write bodies: decompressed and decoded.
//!
//! A batch as Prometheus sends it: 2000 series, one sample each, nine labels. Bytes are those of
//! the
//! decoded message.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::labels::Labels;
use protocol::remote_write::decode::decode;
use protocol::remote_write::encode::encode;
use protocol::remote_write::{DECODED_BYTES_MAX, Version, compress, decompress};
use protocol::sample::{Sample, TimeSeries};

const SERIES: usize = 2000;

fn batch() -> Vec<TimeSeries> {
    let series = |at: usize| {
        let pairs = [
            ("__name__", format!("app_requests_{}_total", at / 20)),
            ("cluster", "home".to_owned()),
            ("instance", format!("10.0.0.{}:8080", at % 20)),
            ("job", "app".to_owned()),
            ("method", "GET".to_owned()),
            ("namespace", "default".to_owned()),
            ("path", format!("/api/v1/items/{}", at % 10)),
            ("pod", format!("app-7d9f-{}", at % 20)),
            ("status", "200".to_owned()),
        ];
        let sample = Sample { timestamp_ms: 1_700_000_000_000, value: at as f64 / 8.0 };
        TimeSeries {
            labels: Labels::from_pairs(pairs),
            samples: vec![sample],
            histograms: Vec::new(),
            exemplars: Vec::new(),
            metadata: None,
        }
    };
    (0..SERIES).map(series).collect()
}

fn benches(criterion: &mut Criterion) {
    let batch = batch();
    for (name, version) in [("v1", Version::V1), ("v2", Version::V2)] {
        let message = encode(&batch, version);
        assert_eq!(decode(&message, version).unwrap().series.len(), SERIES);
        let body = compress(&message);
        let mut group = criterion.benchmark_group(format!("remote_write_{name}"));
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function("decompress/bytes", |b| {
            b.iter(|| decompress(black_box(&body), DECODED_BYTES_MAX).unwrap());
        });
        group.bench_function("decode/bytes", |b| {
            b.iter(|| decode(black_box(&message), version).unwrap());
        });
        group.throughput(Throughput::Elements(SERIES as u64));
        group.bench_function("decode/samples", |b| {
            b.iter(|| decode(black_box(&message), version).unwrap());
        });
        group.finish();
    }
}

criterion_group!(remote_write, benches);
criterion_main!(remote_write);
