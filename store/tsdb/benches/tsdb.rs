//! Codec, ingest into the head, blocks, weights.
//!
//! Run with `cargo bench -p tsdb`. The lines `weight: ...` are bytes, not times: of open chunks and
//! of a block, over a load like an exporter's (half the series constant, counters, gauges,
//! buckets).

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use protocol::labels::Labels;
use protocol::sample::{Sample, TimeSeries};
use tsdb::block_writer::{BlockWriter, LEVEL_FRESH, LEVEL_KEPT};
use tsdb::head::Head;
use tsdb::ingest::{self, AppendMode};
use tsdb::options::TsdbOptions;
use tsdb::precedence::settle_samples;
use tsdb::sample_codec::{SampleEncoder, decode};

const START: i64 = 1_700_000_000_000;
const STEP: i64 = 15_000;

/// A number that looks like chance and repeats.
fn noise(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xdead_beef;
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

fn labels(series: u64) -> Labels {
    let target = series % 50;
    let metric = series / 50;
    let (name, le) = match metric % 4 {
        3 => (format!("request_duration_seconds_bucket_{}", metric / 40), Some(metric % 40)),
        _ => (format!("node_metric_{metric}"), None),
    };
    let mut pairs = vec![
        ("__name__".to_owned(), name),
        ("instance".to_owned(), format!("10.0.{}.{}:9100", target / 250, target % 250)),
        ("job".to_owned(), "node-exporter".to_owned()),
        ("namespace".to_owned(), format!("team-{}", target % 7)),
        ("pod".to_owned(), format!("node-exporter-{:05x}", noise(target) & 0xf_ffff)),
        ("cluster".to_owned(), "production-eu-1".to_owned()),
    ];
    pairs.extend(le.map(|le| ("le".to_owned(), format!("0.{le:03}"))));
    Labels::from_pairs(pairs)
}

fn value(series: u64, at: u64) -> f64 {
    match series / 50 % 4 {
        0 | 1 => (series * 100) as f64,
        2 if series.is_multiple_of(2) => {
            // A counter of hundredths of seconds.
            (at * 40 + noise(series ^ at << 20) % 30) as f64 / 100.0
        }
        2 => (1_000_000 + noise(series ^ at << 20) % 4096 * 64) as f64,
        _ => (0..=at).map(|step| noise(series ^ step << 20) % 8 / 6).sum::<u64>() as f64,
    }
}

fn batch(from: u64, count: u64, at: u64) -> Vec<TimeSeries> {
    let timestamp_ms = START + at as i64 * STEP;
    let entry = |series| TimeSeries {
        labels: labels(series),
        samples: vec![Sample { timestamp_ms, value: value(series, at) }],
        ..TimeSeries::default()
    };
    (from..from + count).map(entry).collect()
}

fn append(head: &Head, options: &TsdbOptions, batch: Vec<TimeSeries>) -> u64 {
    let plan = ingest::plan(head, options, i64::MAX / 2, batch, AppendMode::KeepValid);
    for entry in &plan.accepted {
        head.push(&entry.series, &entry.samples, &entry.histograms);
    }
    plan.outcome.samples
}

fn filled(series: u64, samples: u64) -> Head {
    let (head, options) = (Head::default(), TsdbOptions::default());
    for at in 0..samples {
        append(&head, &options, batch(0, series, at));
    }
    head
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("chunk");
    group.throughput(Throughput::Elements(240));
    for (name, series) in [("constant", 0), ("decimal", 100), ("gauge", 101), ("bucket", 150)] {
        let samples: Vec<_> =
            (0..240).map(|at| (START + at as i64 * STEP, value(series, at))).collect();
        let encode = || {
            let mut encoder = SampleEncoder::default();
            for (timestamp_ms, value) in &samples {
                encoder.push(*timestamp_ms, *value);
            }
            encoder.take()
        };
        let bytes = encode();
        println!("weight: chunk of 240 {name}: {} bytes", bytes.len());
        group.bench_function(format!("encode {name}"), |b| b.iter(|| black_box(encode())));
        let mut out = Vec::new();
        group.bench_function(format!("decode {name}"), |b| {
            b.iter(|| {
                out.clear();
                decode(black_box(&bytes), 240, i64::MIN, i64::MAX, &mut out).unwrap();
            });
        });
    }
    group.finish();
}

fn ingest_to_head(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest");
    group.throughput(Throughput::Elements(10_000));
    group.sample_size(20);
    let options = TsdbOptions::default();
    let head = filled(10_000, 2);
    let mut at = 2;
    group.bench_function("known series", |b| {
        b.iter_batched(
            || {
                at += 1;
                batch(0, 10_000, at % 64 + at / 64 * 64)
            },
            |batch| append(&head, &options, batch),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("new series", |b| {
        b.iter_batched(
            || (Head::default(), batch(0, 10_000, 0)),
            |(head, batch)| (append(&head, &options, batch), head),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn block(c: &mut Criterion) {
    let (series, samples) = (10_000, 480);
    let head = filled(series, samples);
    let bytes = head.bytes();
    println!("weight: head of {series} x {samples}: {} bytes a series", bytes / series);
    let mut all: Vec<(Arc<_>, Labels)> = Vec::new();
    for series in head.series_in_block_order() {
        let labels = head.labels(&series);
        all.push((series, labels));
    }
    let write = |level| {
        let mut writer = BlockWriter::new(7_200_000, level);
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        for (series, labels) in &all {
            samples.clear();
            let part = series.part(i64::MIN, i64::MAX);
            part.read(i64::MIN, i64::MAX, &mut samples, &mut histograms).unwrap();
            settle_samples(&mut samples);
            writer.push(labels, &samples, &[]).unwrap();
        }
        writer.finish().unwrap().unwrap()
    };
    for (name, level) in [("fresh", LEVEL_FRESH), ("kept", LEVEL_KEPT)] {
        let block = write(level);
        let total = block.bytes.len() as f64 / block.footer.samples as f64;
        let pages = block.footer.groups.iter().flat_map(|group| &group.pages);
        let pages: u64 = pages.map(|page| u64::from(page.section.len)).sum();
        let pages = pages as f64 / block.footer.samples as f64;
        println!("weight: block, {name}: {total:.3} bytes a sample, {pages:.3} of it samples");
    }
    let mut group = c.benchmark_group("block");
    group.sample_size(10);
    group.throughput(Throughput::Elements(series * samples));
    group.bench_function("write and verify", |b| b.iter(|| write(LEVEL_FRESH)));
    group.finish();
}

criterion_group!(benches, codec, ingest_to_head, block);
criterion_main!(benches);
