//! `anchored` and `smoothed`: the value at both edges.
//!
//! Anchored takes the last sample before the range for its start; smoothed interpolates between
//! the samples around either edge.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::histogram_sum::HistogramSum;
use protocol::sample::{HistogramSample, Sample};

use crate::errors::EvalError;
use crate::range_context::RangeContext;
use crate::rate_kind::Kind;
use crate::value::PointValue;
use crate::window::{Edges, Window};

/// The samples from the last at or before the start to the first at or after the end.
#[derive(Clone, Copy)]
struct Inner {
    first: usize,
    last: usize,
}

impl Inner {
    /// `None` where all samples lie on one side of the range.
    fn of(times_ms: &[i64], window: &Window<'_>) -> Option<Self> {
        let smoothed = window.edges == Edges::Smoothed;
        let mut last = times_ms.len().checked_sub(1)?;
        let up_to_last = &times_ms[..last];
        let first = up_to_last.partition_point(|ms| *ms <= window.start_ms).saturating_sub(1);
        if smoothed {
            last = up_to_last.partition_point(|ms| *ms < window.end_ms);
        }
        let before = times_ms[last] <= window.start_ms;
        let after = smoothed && times_ms[first] > window.end_ms;
        (!before && !after).then_some(Self { first, last })
    }
}

/// `rate`, `increase` and `delta` between the values at the edges.
pub fn extended_rate(
    window: &Window<'_>,
    context: &mut RangeContext<'_>,
    kind: Kind,
) -> Result<Option<PointValue>, EvalError> {
    if window.histograms.is_empty() {
        return Ok(extended_floats(window, kind).map(PointValue::Float));
    }
    let histogram = extended_histograms(window, context, kind);
    Ok(histogram.map(|histogram| PointValue::Histogram(Arc::new(histogram))))
}

fn range_seconds(window: &Window<'_>) -> f64 {
    (window.end_ms - window.start_ms) as f64 / 1000.0
}

fn extended_floats(window: &Window<'_>, kind: Kind) -> Option<f64> {
    let floats = window.floats;
    let times_ms: Vec<i64> = floats.iter().map(|point| point.timestamp_ms).collect();
    let Inner { mut first, last } = Inner::of(&times_ms, window)?;
    let (left, right) = edge_values(floats, Inner { first, last }, window, kind.is_counter);
    let mut result = right - left;
    if kind.is_counter {
        if times_ms[first] <= window.start_ms {
            first += 1;
        }
        let end = if times_ms[last] >= window.end_ms { last } else { last + 1 };
        let inside = floats.get(first..end).unwrap_or_default();
        let mut before = left;
        for value in inside.iter().map(|point| point.value).chain([right]) {
            if value < before {
                result += before;
            }
            before = value;
        }
    }
    if kind.per_second {
        result /= range_seconds(window);
    }
    Some(result)
}

/// The values at the range's start and end.
fn edge_values(
    floats: &[Sample],
    inner: Inner,
    window: &Window<'_>,
    is_counter: bool,
) -> (f64, f64) {
    let smoothed = window.edges == Edges::Smoothed;
    let Inner { first, last } = inner;
    let left = match floats.get(first + 1) {
        Some(next) if smoothed && floats[first].timestamp_ms < window.start_ms => {
            interpolate(&floats[first], next, window.start_ms, is_counter)
        }
        _ => floats[first].value,
    };
    let right = if smoothed && last > 0 && floats[last].timestamp_ms > window.end_ms {
        interpolate(&floats[last - 1], &floats[last], window.end_ms, is_counter)
    } else {
        floats[last].value
    };
    (left, right)
}

/// The value between two samples; a counter that was reset began at zero.
pub fn interpolate(before: &Sample, after: &Sample, at_ms: i64, is_counter: bool) -> f64 {
    let reset = is_counter && after.value < before.value;
    let from = if reset { 0.0 } else { before.value };
    let share = (at_ms - before.timestamp_ms) as f64;
    from + (after.value - from) * share / (after.timestamp_ms - before.timestamp_ms) as f64
}

/// The histogram between two; `None`, with a remark, where their buckets do not fit.
pub fn interpolate_histograms(
    before: &HistogramSample,
    after: &HistogramSample,
    at_ms: i64,
    is_counter: bool,
    context: &mut RangeContext<'_>,
) -> Option<FloatHistogram> {
    if at_ms == before.timestamp_ms {
        return Some(FloatHistogram::clone(&before.histogram));
    }
    if at_ms == after.timestamp_ms {
        return Some(FloatHistogram::clone(&after.histogram));
    }
    let span_ms = (after.timestamp_ms - before.timestamp_ms) as f64;
    let fraction = (at_ms - before.timestamp_ms) as f64 / span_ms;
    if is_counter && after.histogram.is_reset_after(&before.histogram) {
        let mut share = FloatHistogram::clone(&after.histogram);
        share.scale(fraction);
        return Some(share);
    }
    let mut sum = HistogramSum::new(&after.histogram);
    context.merged(sum.subtract(&before.histogram), "subtraction")?;
    let mut difference = sum.finish();
    difference.scale(fraction);
    context.add_histogram(&difference, &before.histogram)
}

fn extended_histograms(
    window: &Window<'_>,
    context: &mut RangeContext<'_>,
    kind: Kind,
) -> Option<FloatHistogram> {
    let points = window.histograms;
    let times_ms: Vec<i64> = points.iter().map(|point| point.timestamp_ms).collect();
    let inner = Inner::of(&times_ms, window)?;
    let Inner { first, last } = inner;
    let custom = points[first].histogram.uses_custom_buckets();
    for point in &points[first..=last] {
        if point.histogram.uses_custom_buckets() != custom {
            context.warn_mixed_buckets();
            return None;
        }
        if kind.is_counter && point.histogram.reset_hint == ResetHint::Gauge {
            context.warn_not_counter();
        }
    }
    let smoothed = window.edges == Edges::Smoothed;
    let left = match points.get(first + 1) {
        Some(next) if smoothed && times_ms[first] < window.start_ms => {
            let (start_ms, counter) = (window.start_ms, kind.is_counter);
            interpolate_histograms(&points[first], next, start_ms, counter, context)?
        }
        _ => FloatHistogram::clone(&points[first].histogram),
    };
    let right = if smoothed && last > 0 && times_ms[last] > window.end_ms {
        let (before, after) = (&points[last - 1], &points[last]);
        interpolate_histograms(before, after, window.end_ms, kind.is_counter, context)?
    } else {
        FloatHistogram::clone(&points[last].histogram)
    };
    let gauge = |histogram: &FloatHistogram| histogram.reset_hint == ResetHint::Gauge;
    let both_gauges = gauge(&left) && gauge(&right);
    if !kind.is_counter && !both_gauges {
        context.warn_not_gauge();
    }
    let mut sum = HistogramSum::new(&right);
    context.merged(sum.subtract(&left), "subtraction")?;
    if kind.is_counter {
        add_resets(&mut sum, points, inner, (&left, &right), window, context)?;
    }
    let mut result = sum.finish();
    if kind.per_second {
        result.divide(range_seconds(window));
    }
    result.reset_hint = ResetHint::Gauge;
    result.compact();
    Some(result)
}

/// Adds what counters had reached before each reset inside the range.
fn add_resets(
    sum: &mut HistogramSum,
    points: &[HistogramSample],
    Inner { first, last }: Inner,
    (left, right): (&FloatHistogram, &FloatHistogram),
    window: &Window<'_>,
    context: &mut RangeContext<'_>,
) -> Option<()> {
    let mut from = first + 1;
    let mut before = left;
    let interpolated =
        window.edges == Edges::Smoothed && points[first].timestamp_ms < window.start_ms;
    if interpolated
        && let Some(next) = points.get(first + 1)
        && next.histogram.is_reset_after(&points[first].histogram)
    {
        // The left edge lies behind this reset already.
        before = &next.histogram;
        from += 1;
    }
    if from > last {
        return Some(());
    }
    let inside = points[from..last].iter().map(|point| point.histogram.as_ref());
    for histogram in inside.chain([right]) {
        if histogram.is_reset_after(before) {
            context.merged(sum.add(before), "addition")?;
        }
        before = histogram;
    }
    Some(())
}

/// The floats of a range with one at either edge; none where the range is empty.
pub fn extended_range(floats: &[Sample], window: &Window<'_>) -> Vec<Sample> {
    let times_ms: Vec<i64> = floats.iter().map(|point| point.timestamp_ms).collect();
    let plain = Window { edges: Edges::Anchored, ..*window };
    let Some(mut inner) = Inner::of(&times_ms, &plain) else { return Vec::new() };
    if window.edges == Edges::Smoothed {
        inner.last = times_ms[..times_ms.len() - 1].partition_point(|ms| *ms < window.end_ms);
        if times_ms[inner.last] <= window.start_ms {
            return Vec::new();
        }
    }
    let (left, right) = edge_values(floats, inner, window, false);
    let inside = |point: &&Sample| {
        point.timestamp_ms > window.start_ms && point.timestamp_ms < window.end_ms
    };
    let edge = |timestamp_ms, value| Sample { timestamp_ms, value };
    let mut out = vec![edge(window.start_ms, left)];
    out.extend(floats[inner.first..=inner.last].iter().filter(inside));
    out.push(edge(window.end_ms, right));
    out
}
