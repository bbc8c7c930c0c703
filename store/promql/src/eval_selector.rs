//! Selectors: stored samples at steps or over ranges.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::sample::{HistogramSample, Sample, is_stale_nan};

use crate::ast::Span;
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Point, Series, histogram_samples};
use crate::plan::{Grid, MatrixNode, VectorNode};
use crate::source::Points;

/// The newest sample that a selector finds for a step.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Time of the sample itself.
    pub timestamp_ms: i64,
    /// When its counter began, 0 unknown.
    pub start_ms: i64,
    /// Its value.
    pub point: Point<'a>,
}

impl Found<'_> {
    fn is_stale(&self) -> bool {
        match self.point {
            Point::Float(value) => is_stale_nan(value),
            Point::Histogram(histogram) => is_stale_nan(histogram.sum),
        }
    }
}

/// Finds the newest sample for times that ascend.
#[derive(Debug, Default)]
pub struct Lookup {
    floats: usize,
    histograms: usize,
}

impl Lookup {
    /// The newest sample of `(at - lookback, at]`; nothing after a mark of staleness.
    pub fn find<'p>(
        &mut self,
        points: &'p Points,
        at_ms: i64,
        lookback_ms: i64,
    ) -> Option<Found<'p>> {
        let floats = &points.floats;
        while floats.get(self.floats).is_some_and(|sample| sample.timestamp_ms <= at_ms) {
            self.floats += 1;
        }
        let histograms = &points.histograms;
        while histograms.get(self.histograms).is_some_and(|s| s.timestamp_ms <= at_ms) {
            self.histograms += 1;
        }
        let start = |starts: &[i64], at: usize| starts.get(at).copied().unwrap_or(0);
        let float = self.floats.checked_sub(1).map(|at| Found {
            timestamp_ms: floats[at].timestamp_ms,
            start_ms: start(&points.float_starts_ms, at),
            point: Point::Float(floats[at].value),
        });
        let histogram = self.histograms.checked_sub(1).map(|at| Found {
            timestamp_ms: histograms[at].timestamp_ms,
            start_ms: start(&points.histogram_starts_ms, at),
            point: Point::Histogram(&histograms[at].histogram),
        });
        let newest = match (float, histogram) {
            (Some(a), Some(b)) if a.timestamp_ms < b.timestamp_ms => b,
            (Some(a), _) => a,
            (None, b) => b?,
        };
        let fresh = newest.timestamp_ms > at_ms - lookback_ms && !newest.is_stale();
        fresh.then_some(newest)
    }
}

impl Evaluator<'_> {
    /// For each step the newest sample of each series.
    pub fn eval_vector_selector(
        &mut self,
        vector: &VectorNode,
        span: Span,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        if vector.smoothed {
            return self.eval_smoothed_selector(vector, span, grid);
        }
        self.each_found(vector, grid, |series, at_ms, found| {
            series.push(at_ms, found.point.to_value());
        })
    }

    /// Walks all series of a selector and hands what is found at each step to `push`.
    pub fn each_found(
        &mut self,
        vector: &VectorNode,
        grid: &Grid,
        mut push: impl FnMut(&mut Series, i64, Found<'_>),
    ) -> Result<Vec<Series>, EvalError> {
        let mut out = Vec::new();
        if grid.is_empty() {
            return Ok(out);
        }
        let shift = vector.shift;
        let from_ms = shift.data_ms(grid.start_ms) - self.lookback_ms + 1;
        let to_ms = shift.data_ms(grid.last_ms());
        let mut points = Points::default();
        for data in self.selection(vector.selection) {
            self.budget.check_interruption()?;
            points.clear();
            data.read(from_ms, to_ms, &mut points)?;
            if vector.stats_only {
                keep_stats(&mut points);
            }
            let mut series = Series::new(data.labels().clone(), false);
            let mut lookup = Lookup::default();
            for at_ms in grid.times() {
                let found = lookup.find(&points, shift.data_ms(at_ms), self.lookback_ms);
                if let Some(found) = found {
                    push(&mut series, at_ms, found);
                }
            }
            if !series.is_empty() {
                let samples = series.samples();
                self.usage.samples_total += samples as u64;
                self.usage.hold(samples, &self.budget)?;
                out.push(series);
            }
        }
        Ok(out)
    }

    /// A range vector as the answer itself: the samples as they are stored.
    pub fn eval_matrix_selector(
        &mut self,
        matrix: &MatrixNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let mut out = Vec::new();
        let end_ms = matrix.selector.shift.data_ms(grid.start_ms);
        let start_ms = end_ms - matrix.range_ms;
        let (before_ms, after_ms) = self.extension_ms(&matrix.selector);
        for data in self.selection(matrix.selector.selection) {
            self.budget.check_interruption()?;
            let mut points = Points::default();
            data.read(start_ms - before_ms + 1, end_ms + after_ms, &mut points)?;
            drop_stale(&mut points);
            if before_ms > 0 {
                self.extend_edges(&mut points, matrix, start_ms, end_ms)?;
            }
            let mut series = Series::new(data.labels().clone(), false);
            (series.floats, series.histograms) = (points.floats, points.histograms);
            if !series.is_empty() {
                let samples = series.samples();
                self.usage.samples_total += samples as u64;
                self.usage.hold(samples, &self.budget)?;
                out.push(series);
            }
        }
        Ok(out)
    }

    /// How far beyond its range a selector looks: before and after.
    pub fn extension_ms(&self, vector: &VectorNode) -> (i64, i64) {
        match (vector.anchored, vector.smoothed) {
            (false, false) => (0, 0),
            (true, _) => (self.lookback_ms, 0),
            (false, true) => (self.lookback_ms, self.lookback_ms),
        }
    }
}

/// Marks of staleness are no samples of a range.
pub fn drop_stale(points: &mut Points) {
    let Points { floats, histograms, float_starts_ms, histogram_starts_ms } = points;
    let stale: Vec<bool> = floats.iter().map(|sample| is_stale_nan(sample.value)).collect();
    if stale.contains(&true) {
        retain_not(&stale, floats);
        retain_not(&stale, float_starts_ms);
    }
    let stale: Vec<bool> = histograms.iter().map(|p| is_stale_nan(p.histogram.sum)).collect();
    if stale.contains(&true) {
        retain_not(&stale, histograms);
        retain_not(&stale, histogram_starts_ms);
    }
}

fn retain_not<T>(dropped: &[bool], list: &mut Vec<T>) {
    let mut dropped = dropped.iter();
    list.retain(|_| !dropped.next().copied().unwrap_or(false));
}

/// Leaves count and sum of native histograms, after asking the buckets for resets.
pub fn keep_stats(points: &mut Points) {
    let mut previous: Option<Arc<FloatHistogram>> = None;
    for point in &mut points.histograms {
        let full = Arc::clone(&point.histogram);
        let mut reset_hint = full.reset_hint;
        if !is_stale_nan(full.sum) {
            if let (ResetHint::Unknown, Some(previous)) = (reset_hint, &previous) {
                let reset = full.is_reset_after(previous);
                reset_hint = if reset { ResetHint::Reset } else { ResetHint::NotReset };
            }
            previous = Some(Arc::clone(&full));
        }
        let (schema, count, sum) = (full.schema, full.count, full.sum);
        let stats = FloatHistogram { reset_hint, schema, count, sum, ..FloatHistogram::default() };
        point.histogram = Arc::new(stats);
    }
}

/// What points count as in a budget.
pub fn points_samples(floats: &[Sample], histograms: &[HistogramSample]) -> usize {
    let of_histogram = |point: &HistogramSample| histogram_samples(&point.histogram);
    floats.len() + histograms.iter().map(of_histogram).sum::<usize>()
}
