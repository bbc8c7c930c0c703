//! Walks a plan and hands each node to who can compute it.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};

use crate::annotations::Annotations;
use crate::budget::{Budget, Usage};
use crate::errors::EvalError;
use crate::eval_params::{EngineOptions, EvalParams};
use crate::eval_series::{
    Evaluated, Point, Series, merge_same_labels, total_samples, without_metadata,
};
use crate::plan::{Grid, Node, NodeKind, SubqueryNode};
use crate::source::SeriesData;
use crate::value::PointValue;

/// Steps of one group between two looks at the deadline: often enough to stop within
/// milliseconds, seldom enough to cost nothing.
const STEPS_BETWEEN_CHECKS: usize = 64;
/// So many steps are always allowed: a few megabytes for each array of them.
const STEPS_FREE: usize = 1_000_000;

/// The state of one evaluation.
pub struct Evaluator<'a> {
    /// Feature flags.
    pub options: EngineOptions,
    /// How far back a selector finds its sample.
    pub lookback_ms: i64,
    /// The limits.
    pub budget: Budget<'a>,
    /// What was used so far.
    pub usage: Usage,
    /// What there is to say.
    pub annotations: Annotations,
    /// For each selection its series, sorted by labels.
    selections: Vec<Vec<&'a dyn SeriesData>>,
}

impl<'a> Evaluator<'a> {
    /// Nothing evaluated yet.
    pub fn new(
        params: &EvalParams,
        data: &'a [Vec<Arc<dyn SeriesData>>],
        budget: Budget<'a>,
    ) -> Self {
        let sorted = |series: &'a Vec<Arc<dyn SeriesData>>| {
            let mut sorted: Vec<&dyn SeriesData> = series.iter().map(AsRef::as_ref).collect();
            sorted.sort_by(|a, b| a.labels().cmp(b.labels()));
            sorted
        };
        Self {
            options: params.options,
            lookback_ms: params.lookback_ms,
            budget,
            usage: Usage::default(),
            annotations: Annotations::default(),
            selections: data.iter().map(sorted).collect(),
        }
    }

    /// The series of a selection, sorted by labels.
    pub fn selection(&self, at: usize) -> Vec<&'a dyn SeriesData> {
        self.selections[at].clone()
    }

    /// Evaluates the whole plan and drops the names that are still to be dropped.
    pub fn eval_root(&mut self, root: &Node, grid: &Grid) -> Result<Evaluated, EvalError> {
        let evaluated = self.eval(root, grid)?;
        if !self.options.delayed_name_removal {
            return Ok(evaluated);
        }
        let clean = |mut series: Vec<Series>| {
            for one in series.iter_mut().filter(|one| one.drop_name) {
                one.labels = without_metadata(&one.labels);
            }
            merge_same_labels(series)
        };
        Ok(match evaluated {
            Evaluated::Vector(series) => Evaluated::Vector(clean(series)?),
            Evaluated::Matrix(series) => Evaluated::Matrix(clean(series)?),
            other => other,
        })
    }

    /// The value of a node at all steps of the grid.
    pub fn eval(&mut self, node: &Node, grid: &Grid) -> Result<Evaluated, EvalError> {
        self.budget.check_interruption()?;
        // A subquery can ask for more steps than there is memory, even over no series at all.
        if grid.len() > self.budget.samples_max.max(STEPS_FREE) {
            return Err(EvalError::TooManySamples { samples_max: self.budget.samples_max });
        }
        let before = self.usage.samples;
        let evaluated = self.eval_kind(node, grid)?;
        // What the children held is free again, what this node yields is held.
        self.usage.samples = before;
        self.usage.hold(held(&evaluated), &self.budget)?;
        Ok(evaluated)
    }

    fn eval_kind(&mut self, node: &Node, grid: &Grid) -> Result<Evaluated, EvalError> {
        match &node.kind {
            NodeKind::Number(value) => Ok(Evaluated::Scalar(vec![*value; grid.len()])),
            NodeKind::Text(text) => Ok(Evaluated::Text(text.clone())),
            NodeKind::Vector(vector) => {
                self.eval_vector_selector(vector, node.span, grid).map(Evaluated::Vector)
            }
            NodeKind::Matrix(matrix) => {
                self.eval_matrix_selector(matrix, grid).map(Evaluated::Matrix)
            }
            NodeKind::Subquery(subquery) => {
                self.eval_subquery(subquery, grid).map(Evaluated::Matrix)
            }
            NodeKind::Call(call) => self.eval_call(node, call, grid),
            NodeKind::Aggregate(aggregate) => {
                self.eval_aggregate(node, aggregate, grid).map(Evaluated::Vector)
            }
            NodeKind::Binary(binary) => self.eval_binary(node, binary, grid),
            NodeKind::Negate(inner) => self.eval_negate(inner, grid),
            NodeKind::StepInvariant(inner) => self.eval_step_invariant(inner, grid),
        }
    }

    /// Asks at every so many steps whether to go on: one group may hold all the work.
    pub fn check_at_step(&self, step: usize) -> Result<(), EvalError> {
        if step.is_multiple_of(STEPS_BETWEEN_CHECKS) {
            self.budget.check_interruption()?;
        }
        Ok(())
    }

    /// The value of a node that yields a number for each step.
    pub fn eval_scalar(&mut self, node: &Node, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        match self.eval(node, grid)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(EvalError::execution("a scalar was expected")),
        }
    }

    /// The value of a node that yields an instant vector.
    pub fn eval_vector(&mut self, node: &Node, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        match self.eval(node, grid)? {
            Evaluated::Vector(series) => Ok(series),
            _ => Err(EvalError::execution("an instant vector was expected")),
        }
    }

    /// The points of a subquery, hints of resets forgotten: its steps are not the scrapes'.
    pub fn eval_subquery(
        &mut self,
        subquery: &SubqueryNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let inner = subquery.grid(grid);
        if inner.is_empty() {
            return Ok(Vec::new());
        }
        match self.eval(&subquery.expr, &inner)? {
            Evaluated::Vector(series) | Evaluated::Matrix(series) => Ok(series),
            Evaluated::Scalar(values) => {
                Ok(vec![crate::eval_series::scalar_series(&values, &inner)])
            }
            Evaluated::Text(_) => Err(EvalError::execution("a subquery of a string")),
        }
    }

    fn eval_negate(&mut self, inner: &Node, grid: &Grid) -> Result<Evaluated, EvalError> {
        let series = match self.eval(inner, grid)? {
            Evaluated::Scalar(values) => {
                return Ok(Evaluated::Scalar(values.into_iter().map(|value| -value).collect()));
            }
            Evaluated::Vector(series) => series,
            Evaluated::Matrix(_) | Evaluated::Text(_) => {
                return Err(EvalError::execution("only numbers and instant vectors negate"));
            }
        };
        let negated = self.map_points(series, |_, point| match point {
            Point::Float(value) => Some(PointValue::Float(-value)),
            Point::Histogram(histogram) => {
                let mut negated: FloatHistogram = FloatHistogram::clone(histogram);
                negated.scale(-1.0);
                Some(PointValue::Histogram(Arc::new(negated)))
            }
        })?;
        Ok(Evaluated::Vector(negated))
    }

    /// Maps every point and drops the names: what element-wise functions do.
    pub fn map_points(
        &self,
        series: Vec<Series>,
        mut map: impl FnMut(i64, Point<'_>) -> Option<PointValue>,
    ) -> Result<Vec<Series>, EvalError> {
        let mut out = Vec::with_capacity(series.len());
        for one in series {
            let mut mapped = Series::new(self.without_name(&one.labels), true);
            mapped.floats.reserve(one.floats.len());
            for (at_ms, point) in one.points() {
                if let Some(value) = map(at_ms, point) {
                    mapped.push(at_ms, value);
                }
            }
            if !mapped.is_empty() {
                out.push(mapped);
            }
        }
        self.checked_names(out)
    }

    /// The labels after a step that drops the name: now, or at the end of the query.
    pub fn without_name(&self, labels: &protocol::labels::Labels) -> protocol::labels::Labels {
        if self.options.delayed_name_removal {
            return labels.clone();
        }
        without_metadata(labels)
    }

    /// Joins series that became equal; with delayed removal that is the end's affair.
    pub fn checked_names(&self, series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
        if self.options.delayed_name_removal {
            return Ok(series);
        }
        merge_same_labels(series)
    }

    fn eval_step_invariant(&mut self, inner: &Node, grid: &Grid) -> Result<Evaluated, EvalError> {
        let first = Grid { end_ms: grid.start_ms, ..*grid };
        let evaluated = self.eval(inner, &first)?;
        if grid.len() <= 1 {
            return Ok(evaluated);
        }
        Ok(match evaluated {
            Evaluated::Scalar(values) => {
                Evaluated::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); grid.len()])
            }
            Evaluated::Vector(series) => {
                // Checked before it is copied, since the copies may be what is too much.
                let copies = total_samples(&series).saturating_mul(grid.len());
                self.usage.check_with(copies, &self.budget)?;
                Evaluated::Vector(series.into_iter().map(|one| repeated(one, grid)).collect())
            }
            other => other,
        })
    }
}

fn held(evaluated: &Evaluated) -> usize {
    match evaluated {
        Evaluated::Scalar(values) => values.len(),
        Evaluated::Vector(series) | Evaluated::Matrix(series) => total_samples(series),
        Evaluated::Text(_) => 0,
    }
}

fn repeated(one: Series, grid: &Grid) -> Series {
    let mut out = Series::new(one.labels.clone(), one.drop_name);
    for at_ms in grid.times() {
        for (_, point) in one.points() {
            out.push(at_ms, point.to_value());
        }
    }
    out
}

/// A histogram whose hint of a reset is forgotten, because its neighbour is another one now.
pub fn without_reset_hint(histogram: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    match histogram.reset_hint {
        ResetHint::Unknown | ResetHint::Gauge => Arc::clone(histogram),
        ResetHint::Reset | ResetHint::NotReset => {
            let unknown = ResetHint::Unknown;
            Arc::new(FloatHistogram { reset_hint: unknown, ..FloatHistogram::clone(histogram) })
        }
    }
}
