//! `rate` and its kin: how fast a counter or gauge moves.
//!
//! `rate`, `increase` and `delta` extrapolate from the samples to the edges of the range: half an
//! average distance where the next sample is farther away than 1.1 distances, and a counter
//! never below zero.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::histogram_sum::HistogramSum;
use protocol::sample::{HistogramSample, Sample};

use crate::errors::EvalError;
use crate::function_table::FunctionId;
use crate::functions_extended;
use crate::range_context::RangeContext;
use crate::rate_kind::Kind;
use crate::value::PointValue;
use crate::window::{Edges, Window};

type Answer = Result<Option<PointValue>, EvalError>;

/// Whether a function asks when a counter began.
pub fn uses_starts(id: FunctionId) -> bool {
    use FunctionId as F;
    matches!(id, F::Rate | F::Irate | F::Increase | F::Resets)
}

/// `rate(v[d])`: increase per second.
pub fn rate(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    extrapolated(window, context, Kind { is_counter: true, per_second: true })
}

/// `increase(v[d])`: of a counter, resets repaired.
pub fn increase(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    extrapolated(window, context, Kind { is_counter: true, per_second: false })
}

/// `delta(v[d])`: last minus first, of a gauge.
pub fn delta(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    extrapolated(window, context, Kind { is_counter: false, per_second: false })
}

fn extrapolated(window: &Window<'_>, context: &mut RangeContext<'_>, kind: Kind) -> Answer {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        context.warn_mixed_samples();
        return Ok(None);
    }
    if window.edges != Edges::Plain {
        return functions_extended::extended_rate(window, context, kind);
    }
    if window.histograms.is_empty() {
        Ok(extrapolated_floats(window, context, kind).map(PointValue::Float))
    } else {
        let histogram = extrapolated_histograms(window, context, kind);
        Ok(histogram.map(|histogram| PointValue::Histogram(Arc::new(histogram))))
    }
}

fn extrapolated_floats(
    window: &Window<'_>,
    context: &mut RangeContext<'_>,
    kind: Kind,
) -> Option<f64> {
    let floats = window.floats;
    let (first, last) = (floats.first()?, floats.last()?);
    let starts = if kind.is_counter { window.float_starts_ms } else { &[] };
    let mut result = last.value - first.value;
    if kind.is_counter {
        remark_on_overlap(starts, context, |at| floats[at].timestamp_ms);
        result = repaired(floats, starts, result);
    }
    let mut span = Sampled::new(window, first.timestamp_ms, last.timestamp_ms, floats.len());
    if span.began_inside(starts) {
        result += first.value;
    } else {
        if floats.len() < 2 {
            return None;
        }
        let starts_at = (first.value >= 0.0).then_some(first.value);
        span.limit_start(kind.is_counter.then_some((starts_at, result)));
    }
    Some(result * span.factor(window, kind))
}

/// Adds to an increase what the counter had reached before each reset.
fn repaired(floats: &[Sample], starts: &[i64], mut increase: f64) -> f64 {
    if starts.is_empty() {
        // The usual case, kept free of everything else: it runs over every sample of a window.
        for pair in floats.windows(2) {
            if pair[1].value < pair[0].value {
                increase += pair[0].value;
            }
        }
        return increase;
    }
    for (at, pair) in floats.windows(2).enumerate() {
        let began = starts_reset(starts, at, pair[0].timestamp_ms, pair[1].timestamp_ms);
        if pair[1].value < pair[0].value || began {
            increase += pair[0].value;
        }
    }
    increase
}

fn extrapolated_histograms(
    window: &Window<'_>,
    context: &mut RangeContext<'_>,
    kind: Kind,
) -> Option<FloatHistogram> {
    let points = window.histograms;
    let (first, last) = (points.first()?, points.last()?);
    let starts = if kind.is_counter { window.histogram_starts_ms } else { &[] };
    let mut result = None;
    if points.len() > 1 {
        result = Some(histogram_increase(points, starts, context, kind.is_counter)?);
    }
    let mut span = Sampled::new(window, first.timestamp_ms, last.timestamp_ms, points.len());
    if span.began_inside(starts) {
        result = Some(match result {
            None => FloatHistogram::clone(&first.histogram),
            Some(result) => context.add_histogram(&result, &first.histogram)?,
        });
    } else {
        let result = result.as_ref()?;
        let count = first.histogram.count;
        let starts_at = (count >= 0.0).then_some(count);
        span.limit_start(kind.is_counter.then_some((starts_at, result.count)));
    }
    let mut result = result?;
    result.scale(span.factor(window, kind));
    Some(result)
}

/// How the samples lie in the range; seconds.
struct Sampled {
    interval: f64,
    to_start: f64,
    to_end: f64,
    average: f64,
    first_ms: i64,
    last_ms: i64,
    start_ms: i64,
}

impl Sampled {
    fn new(window: &Window<'_>, first_ms: i64, last_ms: i64, samples: usize) -> Self {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let interval = seconds(last_ms - first_ms);
        let average = if samples > 1 { interval / (samples - 1) as f64 } else { 0.0 };
        Self {
            interval,
            to_start: seconds(first_ms - window.start_ms),
            to_end: seconds(window.end_ms - last_ms),
            average,
            first_ms,
            last_ms,
            start_ms: window.start_ms,
        }
    }

    fn threshold(&self) -> f64 {
        self.average * 1.1
    }

    /// Where the counter began inside the range nothing needs to be guessed before that.
    fn began_inside(&mut self, starts_ms: &[i64]) -> bool {
        let Some(&began_ms) = starts_ms.first() else { return false };
        let inside = began_ms != 0 && began_ms > self.start_ms && began_ms < self.first_ms;
        if inside {
            self.to_start = 0.0;
            self.interval = (self.last_ms - began_ms) as f64 / 1000.0;
        }
        inside
    }

    /// How far to guess towards the start; `counter` is its first value, where that is not
    /// negative, and its increase.
    fn limit_start(&mut self, counter: Option<(Option<f64>, f64)>) {
        if self.to_start >= self.threshold() {
            self.to_start = self.average / 2.0;
        }
        if let Some((Some(first), increase)) = counter
            && increase > 0.0
        {
            // A counter was zero at the earliest where the line through it meets zero.
            self.to_start = self.to_start.min(self.interval * (first / increase));
        }
    }

    fn factor(&self, window: &Window<'_>, kind: Kind) -> f64 {
        let to_end = if self.to_end >= self.threshold() { self.average / 2.0 } else { self.to_end };
        let mut factor = 1.0;
        if self.interval != 0.0 {
            factor = (self.interval + self.to_start + to_end) / self.interval;
        }
        if kind.per_second {
            factor /= (window.end_ms - window.start_ms) as f64 / 1000.0;
        }
        factor
    }
}

/// Last minus first histogram, resets repaired, as a gauge.
fn histogram_increase(
    points: &[HistogramSample],
    starts: &[i64],
    context: &mut RangeContext<'_>,
    is_counter: bool,
) -> Option<FloatHistogram> {
    let is_gauge = |point: &HistogramSample| point.histogram.reset_hint == ResetHint::Gauge;
    if is_counter && points.iter().any(is_gauge) {
        context.warn_not_counter();
    }
    let (first, second, last) = (&points[0], &points[1], &points[points.len() - 1]);
    let reset = |at: usize, previous: &FloatHistogram| {
        let (before, now) = (points[at].timestamp_ms, points[at + 1].timestamp_ms);
        starts_reset(starts, at, before, now) || points[at + 1].histogram.is_reset_after(previous)
    };
    // A reset right behind the first sample makes the first sample worthless.
    let empty;
    let mut base: &FloatHistogram = &first.histogram;
    if is_counter && reset(0, base) {
        empty = FloatHistogram {
            schema: second.histogram.schema,
            custom_values: second.histogram.custom_values.clone(),
            ..FloatHistogram::default()
        };
        base = &empty;
    }
    let custom = base.uses_custom_buckets();
    let differs = |point: &HistogramSample| point.histogram.uses_custom_buckets() != custom;
    if differs(last) || is_counter && points[1..].iter().any(differs) {
        context.warn_mixed_buckets();
        return None;
    }
    let mut schema = last.histogram.schema.min(base.schema);
    if is_counter {
        schema = points[1..].iter().map(|p| p.histogram.schema).fold(schema, i32::min);
    }
    let mut reduced = FloatHistogram::clone(&last.histogram);
    reduced.reduce_resolution(schema);
    let mut sum = HistogramSum::new(&reduced);
    context.merged(sum.subtract(base), "subtraction")?;
    if is_counter {
        remark_on_overlap(starts, context, |at| points[at].timestamp_ms);
        for (at, point) in points[1..].iter().enumerate() {
            if reset(at, base) {
                context.merged(sum.add(base), "addition")?;
            }
            base = &point.histogram;
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        context.warn_not_gauge();
    }
    let mut result = sum.finish();
    result.reset_hint = ResetHint::Gauge;
    result.compact();
    Some(result)
}

/// Whether the counter's own start says that it was reset between two samples.
pub fn is_start_reset(
    before_start_ms: i64,
    before_ms: i64,
    now_start_ms: i64,
    now_ms: i64,
) -> bool {
    if now_start_ms == 0 || now_start_ms >= now_ms || now_start_ms < before_ms {
        return false;
    }
    if now_start_ms > before_ms {
        return true;
    }
    // It starts exactly where the sample before lies: delta values, each with a start of its own.
    before_start_ms <= before_ms && before_start_ms != 0 && before_start_ms != before_ms
}

fn starts_reset(starts: &[i64], at: usize, before_ms: i64, now_ms: i64) -> bool {
    match (starts.get(at), starts.get(at + 1)) {
        (Some(before), Some(now)) => is_start_reset(*before, before_ms, *now, now_ms),
        _ => false,
    }
}

fn remark_on_overlap(
    starts: &[i64],
    context: &mut RangeContext<'_>,
    time_ms: impl Fn(usize) -> i64,
) {
    let overlaps =
        |(at, pair): (usize, &[i64])| pair[1] != 0 && pair[1] < time_ms(at) && pair[1] != pair[0];
    if starts.windows(2).enumerate().any(overlaps) {
        context.warn_start_overlap();
    }
}

/// `irate(v[d])`: per second between the last two samples.
pub fn irate(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    last_two(window, context, true)
}

/// `idelta(v[d])`: difference of the last two samples.
pub fn idelta(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    last_two(window, context, false)
}

struct Last {
    timestamp_ms: i64,
    start_ms: i64,
    value: PointValue,
}

fn last_two(window: &Window<'_>, context: &mut RangeContext<'_>, is_rate: bool) -> Answer {
    let mut last: Vec<Last> = Vec::with_capacity(4);
    for (at, point) in window.floats.iter().enumerate().rev().take(2) {
        let start_ms = window.float_starts_ms.get(at).copied().unwrap_or(0);
        let value = PointValue::Float(point.value);
        last.push(Last { timestamp_ms: point.timestamp_ms, start_ms, value });
    }
    for (at, point) in window.histograms.iter().enumerate().rev().take(2) {
        let start_ms = window.histogram_starts_ms.get(at).copied().unwrap_or(0);
        let value = PointValue::Histogram(Arc::clone(&point.histogram));
        last.push(Last { timestamp_ms: point.timestamp_ms, start_ms, value });
    }
    last.sort_by_key(|point| std::cmp::Reverse(point.timestamp_ms));
    let [now, before, ..] = last.as_slice() else { return Ok(None) };
    let seconds = (now.timestamp_ms - before.timestamp_ms) as f64 / 1000.0;
    if seconds == 0.0 {
        return Ok(None);
    }
    let (before_ms, now_ms) = (before.timestamp_ms, now.timestamp_ms);
    let began = is_start_reset(before.start_ms, before_ms, now.start_ms, now_ms);
    match (&before.value, &now.value) {
        (PointValue::Float(before), PointValue::Float(now)) => {
            let reset = is_rate && (now < before || began);
            let difference = if reset { *now } else { now - before };
            let value = if is_rate { difference / seconds } else { difference };
            Ok(Some(PointValue::Float(value)))
        }
        (PointValue::Histogram(before), PointValue::Histogram(now)) => {
            let Some(mut result) = last_two_histograms(before, now, began, context, is_rate) else {
                return Ok(None);
            };
            if is_rate {
                result.divide(seconds);
            }
            Ok(Some(PointValue::Histogram(Arc::new(result))))
        }
        _ => {
            context.warn_mixed_samples();
            Ok(None)
        }
    }
}

fn last_two_histograms(
    before: &FloatHistogram,
    now: &FloatHistogram,
    began: bool,
    context: &mut RangeContext<'_>,
    is_rate: bool,
) -> Option<FloatHistogram> {
    let gauges = [before, now].map(|histogram| histogram.reset_hint == ResetHint::Gauge);
    if is_rate && gauges.contains(&true) {
        context.warn_not_counter();
    }
    if !is_rate && gauges.contains(&false) {
        context.warn_not_gauge();
    }
    let mut sum = HistogramSum::new(now);
    if !is_rate || !(began || now.is_reset_after(before)) {
        context.merged(sum.subtract(before), "subtraction")?;
    }
    let mut result = sum.finish();
    result.reset_hint = ResetHint::Gauge;
    result.compact();
    Some(result)
}
