//! Functions of range vectors: a window slides over series.

use protocol::labels::METRIC_NAME;

use crate::ast::Span;
use crate::errors::EvalError;
use crate::eval::{Evaluator, without_reset_hint};
use crate::eval_selector::{drop_stale, keep_stats, points_samples};
use crate::eval_series::{Series, TYPE_LABEL, has_same_labels};
use crate::function_table::FunctionId;
use crate::plan::{CallNode, Grid, MatrixNode, Node, NodeKind, Shift, VectorNode};
use crate::range_context::{RangeContext, RangeFunction};
use crate::source::Points;
use crate::window::{Edges, Window};
use crate::{functions_absent, functions_changes, functions_over_time, functions_rate};
use crate::{functions_moments, functions_trend};

/// Where windows come from.
struct Ranges {
    range_ms: i64,
    shift: Shift,
    before_ms: i64,
    after_ms: i64,
    edges: Edges,
}

impl Ranges {
    fn of_selector(matrix: &MatrixNode, extension_ms: (i64, i64)) -> Self {
        let edges = match &matrix.selector {
            VectorNode { anchored: true, .. } => Edges::Anchored,
            VectorNode { smoothed: true, .. } => Edges::Smoothed,
            VectorNode { .. } => Edges::Plain,
        };
        Self {
            range_ms: matrix.range_ms,
            shift: matrix.selector.shift,
            before_ms: extension_ms.0,
            after_ms: extension_ms.1,
            edges,
        }
    }

    /// Times of the samples that the windows of a grid need: first and last.
    fn needed_ms(&self, grid: &Grid) -> (i64, i64) {
        let from_ms = self.shift.data_ms(grid.start_ms) - self.range_ms - self.before_ms + 1;
        (from_ms, self.shift.data_ms(grid.last_ms()) + self.after_ms)
    }
}

/// One call of a range function, ready to run over series.
struct RangeCall<'a> {
    id: FunctionId,
    function: RangeFunction,
    span: Span,
    ranges: Ranges,
    grid: &'a Grid,
    /// For each step the scalar arguments.
    params: Vec<Vec<f64>>,
    keeps_name: bool,
    use_starts: bool,
}

impl Evaluator<'_> {
    /// Evaluates a function one of whose arguments is a range vector.
    pub fn eval_range_call(
        &mut self,
        node: &Node,
        call: &CallNode,
        matrix_at: usize,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let argument = &call.args[matrix_at];
        let ranges = match &argument.kind {
            NodeKind::Matrix(matrix) => {
                Ranges::of_selector(matrix, self.extension_ms(&matrix.selector))
            }
            NodeKind::Subquery(subquery) => Ranges {
                range_ms: subquery.range_ms,
                shift: subquery.shift,
                before_ms: 0,
                after_ms: 0,
                edges: Edges::Plain,
            },
            _ => return Err(EvalError::execution("a range vector was expected")),
        };
        check_edges(call.function.id, ranges.edges)?;
        let id = call.function.id;
        let range_call = RangeCall {
            id,
            function: function_of(id).ok_or_else(|| not_implemented(call.function.name))?,
            span: call.args[0].span,
            ranges,
            grid,
            params: self.eval_params(call, matrix_at, grid)?,
            keeps_name: matches!(id, FunctionId::LastOverTime | FunctionId::FirstOverTime),
            use_starts: self.options.use_start_timestamps && functions_rate::uses_starts(id),
        };
        let out = match &argument.kind {
            NodeKind::Matrix(matrix) => self.range_over_selector(&range_call, matrix)?,
            _ => self.range_over_subquery(&range_call, argument)?,
        };
        if id == FunctionId::AbsentOverTime {
            return Ok(functions_absent::absent_over_time(&out, argument, grid));
        }
        if !self.options.delayed_name_removal && has_same_labels(&out) {
            return Err(EvalError::SameLabelset);
        }
        let _ = node;
        Ok(out)
    }

    fn eval_params(
        &mut self,
        call: &CallNode,
        matrix_at: usize,
        grid: &Grid,
    ) -> Result<Vec<Vec<f64>>, EvalError> {
        let mut by_step = vec![Vec::new(); grid.len()];
        for (at, arg) in call.args.iter().enumerate() {
            if at == matrix_at {
                continue;
            }
            for (step, value) in by_step.iter_mut().zip(self.eval_scalar(arg, grid)?) {
                step.push(value);
            }
        }
        Ok(by_step)
    }

    fn range_over_selector(
        &mut self,
        call: &RangeCall<'_>,
        matrix: &MatrixNode,
    ) -> Result<Vec<Series>, EvalError> {
        let mut out = Vec::new();
        let mut points = Points::default();
        let (from_ms, to_ms) = call.ranges.needed_ms(call.grid);
        for data in self.selection(matrix.selector.selection) {
            self.budget.check_interruption()?;
            points.clear();
            data.read(from_ms, to_ms, &mut points)?;
            drop_stale(&mut points);
            if matrix.selector.stats_only {
                keep_stats(&mut points);
            }
            let input = Series::new(data.labels().clone(), false);
            out.extend(self.range_over_series(call, &input, &points)?);
        }
        Ok(out)
    }

    fn range_over_subquery(
        &mut self,
        call: &RangeCall<'_>,
        argument: &Node,
    ) -> Result<Vec<Series>, EvalError> {
        let crate::eval_series::Evaluated::Matrix(series) = self.eval(argument, call.grid)? else {
            return Err(EvalError::execution("a range vector was expected"));
        };
        let mut out = Vec::new();
        for mut one in series {
            self.budget.check_interruption()?;
            for point in &mut one.histograms {
                point.histogram = without_reset_hint(&point.histogram);
            }
            let points = Points {
                floats: std::mem::take(&mut one.floats),
                histograms: std::mem::take(&mut one.histograms),
                ..Points::default()
            };
            out.extend(self.range_over_series(call, &one, &points)?);
        }
        Ok(out)
    }

    /// Slides the window; `input` has the labels, `points` the samples.
    fn range_over_series(
        &mut self,
        call: &RangeCall<'_>,
        input: &Series,
        points: &Points,
    ) -> Result<Option<Series>, EvalError> {
        let drop_name = !call.keeps_name || input.drop_name;
        let labels =
            if drop_name { self.without_name(&input.labels) } else { input.labels.clone() };
        let mut out = Series::new(labels, drop_name);
        let mut slide = Slide::default();
        let mut largest = 0;
        for (step, step_ms) in call.grid.times().enumerate() {
            let window = slide.window(points, &call.ranges, step_ms, call.use_starts);
            if window.floats.is_empty() && window.histograms.is_empty() {
                continue;
            }
            let samples = points_samples(window.floats, window.histograms);
            largest = largest.max(samples);
            self.usage.samples_total += samples as u64;
            let mut context = RangeContext {
                params: &call.params[step],
                metric_name: input.labels.metric_name(),
                span: call.span,
                annotations: &mut self.annotations,
            };
            if let Some(value) = (call.function)(&window, &mut context)? {
                out.push(step_ms, value);
            }
        }
        self.usage.check_with(largest, &self.budget)?;
        self.usage.hold(out.samples(), &self.budget)?;
        if matches!(call.id, FunctionId::Rate | FunctionId::Increase) && !out.floats.is_empty() {
            self.remark_on_counter(input, call.span);
        }
        Ok((!out.is_empty()).then_some(out))
    }

    /// Tells where a rate was taken of what does not look like a counter.
    fn remark_on_counter(&mut self, input: &Series, span: Span) {
        let name = input.labels.value(METRIC_NAME);
        if name.is_empty() {
            return;
        }
        if self.options.type_and_unit {
            let kind = input.labels.value(TYPE_LABEL);
            if kind != "counter" && kind != "histogram" {
                let text = format!(
                    "metric might not be a counter, __type__ label is not set to \
                     \"counter\" or \"histogram\", got {kind:?}: {name:?}"
                );
                self.annotations.info(span, text);
            }
            return;
        }
        let counts = |suffix: &&str| name.ends_with(*suffix);
        if !["_total", "_sum", "_count", "_bucket"].iter().any(counts) {
            let text = format!(
                "metric might not be a counter, name does not end in \
                 _total/_sum/_count/_bucket: {name:?}"
            );
            self.annotations.info(span, text);
        }
    }
}

/// Where the window begins and ends in the samples of a series.
#[derive(Default)]
struct Slide {
    floats: (usize, usize),
    histograms: (usize, usize),
}

impl Slide {
    fn window<'p>(
        &mut self,
        points: &'p Points,
        ranges: &Ranges,
        step_ms: i64,
        use_starts: bool,
    ) -> Window<'p> {
        let end_ms = ranges.shift.data_ms(step_ms);
        let start_ms = end_ms - ranges.range_ms;
        let (after, up_to) = (start_ms - ranges.before_ms, end_ms + ranges.after_ms);
        let float_ms = |at: usize| points.floats.get(at).map(|sample| sample.timestamp_ms);
        advance(&mut self.floats, float_ms, after, up_to);
        let histogram_ms = |at: usize| points.histograms.get(at).map(|point| point.timestamp_ms);
        advance(&mut self.histograms, histogram_ms, after, up_to);
        let floats = self.floats.0..self.floats.1;
        let histograms = self.histograms.0..self.histograms.1;
        let starts = |starts: &'p [i64], range: std::ops::Range<usize>| {
            if use_starts { starts.get(range).unwrap_or_default() } else { &[] }
        };
        Window {
            float_starts_ms: starts(&points.float_starts_ms, floats.clone()),
            histogram_starts_ms: starts(&points.histogram_starts_ms, histograms.clone()),
            floats: &points.floats[floats],
            histograms: &points.histograms[histograms],
            start_ms,
            end_ms,
            step_ms,
            edges: ranges.edges,
        }
    }
}

/// Moves a window to the samples of `(after, up_to]`; both only ever grow.
fn advance(
    window: &mut (usize, usize),
    time_ms: impl Fn(usize) -> Option<i64>,
    after: i64,
    up_to: i64,
) {
    while time_ms(window.1).is_some_and(|ms| ms <= up_to) {
        window.1 += 1;
    }
    while window.0 < window.1 && time_ms(window.0).is_some_and(|ms| ms <= after) {
        window.0 += 1;
    }
}

fn not_implemented(function: &str) -> EvalError {
    EvalError::NotImplemented { what: format!("function {function}()") }
}

fn check_edges(id: FunctionId, edges: Edges) -> Result<(), EvalError> {
    use FunctionId as F;
    let smoothed = matches!(id, F::Rate | F::Increase | F::Delta);
    let anchored = smoothed || matches!(id, F::Resets | F::Changes);
    let name = crate::function_table::FUNCTIONS.iter().find(|function| function.id == id);
    let name = name.map_or("", |function| function.name);
    match edges {
        Edges::Anchored if !anchored => Err(EvalError::Execution(format!(
            "anchored modifier can only be used with: changes, delta, increase, rate, resets \
             - not with {name}"
        ))),
        Edges::Smoothed if !smoothed => Err(EvalError::Execution(format!(
            "smoothed modifier can only be used with: delta, increase, rate - not with {name}"
        ))),
        Edges::Plain | Edges::Anchored | Edges::Smoothed => Ok(()),
    }
}

fn function_of(id: FunctionId) -> Option<RangeFunction> {
    use FunctionId as F;
    Some(match id {
        F::Rate => functions_rate::rate,
        F::Increase => functions_rate::increase,
        F::Delta => functions_rate::delta,
        F::Irate => functions_rate::irate,
        F::Idelta => functions_rate::idelta,
        F::Changes => functions_changes::changes,
        F::Resets => functions_changes::resets,
        F::Deriv => functions_trend::deriv,
        F::PredictLinear => functions_trend::predict_linear,
        F::DoubleExponentialSmoothing => functions_trend::double_exponential_smoothing,
        F::AvgOverTime => functions_over_time::avg_over_time,
        F::SumOverTime => functions_over_time::sum_over_time,
        F::CountOverTime => functions_over_time::count_over_time,
        F::MinOverTime => functions_over_time::min_over_time,
        F::MaxOverTime => functions_over_time::max_over_time,
        F::LastOverTime => functions_over_time::last_over_time,
        F::FirstOverTime => functions_over_time::first_over_time,
        F::PresentOverTime | F::AbsentOverTime => functions_over_time::present_over_time,
        F::TsOfFirstOverTime => functions_over_time::ts_of_first_over_time,
        F::TsOfLastOverTime => functions_over_time::ts_of_last_over_time,
        F::TsOfMaxOverTime => functions_over_time::ts_of_max_over_time,
        F::TsOfMinOverTime => functions_over_time::ts_of_min_over_time,
        F::StddevOverTime => functions_moments::stddev_over_time,
        F::StdvarOverTime => functions_moments::stdvar_over_time,
        F::QuantileOverTime => functions_moments::quantile_over_time,
        F::MadOverTime => functions_moments::mad_over_time,
        _ => return None,
    })
}
