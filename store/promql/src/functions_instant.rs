//! Functions of single numbers: maths, bounds, timestamps.

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Point, Series};
use crate::function_table::FunctionId;
use crate::plan::{CallNode, Grid, NodeKind};
use crate::plan_durations::{go_max, go_min};
use crate::value::PointValue;

/// The functions that map a number to a number.
pub fn elementwise(function: FunctionId) -> Option<fn(f64) -> f64> {
    use FunctionId as F;
    Some(match function {
        F::Abs => f64::abs,
        F::Ceil => f64::ceil,
        F::Floor => f64::floor,
        F::Exp => f64::exp,
        F::Sqrt => f64::sqrt,
        F::Ln => f64::ln,
        F::Log2 => f64::log2,
        F::Log10 => f64::log10,
        F::Sin => f64::sin,
        F::Cos => f64::cos,
        F::Tan => f64::tan,
        F::Asin => f64::asin,
        F::Acos => f64::acos,
        F::Atan => f64::atan,
        F::Sinh => f64::sinh,
        F::Cosh => f64::cosh,
        F::Tanh => f64::tanh,
        F::Asinh => f64::asinh,
        F::Acosh => f64::acosh,
        F::Atanh => f64::atanh,
        F::Rad => |degrees| degrees * std::f64::consts::PI / 180.0,
        F::Deg => |radians| radians * 180.0 / std::f64::consts::PI,
        F::Sgn => |value| {
            if value < 0.0 {
                -1.0
            } else if value > 0.0 {
                1.0
            } else {
                value
            }
        },
        _ => return None,
    })
}

impl Evaluator<'_> {
    /// Maps floats, drops histograms and names.
    pub fn map_floats(
        &self,
        series: Vec<Series>,
        mut map: impl FnMut(i64, f64) -> PointValue,
    ) -> Result<Vec<Series>, EvalError> {
        self.map_points(series, |at_ms, point| match point {
            Point::Float(value) => Some(map(at_ms, value)),
            Point::Histogram(_) => None,
        })
    }

    /// `clamp`, `clamp_min`, `clamp_max`, `round`: their bounds may change from step to step.
    pub fn bounded(&mut self, call: &CallNode, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let series = self.eval_vector(&call.args[0], grid)?;
        let mut bounds = Vec::new();
        for arg in &call.args[1..] {
            bounds.push(self.eval_scalar(arg, grid)?);
        }
        let bound = |which: usize, at_ms: i64| bounds[which][grid.step_of(at_ms)];
        let id = call.function.id;
        self.map_points(series, |at_ms, point| {
            let Point::Float(value) = point else { return None };
            let (low, high) = match id {
                FunctionId::ClampMin => (bound(0, at_ms), f64::INFINITY),
                FunctionId::ClampMax => (f64::NEG_INFINITY, bound(0, at_ms)),
                FunctionId::Clamp => (bound(0, at_ms), bound(1, at_ms)),
                _ => {
                    let nearest = bounds.first().map_or(1.0, |_| bound(0, at_ms));
                    // The inverse first: exact for 0.1 and the like.
                    let inverse = 1.0 / nearest;
                    return Some(PointValue::Float((value * inverse + 0.5).floor() / inverse));
                }
            };
            (high >= low || high.is_nan() || low.is_nan())
                .then(|| PointValue::Float(go_max(low, go_min(high, value))))
        })
    }

    /// `timestamp(v)`: of the sample where `v` is a selector, else of the step.
    pub fn timestamp(&mut self, call: &CallNode, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let seconds = |ms: i64| PointValue::Float(ms as f64 / 1000.0);
        let series = match &call.args[0].kind {
            NodeKind::Vector(vector) if !vector.smoothed => {
                let push = |series: &mut Series, at_ms, found: crate::eval_selector::Found<'_>| {
                    series.push(at_ms, seconds(found.timestamp_ms));
                };
                let series = self.each_found(vector, grid, push)?;
                return self.map_points(series, |_, point| Some(point.to_value()));
            }
            _ => self.eval_vector(&call.args[0], grid)?,
        };
        self.map_points(series, |at_ms, _| Some(seconds(at_ms)))
    }

    /// `start_timestamp(v)`: when the counter began, as far as the samples say.
    pub fn start_timestamp(
        &mut self,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let NodeKind::Vector(vector) = &call.args[0].kind else {
            // A computed value has no start.
            self.eval_vector(&call.args[0], grid)?;
            return Ok(Vec::new());
        };
        if !self.options.use_start_timestamps {
            return Ok(Vec::new());
        }
        let push = |series: &mut Series, at_ms, found: crate::eval_selector::Found<'_>| {
            series.push(at_ms, PointValue::Float(found.start_ms as f64 / 1000.0));
        };
        let series = self.each_found(vector, grid, push)?;
        self.map_points(series, |_, point| Some(point.to_value()))
    }
}
