//! The two calls of a query: plan, then evaluate.
//!
//! Between them the caller fetches the plan's selections; this crate knows neither storage nor
//! clock.

use std::sync::Arc;

use crate::annotations::Annotations;
use crate::ast::Expr;
use crate::budget::Budget;
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_params::EvalParams;
use crate::eval_series::Evaluated;
use crate::plan::{Grid, Plan};
use crate::plan_build;
use crate::source::SeriesData;
use crate::value::Value;
use crate::value_type::ValueType;

/// What a query cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples looked at, overlapping windows counted again.
    pub samples_total: u64,
    /// Most samples held at once.
    pub samples_peak: usize,
}

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct QueryResult {
    /// The value.
    pub value: Value,
    /// Warnings and infos.
    pub annotations: Annotations,
    /// What it cost.
    pub stats: QueryStats,
}

/// Computes durations, pins times and finds out what must be fetched.
pub fn plan(expr: &Expr, params: &EvalParams) -> Result<Plan, EvalError> {
    plan_build::build(expr, params)
}

/// Evaluates a plan over fetched series: one list for each selection, in their order.
///
/// The order inside the lists does not matter. Series that do not fit the selection's matchers
/// must not be there.
pub fn evaluate(
    plan: &Plan,
    data: &[Vec<Arc<dyn SeriesData>>],
    budget: &Budget<'_>,
) -> Result<QueryResult, EvalError> {
    if data.len() != plan.selections.len() {
        let (got, wanted) = (data.len(), plan.selections.len());
        return Err(EvalError::Execution(format!(
            "{got} lists of series were handed in for {wanted} selections"
        )));
    }
    let grid = grid_of(&plan.params);
    let mut evaluator = Evaluator::new(&plan.params, data, *budget);
    let evaluated = evaluator.eval_root(&plan.root, &grid)?;
    let value = into_value(evaluated, plan, &grid);
    Ok(QueryResult {
        value,
        annotations: evaluator.annotations,
        stats: QueryStats {
            samples_total: evaluator.usage.samples_total,
            samples_peak: evaluator.usage.samples_peak,
        },
    })
}

fn grid_of(params: &EvalParams) -> Grid {
    if params.is_instant() {
        return Grid::instant(params.start_ms);
    }
    Grid { start_ms: params.start_ms, end_ms: params.end_ms, step_ms: params.step_ms }
}

fn into_value(evaluated: Evaluated, plan: &Plan, grid: &Grid) -> Value {
    let at_ms = grid.start_ms;
    if let Evaluated::Text(text) = evaluated {
        return Value::String { timestamp_ms: at_ms, text };
    }
    let instant = plan.params.is_instant();
    match plan.value_type {
        ValueType::Scalar if instant => evaluated.into_scalar_value(at_ms),
        ValueType::Vector if instant => evaluated.into_vector_value(at_ms),
        _ => evaluated.into_matrix_value(grid),
    }
}
