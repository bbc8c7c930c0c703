//! Exposition bodies: parsed alone, and as the next scrape.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::fmt::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::labels::Labels;
use scraper::exposition::{Dialect, Entry};
use scraper::exposition_parser::Parser;
use scraper::sample_labels::LabelRules;
use scraper::scrape_outcome::{Answer, ScrapeRules, TargetState};

const SERIES: usize = 2000;

/// A body like those of usual exporters: families of 10 series with two labels, whole and broken
/// numbers.
fn body(dialect: Dialect) -> String {
    let mut body = String::new();
    for family in 0..SERIES / 10 {
        writeln!(body, "# HELP app_requests_{family}_total Requests by method and path.").unwrap();
        writeln!(body, "# TYPE app_requests_{family}_total counter").unwrap();
        for series in 0..10 {
            let value =
                (family * 7919 + series * 104_729) as f64 / if series % 2 == 0 { 1.0 } else { 8.0 };
            writeln!(
                body,
                "app_requests_{family}_total{{method=\"GET\",path=\"/items/{series}\"}} {value}"
            )
            .unwrap();
        }
    }
    if dialect == Dialect::OpenMetrics {
        body.push_str("# EOF\n");
    }
    body
}

fn parse(body: &str, dialect: Dialect) -> f64 {
    let mut parser = Parser::new(dialect, body);
    let mut sum = 0.0;
    while let Some(entry) = parser.next_entry().expect("a valid body") {
        if let Entry::Sample(line) = entry {
            sum += line.value;
        }
    }
    sum
}

fn benches(criterion: &mut Criterion) {
    for (name, dialect) in [("text", Dialect::Text), ("openmetrics", Dialect::OpenMetrics)] {
        let body = body(dialect);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("parse/bytes", |b| b.iter(|| parse(&body, dialect)));
        group.throughput(Throughput::Elements(SERIES as u64));
        group.bench_function("parse/samples", |b| b.iter(|| parse(&body, dialect)));
        let target = Labels::from_pairs([("job", "app"), ("instance", "host:8080")]);
        let labels = LabelRules { target, ..LabelRules::default() };
        let mut state = TargetState::new(ScrapeRules { labels, ..ScrapeRules::default() });
        let mut time = 0;
        group.bench_function("known_scrape/samples", |b| {
            b.iter_batched(
                || Answer::Body(body.clone().into_bytes(), dialect),
                |answer| {
                    time += 1;
                    state.conclude(answer, time, 0.0)
                },
                criterion::BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(exposition, benches);
criterion_main!(exposition);
