//! Selectors with `anchored` and `smoothed`.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};

use crate::ast::Span;
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_selector::{drop_stale, keep_stats};
use crate::eval_series::Series;
use crate::functions_extended::{extended_range, interpolate, interpolate_histograms};
use crate::plan::{Grid, MatrixNode, VectorNode};
use crate::range_context::RangeContext;
use crate::source::Points;
use crate::value::PointValue;
use crate::window::{Edges, Window};

impl Evaluator<'_> {
    /// Puts a sample at either edge of a range.
    pub fn extend_edges(
        &mut self,
        points: &mut Points,
        matrix: &MatrixNode,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<(), EvalError> {
        let (edges, word) = if matrix.selector.anchored {
            (Edges::Anchored, "anchored")
        } else {
            (Edges::Smoothed, "smoothed")
        };
        if !points.histograms.is_empty() {
            let text = format!("{word} modifier is not supported with histograms");
            return Err(EvalError::Execution(text));
        }
        let window = Window {
            floats: &points.floats,
            histograms: &[],
            float_starts_ms: &[],
            histogram_starts_ms: &[],
            start_ms,
            end_ms,
            step_ms: end_ms,
            edges,
        };
        points.floats = extended_range(&points.floats, &window);
        Ok(())
    }

    /// For each step the value between the samples around it, both at most a lookback away.
    pub fn eval_smoothed_selector(
        &mut self,
        vector: &VectorNode,
        span: Span,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let lookback_ms = self.lookback_ms;
        let from_ms = vector.shift.data_ms(grid.start_ms) - lookback_ms + 1;
        let to_ms = vector.shift.data_ms(grid.last_ms()) + lookback_ms;
        let mut out = Vec::new();
        let mut points = Points::default();
        for data in self.selection(vector.selection) {
            self.budget.check_interruption()?;
            points.clear();
            data.read(from_ms, to_ms, &mut points)?;
            drop_stale(&mut points);
            if vector.stats_only {
                keep_stats(&mut points);
            }
            let mut series = Series::new(data.labels().clone(), false);
            for at_ms in grid.times() {
                let data_ms = vector.shift.data_ms(at_ms);
                let value = self.smoothed(&points, data_ms, series.labels.metric_name(), span);
                if let Some(value) = value {
                    series.push(at_ms, value);
                }
            }
            if !series.is_empty() {
                self.usage.samples_total += series.samples() as u64;
                self.usage.hold(series.samples(), &self.budget)?;
                out.push(series);
            }
        }
        Ok(out)
    }

    fn smoothed(
        &mut self,
        points: &Points,
        at_ms: i64,
        metric_name: &str,
        span: Span,
    ) -> Option<PointValue> {
        let near = |ms: i64| ms > at_ms - self.lookback_ms && ms <= at_ms + self.lookback_ms;
        let any_float = points.floats.iter().any(|point| near(point.timestamp_ms));
        let any_histogram = points.histograms.iter().any(|point| near(point.timestamp_ms));
        let mut context =
            RangeContext { params: &[], metric_name, span, annotations: &mut self.annotations };
        if any_float && any_histogram {
            context.warn_mixed_samples();
            return None;
        }
        if any_float {
            let next = points.floats.partition_point(|point| point.timestamp_ms < at_ms);
            let after = points.floats.get(next).filter(|point| near(point.timestamp_ms));
            let before = next.checked_sub(1).map(|at| &points.floats[at]);
            let before = before.filter(|point| near(point.timestamp_ms));
            return match (before, after) {
                (_, Some(after)) if after.timestamp_ms == at_ms => Some(after.value),
                (Some(before), Some(after)) => Some(interpolate(before, after, at_ms, false)),
                (Some(before), None) => Some(before.value),
                (None, _) => None,
            }
            .map(PointValue::Float);
        }
        let next = points.histograms.partition_point(|point| point.timestamp_ms < at_ms);
        let after = points.histograms.get(next).filter(|point| near(point.timestamp_ms));
        let before = next.checked_sub(1).map(|at| &points.histograms[at]);
        let before = before.filter(|point| near(point.timestamp_ms));
        let histogram = match (before, after) {
            (_, Some(after)) if after.timestamp_ms == at_ms => {
                return Some(PointValue::Histogram(Arc::clone(&after.histogram)));
            }
            (Some(before), Some(after)) => {
                let (a, b) = (&before.histogram, &after.histogram);
                if a.uses_custom_buckets() != b.uses_custom_buckets() {
                    context.warn_mixed_buckets();
                    return None;
                }
                let gauge = ResetHint::Gauge;
                let is_counter = a.reset_hint != gauge || b.reset_hint != gauge;
                interpolate_histograms(before, after, at_ms, is_counter, &mut context)?
            }
            (Some(before), None) => {
                let mut histogram = FloatHistogram::clone(&before.histogram);
                histogram.reset_hint = ResetHint::Unknown;
                histogram
            }
            (None, _) => return None,
        };
        Some(PointValue::Histogram(Arc::new(histogram)))
    }
}
