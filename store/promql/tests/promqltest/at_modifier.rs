//! The same query pinned to its time, asked at other times.

use promql::ast::{At, Expr, ExprKind};
use promql::function_table::FunctionId;

/// Pins every selector and outermost subquery that has no time of its own to `at_ms`, and prints
/// the result; `None` where the answer depends on the time of asking all the same.
pub fn pinned(expr: &Expr, at_ms: i64) -> Option<String> {
    let mut expr = expr.clone();
    let mut depends = false;
    pin(&mut expr, at_ms, &mut depends);
    (!depends).then(|| expr.to_string())
}

/// The other times at which a query pinned to `at_ms` must say the same.
pub fn other_times(at_ms: i64) -> Vec<i64> {
    if at_ms == 0 {
        return vec![-1000, 0, 1000];
    }
    vec![-10 * at_ms, 0, at_ms / 5, at_ms, 10 * at_ms]
}

fn pin(expr: &mut Expr, at_ms: i64, depends: &mut bool) {
    match &mut expr.kind {
        ExprKind::VectorSelector(selector) => pin_at(&mut selector.at, at_ms),
        ExprKind::MatrixSelector(matrix) => pin_at(&mut matrix.selector.at, at_ms),
        ExprKind::Subquery(subquery) => {
            // What is below a pinned subquery is pinned with it.
            pin_at(&mut subquery.at, at_ms);
            return;
        }
        ExprKind::Call { function, .. } => *depends |= depends_on_time(function.id),
        _ => {}
    }
    for child in expr.children_mut() {
        pin(child, at_ms, depends);
    }
}

fn pin_at(at: &mut Option<At>, at_ms: i64) {
    if !matches!(at, Some(At::Timestamp(_))) {
        *at = Some(At::Timestamp(at_ms));
    }
}

fn depends_on_time(function: FunctionId) -> bool {
    use FunctionId as F;
    matches!(
        function,
        F::Time
            | F::Timestamp
            | F::PredictLinear
            | F::Start
            | F::End
            | F::Step
            | F::Range
            | F::DayOfMonth
            | F::DayOfWeek
            | F::DayOfYear
            | F::DaysInMonth
            | F::Hour
            | F::Minute
            | F::Month
            | F::Year
    )
}
