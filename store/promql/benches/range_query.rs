//! Range queries over data in memory.
//!
//! 100 series, a sample every ten seconds. The shapes of Prometheus's own `BenchmarkRangeQuery`, so
//! that numbers can be laid side by side.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use promql::budget::Budget;
use promql::engine::{evaluate, plan};
use promql::eval_params::EvalParams;
use promql::options::ParseOptions;
use promql::parser::parse_expr;
use promql::source::{Points, ReadError, SeriesData};
use protocol::labels::{Labels, METRIC_NAME};
use protocol::sample::Sample;

/// Samples of a series: three hours and the lookback before.
const SAMPLES: i64 = 1_200;
const STEP_MS: i64 = 10_000;
const STEPS: i64 = 1_000;

struct Stored {
    labels: Labels,
    samples: Vec<Sample>,
}

impl SeriesData for Stored {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, from_ms: i64, to_ms: i64, out: &mut Points) -> Result<(), ReadError> {
        let from = self.samples.partition_point(|sample| sample.timestamp_ms < from_ms);
        let to = self.samples.partition_point(|sample| sample.timestamp_ms <= to_ms);
        out.floats.extend_from_slice(&self.samples[from..to]);
        Ok(())
    }
}

fn counter(pairs: &[(&str, String)], per_step: f64) -> Arc<dyn SeriesData> {
    let labels = Labels::from_pairs(pairs.iter().map(|(name, value)| (*name, value.as_str())));
    let sample = |at: i64| Sample { timestamp_ms: at * STEP_MS, value: at as f64 * per_step };
    Arc::new(Stored { labels, samples: (0..SAMPLES).map(sample).collect() })
}

fn hundred() -> Vec<Arc<dyn SeriesData>> {
    let series = |l: usize| {
        let pairs = [(METRIC_NAME, "a_hundred".to_owned()), ("l", l.to_string())];
        counter(&pairs, l as f64)
    };
    (0..100).map(series).collect()
}

/// A hundred histograms of eleven buckets.
fn buckets() -> Vec<Arc<dyn SeriesData>> {
    let bounds = ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "+Inf"];
    let mut all = Vec::new();
    for l in 0..100 {
        for (at, le) in bounds.iter().enumerate() {
            let name = (METRIC_NAME, "h_hundred_bucket".to_owned());
            let pairs = [name, ("l", l.to_string()), ("le", (*le).to_owned())];
            all.push(counter(&pairs, (at + 1) as f64));
        }
    }
    all
}

fn bench(criterion: &mut Criterion) {
    let cases = [
        ("a_hundred", hundred()),
        ("rate(a_hundred[5m])", hundred()),
        ("sum(a_hundred)", hundred()),
        ("sum by (le) (rate(h_hundred_bucket[5m]))", buckets()),
        ("histogram_quantile(0.9, rate(h_hundred_bucket[5m]))", buckets()),
    ];
    for (query, data) in cases {
        let expr = parse_expr(query, &ParseOptions::default()).expect("a valid query");
        let params = EvalParams::range(300_000, 300_000 + (STEPS - 1) * STEP_MS, STEP_MS);
        let plan = plan(&expr, &params).expect("a plan");
        let data = vec![data];
        let mut group = criterion.benchmark_group("range_query");
        // Series times steps.
        group.throughput(Throughput::Elements(data[0].len() as u64 * STEPS as u64));
        group.bench_function(format!("{query} {STEPS} steps"), |bencher| {
            bencher.iter(|| {
                let result = evaluate(black_box(&plan), &data, &Budget::unlimited());
                black_box(result.expect("an answer"))
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = bench
}
criterion_main!(benches);
