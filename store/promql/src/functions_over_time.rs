//! `*_over_time`: one value of all samples of a range.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::histogram_sum::{HistogramMean, HistogramSum, IncompatibleBuckets, Merge};
use protocol::sample::HistogramSample;
use protocol::summation::{CompensatedMean, CompensatedSum};

use crate::errors::EvalError;
use crate::range_context::RangeContext;
use crate::value::PointValue;
use crate::window::Window;

type Answer = Result<Option<PointValue>, EvalError>;

fn float(value: f64) -> Answer {
    Ok(Some(PointValue::Float(value)))
}

/// `sum_over_time(v[d])`
pub fn sum_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        context.warn_mixed_samples();
        return Ok(None);
    }
    if let [first, rest @ ..] = window.histograms {
        let mut sum = HistogramSum::new(&first.histogram);
        let folded = fold_histograms(first, rest, context, |histogram| sum.add(histogram));
        return Ok(folded.map(|()| histogram_value(sum.finish())));
    }
    let mut sum = CompensatedSum::default();
    for point in window.floats {
        sum.add(point.value);
    }
    float(if sum.sum.is_infinite() { sum.sum } else { sum.value() })
}

/// `avg_over_time(v[d])`
pub fn avg_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        context.warn_mixed_samples();
        return Ok(None);
    }
    if let [first, rest @ ..] = window.histograms {
        let mut mean = HistogramMean::new(&first.histogram);
        let folded = fold_histograms(first, rest, context, |histogram| mean.add(histogram));
        return Ok(folded.map(|()| histogram_value(mean.finish())));
    }
    let [first, rest @ ..] = window.floats else { return Ok(None) };
    let mut mean = CompensatedMean::new(first.value);
    for point in rest {
        mean.add(point.value);
    }
    float(mean.value())
}

fn histogram_value(histogram: FloatHistogram) -> PointValue {
    PointValue::Histogram(Arc::new(histogram))
}

/// Adds histogram after histogram and tells once what had to be done.
fn fold_histograms(
    first: &HistogramSample,
    rest: &[HistogramSample],
    context: &mut RangeContext<'_>,
    mut add: impl FnMut(&FloatHistogram) -> Result<Merge, IncompatibleBuckets>,
) -> Option<()> {
    let mut seen = Merge::default();
    for point in rest {
        let Ok(merge) = add(&point.histogram) else {
            context.warn_mixed_buckets();
            return None;
        };
        seen.bounds_reconciled |= merge.bounds_reconciled;
    }
    let hint =
        |hint| std::iter::once(first).chain(rest).any(|point| point.histogram.reset_hint == hint);
    if hint(ResetHint::Reset) && hint(ResetHint::NotReset) {
        let text = "conflicting counter resets during histogram aggregation";
        context.annotations.warn(context.span, text);
    }
    if seen.bounds_reconciled {
        let text = "mismatched custom buckets were reconciled during aggregation";
        context.annotations.info(context.span, text);
    }
    Some(())
}

/// `count_over_time(v[d])`
pub fn count_over_time(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    float((window.floats.len() + window.histograms.len()) as f64)
}

/// `present_over_time(v[d])`: 1.
pub fn present_over_time(_window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    float(1.0)
}

/// `last_over_time(v[d])`
pub fn last_over_time(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    Ok(match (window.floats.last(), window.histograms.last()) {
        (Some(point), Some(histogram)) if histogram.timestamp_ms < point.timestamp_ms => {
            Some(PointValue::Float(point.value))
        }
        (_, Some(point)) => Some(PointValue::Histogram(Arc::clone(&point.histogram))),
        (point, None) => point.map(|point| PointValue::Float(point.value)),
    })
}

/// `first_over_time(v[d])`
pub fn first_over_time(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    Ok(match (window.floats.first(), window.histograms.first()) {
        (Some(point), Some(histogram)) if point.timestamp_ms < histogram.timestamp_ms => {
            Some(PointValue::Float(point.value))
        }
        (_, Some(point)) => Some(PointValue::Histogram(Arc::clone(&point.histogram))),
        (point, None) => point.map(|point| PointValue::Float(point.value)),
    })
}

/// `ts_of_first_over_time(v[d])`: seconds.
pub fn ts_of_first_over_time(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    let first_float = window.floats.first().map(|point| point.timestamp_ms);
    let first_histogram = window.histograms.first().map(|point| point.timestamp_ms);
    let first = first_float.into_iter().chain(first_histogram).min();
    Ok(first.map(|ms| PointValue::Float(ms as f64 / 1000.0)))
}

/// `ts_of_last_over_time(v[d])`: seconds.
pub fn ts_of_last_over_time(window: &Window<'_>, _context: &mut RangeContext<'_>) -> Answer {
    let last_float = window.floats.last().map(|point| point.timestamp_ms);
    let last_histogram = window.histograms.last().map(|point| point.timestamp_ms);
    let last = last_float.max(last_histogram);
    Ok(last.map(|ms| PointValue::Float(ms as f64 / 1000.0)))
}

/// `min_over_time(v[d])`
pub fn min_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    extreme(window, context, |now, best| now < best).map_or(Ok(None), |(value, _)| float(value))
}

/// `max_over_time(v[d])`
pub fn max_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    extreme(window, context, |now, best| now > best).map_or(Ok(None), |(value, _)| float(value))
}

/// `ts_of_min_over_time(v[d])`: of the last minimum, seconds.
pub fn ts_of_min_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let found = extreme(window, context, |now, best| now <= best);
    found.map_or(Ok(None), |(_, ms)| float(ms as f64 / 1000.0))
}

/// `ts_of_max_over_time(v[d])`: of the last maximum, seconds.
pub fn ts_of_max_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let found = extreme(window, context, |now, best| now >= best);
    found.map_or(Ok(None), |(_, ms)| float(ms as f64 / 1000.0))
}

/// Value and time of the float that beats all others; any number beats NaN.
fn extreme(
    window: &Window<'_>,
    context: &mut RangeContext<'_>,
    beats: impl Fn(f64, f64) -> bool,
) -> Option<(f64, i64)> {
    let first = window.floats.first()?;
    if !window.histograms.is_empty() {
        context.info_histograms_ignored();
    }
    let mut best = (first.value, first.timestamp_ms);
    for point in window.floats {
        if beats(point.value, best.0) || best.0.is_nan() {
            best = (point.value, point.timestamp_ms);
        }
    }
    Some(best)
}
