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
use crate::eval_series::Evaluated;
use crate::plan::{Grid, Plan};
use crate::plan_build;
use crate::source::SeriesData;
use crate::value::Value;
use crate::value_type::ValueType;

/// How far back a selector finds its sample, unless the caller says otherwise.
pub const LOOKBACK_MS: i64 = 300_000;
/// Step of a subquery that names none, unless the caller says otherwise.
pub const SUBQUERY_STEP_MS: i64 = 60_000;

/// Feature flags that change answers. The default is a stock Prometheus 3.14.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// `promql-delayed-name-removal`: names are dropped at the end of the query only.
    pub delayed_name_removal: bool,
    /// `use-start-timestamps`: counters know when they began.
    pub use_start_timestamps: bool,
    /// `type-and-unit-labels`: the labels `__type__` and `__unit__` mean something.
    pub type_and_unit: bool,
}

/// When and how a query is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalParams {
    /// First step.
    pub start_ms: i64,
    /// No step is later.
    pub end_ms: i64,
    /// Zero for an instant query.
    pub step_ms: i64,
    /// How far back a selector finds its sample.
    pub lookback_ms: i64,
    /// Step of subqueries that name none.
    pub subquery_step_ms: i64,
    /// Feature flags.
    pub options: EngineOptions,
}

impl EvalParams {
    /// A query at one time.
    pub fn instant(at_ms: i64) -> Self {
        Self::range(at_ms, at_ms, 0)
    }

    /// A query at `start`, `start + step`, ... up to `end`. A step of zero makes it instant.
    pub fn range(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        Self {
            start_ms,
            end_ms,
            step_ms,
            lookback_ms: LOOKBACK_MS,
            subquery_step_ms: SUBQUERY_STEP_MS,
            options: EngineOptions::default(),
        }
    }

    /// Whether the answer has the shape of an instant query's.
    pub const fn is_instant(&self) -> bool {
        self.step_ms == 0
    }

    fn grid(&self) -> Grid {
        if self.is_instant() {
            return Grid::instant(self.start_ms);
        }
        Grid { start_ms: self.start_ms, end_ms: self.end_ms, step_ms: self.step_ms }
    }
}

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
    let grid = plan.params.grid();
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
