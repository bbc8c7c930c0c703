//! Batches to durable, and selectors.
//!
//! `append` goes through a real log in a temporary folder: each run waits until its batches are on
//! disk. `select` finds series in the head by matchers.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use protocol::labels::Labels;
use protocol::matcher::{MatchOp, Matcher};
use protocol::sample::{Sample, TimeSeries};
use tokio::runtime::Runtime;
use tsdb::ingest::AppendMode;
use tsdb::options::TsdbOptions;
use tsdb::selection::SelectBudget;
use tsdb::tsdb::Tsdb;
use world::real_world::RealWorld;

/// Series of one batch, one sample each, as a collector sends them.
const BATCH: usize = 2000;
/// Batches under way at once.
const SENDERS: usize = 8;
const STEP_MS: i64 = 15_000;
const SELECTED: usize = 100_000;

fn labels(sender: usize, at: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{}", at % 100)),
        ("instance", format!("host-{}", at / 100)),
        ("job", format!("job-{sender}")),
    ])
}

fn batch(sender: usize, series: usize, timestamp_ms: i64) -> Vec<TimeSeries> {
    let one = |at: usize| TimeSeries {
        labels: labels(sender, at),
        samples: vec![Sample { timestamp_ms, value: (at as i64 + timestamp_ms / STEP_MS) as f64 }],
        histograms: Vec::new(),
        exemplars: Vec::new(),
        metadata: None,
    };
    (0..series).map(one).collect()
}

fn with_database(run: impl FnOnce(&Runtime, &Arc<Tsdb>, i64)) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir_in(".").unwrap();
    let real = runtime.block_on(RealWorld::open(dir.path())).unwrap();
    let world = real.world.clone();
    let start_ms = world.clock.now_ms() - 30 * 86_400_000;
    let database = runtime.block_on(Tsdb::open(world, "ws-bench", TsdbOptions::default())).unwrap();
    run(&runtime, &database, start_ms);
    runtime.block_on(database.close());
    runtime.block_on(real.close());
}

fn append(criterion: &mut Criterion) {
    with_database(|runtime, database, start_ms| {
        let mut group = criterion.benchmark_group("append_to_durable");
        for senders in [1, SENDERS] {
            let mut time_ms = start_ms + senders as i64 * 86_400_000;
            group.throughput(Throughput::Elements((senders * BATCH) as u64));
            group.bench_function(format!("{senders} senders/samples"), |bencher| {
                let make = || {
                    time_ms += STEP_MS;
                    (0..senders).map(|sender| batch(sender, BATCH, time_ms)).collect::<Vec<_>>()
                };
                let send = |batches: Vec<Vec<TimeSeries>>| {
                    let appends = batches
                        .into_iter()
                        .map(|batch| database.append(batch, AppendMode::KeepValid));
                    for outcome in runtime.block_on(join_all(appends)) {
                        assert_eq!(outcome.unwrap().refused_total(), 0);
                    }
                };
                bencher.iter_batched(make, send, BatchSize::PerIteration);
            });
        }
        group.finish();
    });
}

fn select(criterion: &mut Criterion) {
    with_database(|runtime, database, start_ms| {
        let sent = database.append(batch(0, SELECTED, start_ms), AppendMode::KeepValid);
        assert_eq!(runtime.block_on(sent).unwrap().refused_total(), 0);
        let name = || Matcher::equal("__name__", "metric_7");
        let regex = |value| Matcher::new(MatchOp::Regex, "instance", value).unwrap();
        let cases = [
            ("name", vec![name()], SELECTED / 100),
            ("name and alternatives", vec![name(), regex("host-(1|2|3)")], 3),
            ("name and pattern", vec![name(), regex(".*-9.*")], 111),
        ];
        let mut group = criterion.benchmark_group(format!("select among {SELECTED}"));
        for (what, matchers, expected) in cases {
            let find = || {
                let (from_ms, to_ms) = (start_ms - 1, start_ms + 1);
                let found = database.select(&matchers, from_ms, to_ms, SelectBudget::UNLIMITED);
                runtime.block_on(found).unwrap()
            };
            assert_eq!(find().len(), expected, "{what}");
            group.throughput(Throughput::Elements(expected as u64));
            group.bench_function(format!("{what}/series"), |b| b.iter(|| black_box(find())));
        }
        group.finish();
    });
}

criterion_group!(ingest, append, select);
criterion_main!(ingest);
