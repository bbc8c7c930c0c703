//! Native histograms with custom buckets, from classic ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use promql::series_description::SequenceValue;
use protocol::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};
use protocol::labels::{BUCKET_LABEL, Labels, LabelsBuilder, METRIC_NAME};

use crate::storage::Point;

/// One classic histogram at one time.
#[derive(Default)]
struct Classic {
    /// Upper bound and cumulated count, ascending.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

type Series = (Labels, BTreeMap<i64, Point>);

/// The native histograms that stand for the classic ones among `loaded`.
pub fn native_from_classic(loaded: &[Series]) -> Vec<Series> {
    let mut found: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for (labels, points) in loaded {
        let Some((base, part)) = split_name(labels) else { continue };
        let bound: f64 = labels.value(BUCKET_LABEL).parse().unwrap_or(f64::NAN);
        if part == "_bucket" && bound.is_nan() {
            continue;
        }
        let times = found.entry(base).or_default();
        for (&time, point) in points {
            let SequenceValue::Float(value) = point.value else { continue };
            let classic = times.entry(time).or_default();
            match part {
                "_bucket" => classic.buckets.push((bound, value)),
                "_count" => classic.count = Some(value),
                _ => classic.sum = value,
            }
        }
    }
    let native = |times: BTreeMap<i64, Classic>| {
        times.into_iter().map(|(time, classic)| (time, classic.into_point())).collect()
    };
    found.into_iter().map(|(labels, times)| (labels, native(times))).collect()
}

/// The labels of the native histogram, and which part of the classic one this series is.
fn split_name(labels: &Labels) -> Option<(Labels, &'static str)> {
    let name = labels.metric_name();
    let part = ["_bucket", "_count", "_sum"].into_iter().find(|part| name.ends_with(part))?;
    let mut base = LabelsBuilder::new(labels);
    base.set(METRIC_NAME, &name[..name.len() - part.len()]);
    base.remove(BUCKET_LABEL);
    Some((base.build(), part))
}

impl Classic {
    fn into_point(mut self) -> Point {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|later, first| later.0 == first.0);
        let highest = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let count = self.count.unwrap_or(highest);
        if self.buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut below = 0.0;
        let mut positive_buckets = Vec::with_capacity(self.buckets.len());
        for (_, cumulated) in &self.buckets {
            positive_buckets.push(cumulated - below);
            below = *cumulated;
        }
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive_spans: vec![Span { offset: 0, length: positive_buckets.len() as u32 }],
            positive_buckets,
            custom_values: bounds.filter(|bound| bound.is_finite()).collect(),
            ..FloatHistogram::default()
        };
        histogram.compact();
        let value =
            SequenceValue::Histogram { histogram: Arc::new(histogram), hint_written: false };
        Point { value, start_ms: 0 }
    }
}
