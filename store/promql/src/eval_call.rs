//! Function calls: which module computes which function.

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::Evaluated;
use crate::function_table::FunctionId;
use crate::functions_absent::absent;
use crate::plan::{CallNode, Grid, Node, NodeKind};
use crate::plan_durations::{go_max, go_min};
use crate::value::PointValue;

impl Evaluator<'_> {
    /// The value of a call at all steps.
    pub fn eval_call(
        &mut self,
        node: &Node,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Evaluated, EvalError> {
        let is_range = |arg: &Node| matches!(arg.kind, NodeKind::Matrix(_) | NodeKind::Subquery(_));
        if let Some(matrix_at) = call.args.iter().position(is_range) {
            return self.eval_range_call(node, call, matrix_at, grid).map(Evaluated::Vector);
        }
        if let Some(scalars) = self.eval_scalar_function(call, grid)? {
            return Ok(Evaluated::Scalar(scalars));
        }
        self.eval_vector_function(node, call, grid).map(Evaluated::Vector)
    }

    fn eval_scalar_function(
        &mut self,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Option<Vec<f64>>, EvalError> {
        use FunctionId as F;
        Ok(Some(match call.function.id {
            F::Time => grid.times().map(|at_ms| at_ms as f64 / 1000.0).collect(),
            F::Pi => vec![std::f64::consts::PI; grid.len()],
            F::MinOf | F::MaxOf => {
                let pick = if call.function.id == F::MinOf { go_min } else { go_max };
                let left = self.eval_scalar(&call.args[0], grid)?;
                let right = self.eval_scalar(&call.args[1], grid)?;
                left.into_iter().zip(right).map(|(a, b)| pick(a, b)).collect()
            }
            F::Scalar => {
                let series = self.eval_vector(&call.args[0], grid)?;
                let mut values = vec![(0u8, f64::NAN); grid.len()];
                for point in series.iter().flat_map(|one| &one.floats) {
                    let slot = &mut values[grid.step_of(point.timestamp_ms)];
                    *slot = (slot.0.saturating_add(1), point.value);
                }
                // Only a single element is a scalar.
                values.into_iter().map(|(n, v)| if n == 1 { v } else { f64::NAN }).collect()
            }
            _ => return Ok(None),
        }))
    }

    fn eval_vector_function(
        &mut self,
        node: &Node,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<crate::eval_series::Series>, EvalError> {
        use FunctionId as F;
        match call.function.id {
            F::Vector => {
                let values = self.eval_scalar(&call.args[0], grid)?;
                Ok(vec![crate::eval_series::scalar_series(&values, grid)])
            }
            F::Absent => {
                let series = self.eval_vector(&call.args[0], grid)?;
                Ok(absent(&series, &call.args[0], grid))
            }
            F::Timestamp => self.timestamp(call, grid),
            F::Clamp | F::ClampMin | F::ClampMax | F::Round => self.bounded(call, grid),
            F::LabelReplace => self.label_replace(call, grid),
            F::LabelJoin => self.label_join(call, grid),
            F::Sort | F::SortDesc | F::SortByLabel | F::SortByLabelDesc => {
                self.sorted(node, call, grid)
            }
            F::HistogramQuantile | F::HistogramQuantiles | F::HistogramFraction => {
                self.histogram_estimate(call, grid)
            }
            F::HistogramCount
            | F::HistogramSum
            | F::HistogramAvg
            | F::HistogramStddev
            | F::HistogramStdvar => self.histogram_number(call, grid),
            F::DaysInMonth
            | F::DayOfMonth
            | F::DayOfWeek
            | F::DayOfYear
            | F::Hour
            | F::Minute
            | F::Month
            | F::Year => self.calendar(call, grid),
            F::Info => self.info(call, grid),
            F::StartTimestamp => self.start_timestamp(call, grid),
            _ => self.elementwise(call, grid),
        }
    }

    fn elementwise(
        &mut self,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<crate::eval_series::Series>, EvalError> {
        let Some(function) = crate::functions_instant::elementwise(call.function.id) else {
            let what = format!("function {}()", call.function.name);
            return Err(EvalError::NotImplemented { what });
        };
        let series = self.eval_vector(&call.args[0], grid)?;
        self.map_floats(series, |_, value| PointValue::Float(function(value)))
    }
}
