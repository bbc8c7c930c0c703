//! Aggregations that fold a group into one series.
//!
//! Series by series: each group has one accumulator a step, so only one input series is looked at
//! at a time.

use protocol::go_float::format_g;
use protocol::labels::{Labels, METRIC_NAME};
use rapidhash::RapidHashMap;

use crate::aggregation_fold::{Accumulator, FoldContext};
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::Series;
use crate::operator::AggregateOp;
use crate::plan::{AggregateNode, Grid, Node};

/// Which group each series belongs to.
pub struct Groups {
    /// Labels of the groups, in order of first occurrence.
    pub labels: Vec<Labels>,
    /// For each series the group.
    pub of_series: Vec<usize>,
}

impl Groups {
    /// Groups series by the labels that `by` keeps or `without` leaves.
    pub fn of(series: &[Series], grouping: &[String], without: bool) -> Self {
        let mut names: Vec<&str> = grouping.iter().map(String::as_str).collect();
        if without {
            names.push(METRIC_NAME);
        }
        let mut by_labels: RapidHashMap<Labels, usize> = RapidHashMap::default();
        let mut groups = Self { labels: Vec::new(), of_series: Vec::with_capacity(series.len()) };
        for one in series {
            let key = if without { one.labels.without(&names) } else { one.labels.only(&names) };
            let next = groups.labels.len();
            let group = *by_labels.entry(key.clone()).or_insert(next);
            if group == next {
                groups.labels.push(key);
            }
            groups.of_series.push(group);
        }
        groups
    }
}

impl Evaluator<'_> {
    /// The value of an aggregation at all steps.
    pub fn eval_aggregate(
        &mut self,
        node: &Node,
        aggregate: &AggregateNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let param = aggregate.param.as_deref();
        if aggregate.op == AggregateOp::CountValues {
            return self.count_values(aggregate, grid);
        }
        let params = match param {
            Some(param) => self.eval_scalar(param, grid)?,
            None => Vec::new(),
        };
        let series = self.eval_vector(&aggregate.expr, grid)?;
        match aggregate.op {
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => self.pick(node, aggregate, &params, series, grid),
            AggregateOp::Quantile => {
                self.warn_of_quantiles(aggregate, &params);
                self.fold(aggregate, &params, &series, grid)
            }
            _ => self.fold(aggregate, &params, &series, grid),
        }
    }

    fn fold(
        &mut self,
        aggregate: &AggregateNode,
        params: &[f64],
        series: &[Series],
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let groups = Groups::of(series, &aggregate.grouping, aggregate.without);
        let steps = grid.len();
        let mut drop_names = vec![false; groups.labels.len()];
        let mut accumulators: Vec<Option<Accumulator>> = Vec::new();
        accumulators.resize_with(groups.labels.len() * steps, || None);
        for (one, group) in series.iter().zip(&groups.of_series) {
            self.budget.check_interruption()?;
            drop_names[*group] |= one.drop_name;
            let mut context = FoldContext {
                op: aggregate.op,
                span: aggregate.expr.span,
                metric_name: one.labels.metric_name(),
                annotations: &mut self.annotations,
            };
            for (at_ms, point) in one.points() {
                let slot = &mut accumulators[group * steps + grid.step_of(at_ms)];
                match slot {
                    Some(accumulator) => accumulator.add(point, &mut context),
                    None => *slot = Accumulator::new(point, &mut context),
                }
            }
        }
        let mut out = Vec::new();
        let mut accumulators = accumulators.into_iter();
        for (labels, drop_name) in groups.labels.into_iter().zip(drop_names) {
            let mut folded = Series::new(labels, drop_name);
            for (step, at_ms) in grid.times().enumerate() {
                let Some(accumulator) = accumulators.next().flatten() else { continue };
                let mut context = FoldContext {
                    op: aggregate.op,
                    span: aggregate.expr.span,
                    metric_name: "",
                    annotations: &mut self.annotations,
                };
                let param = params.get(step).copied().unwrap_or(f64::NAN);
                if let Some(value) = accumulator.finish(param, &mut context) {
                    folded.push(at_ms, value);
                }
            }
            if !folded.is_empty() {
                out.push(folded);
            }
        }
        Ok(out)
    }

    /// Tells of the worst quantiles outside of 0 to 1.
    fn warn_of_quantiles(&mut self, aggregate: &AggregateNode, params: &[f64]) {
        let span = aggregate.param.as_ref().map_or(aggregate.expr.span, |param| param.span);
        let largest = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = params.iter().copied().fold(f64::INFINITY, f64::min);
        let nan = params.iter().any(|q| q.is_nan()).then_some(f64::NAN);
        let above = (largest > 1.0).then_some(largest);
        let below = (smallest < 0.0).then_some(smallest);
        for q in [nan, above, below].into_iter().flatten() {
            let text = format!("quantile value should be between 0 and 1, got {}", format_g(q));
            self.annotations.warn(span, text);
        }
    }
}
