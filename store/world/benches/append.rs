//! From an append to durable: what group commit gives.
//!
//! Each run appends one record from each of some concurrent callers and waits for all. With one
//! caller it shows the cost of a sync, with many how one sync serves them all.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use tokio::runtime::Runtime;
use world::commit_log::{CommitLog, Position, StreamName};
use world::real_world::RealWorld;

/// A remote write body of some 2000 samples.
const RECORD_BYTES: usize = 16 * 1024;

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir_in(".").unwrap();
    let real = runtime.block_on(RealWorld::open(dir.path())).unwrap();
    let payload = Bytes::from(vec![7; RECORD_BYTES]);
    let mut group = criterion.benchmark_group("append_to_durable");
    for callers in [1, 4, 16, 64, 256] {
        let streams: Vec<_> =
            (0..callers).map(|n| StreamName::new(format!("samples/ws-{n}"))).collect();
        group.throughput(Throughput::Bytes((callers * RECORD_BYTES) as u64));
        group.bench_function(BenchmarkId::from_parameter(callers), |bencher| {
            bencher.iter(|| {
                let appends = streams.iter().map(|stream| real.log.append(stream, payload.clone()));
                black_box(runtime.block_on(join_all(appends)));
                for stream in &streams {
                    real.log.trim(stream, Position(u64::MAX));
                }
            });
        });
    }
    group.finish();
    runtime.block_on(real.close());
}

criterion_group!(benches, append);
criterion_main!(benches);
