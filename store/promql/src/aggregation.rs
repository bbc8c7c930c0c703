//! Aggregations that fold a group into one series.
//!
//! Group by group, series by series: a group has one accumulator a step, and only one group's are
//! in memory, since groups times steps can be far more than there are samples.

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

    /// For each group its series, in their order.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.labels.len()];
        for (at, group) in self.of_series.iter().enumerate() {
            members[*group].push(at);
        }
        members
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
        let mut accumulators: Vec<Option<Accumulator>> = Vec::new();
        let mut out = Vec::new();
        let members = groups.members();
        for (labels, members) in groups.labels.into_iter().zip(members) {
            accumulators.clear();
            accumulators.resize_with(grid.len(), || None);
            let members: Vec<&Series> = members.into_iter().map(|at| &series[at]).collect();
            self.fold_group(aggregate, &members, &mut accumulators, grid)?;
            let drop_name = members.iter().any(|one| one.drop_name);
            let mut folded = Series::new(labels, drop_name);
            for (step, accumulator) in accumulators.iter_mut().enumerate() {
                let Some(accumulator) = accumulator.take() else { continue };
                let mut context = FoldContext {
                    op: aggregate.op,
                    span: aggregate.expr.span,
                    metric_name: "",
                    annotations: &mut self.annotations,
                };
                let param = params.get(step).copied().unwrap_or(f64::NAN);
                if let Some(value) = accumulator.finish(param, &mut context) {
                    folded.push(grid.at(step), value);
                }
            }
            if !folded.is_empty() {
                self.usage.hold(folded.samples(), &self.budget)?;
                out.push(folded);
            }
        }
        Ok(out)
    }

    fn fold_group(
        &mut self,
        aggregate: &AggregateNode,
        members: &[&Series],
        accumulators: &mut [Option<Accumulator>],
        grid: &Grid,
    ) -> Result<(), EvalError> {
        for one in members {
            self.budget.check_interruption()?;
            let mut context = FoldContext {
                op: aggregate.op,
                span: aggregate.expr.span,
                metric_name: one.labels.metric_name(),
                annotations: &mut self.annotations,
            };
            for (at_ms, point) in one.points() {
                let slot = &mut accumulators[grid.step_of(at_ms)];
                match slot {
                    Some(accumulator) => accumulator.add(point, &mut context),
                    None => *slot = Accumulator::new(point, &mut context),
                }
            }
        }
        Ok(())
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
