//! Computed durations become milliseconds.

use crate::ast::{DurationExpr, DurationKind, DurationValue, Span};
use crate::errors::EvalError;
use crate::operator::BinaryOp;

/// What `step()` and `range()` mean in durations.
#[derive(Clone, Copy, Debug)]
pub struct DurationContext {
    /// The query's step; zero for an instant query.
    pub step_ms: i64,
    /// The query's end minus its start.
    pub range_ms: i64,
}

/// Nanoseconds in 64 bits reach so many seconds; Prometheus refuses beyond.
const SECONDS_MAX: f64 = 9_223_372_036.854_775;

impl DurationContext {
    /// A range or step: more than zero where it is computed.
    pub fn positive_ms(&self, value: &DurationValue) -> Result<i64, EvalError> {
        match value {
            DurationValue::Literal(ms) => Ok(*ms),
            DurationValue::Expr(expr) => self.checked(expr, false),
        }
    }

    /// An offset.
    pub fn signed_ms(&self, value: &DurationValue) -> Result<i64, EvalError> {
        match value {
            DurationValue::Literal(ms) => Ok(*ms),
            DurationValue::Expr(expr) => self.checked(expr, true),
        }
    }

    fn checked(&self, expr: &DurationExpr, may_be_negative: bool) -> Result<i64, EvalError> {
        let seconds = self.seconds(expr)?;
        let refuse = |reason| Err(invalid(expr.span, reason));
        if !seconds.is_finite() {
            return refuse("duration is NaN or infinite");
        }
        if seconds <= 0.0 && !may_be_negative {
            return refuse("duration must be greater than 0");
        }
        if seconds.abs() > SECONDS_MAX {
            return refuse("duration is out of range");
        }
        Ok((seconds * 1000.0) as i64)
    }

    fn seconds(&self, expr: &DurationExpr) -> Result<f64, EvalError> {
        Ok(match &expr.kind {
            DurationKind::Literal { seconds, .. } => *seconds,
            DurationKind::Step => self.step_ms as f64 / 1000.0,
            DurationKind::Range => self.range_ms as f64 / 1000.0,
            DurationKind::MinOf(a, b) => go_min(self.seconds(a)?, self.seconds(b)?),
            DurationKind::MaxOf(a, b) => go_max(self.seconds(a)?, self.seconds(b)?),
            DurationKind::Unary { negative: true, operand } => -self.seconds(operand)?,
            DurationKind::Unary { negative: false, operand } => self.seconds(operand)?,
            DurationKind::Paren(inner) => self.seconds(inner)?,
            DurationKind::Binary { op, lhs, rhs } => {
                let (lhs, rhs) = (self.seconds(lhs)?, self.seconds(rhs)?);
                match op {
                    BinaryOp::Add => lhs + rhs,
                    BinaryOp::Sub => lhs - rhs,
                    BinaryOp::Mul => lhs * rhs,
                    BinaryOp::Div if rhs == 0.0 => {
                        return Err(invalid(expr.span, "division by zero"));
                    }
                    BinaryOp::Div => lhs / rhs,
                    BinaryOp::Mod if rhs == 0.0 => {
                        return Err(invalid(expr.span, "modulo by zero"));
                    }
                    BinaryOp::Mod => lhs % rhs,
                    BinaryOp::Pow => lhs.powf(rhs),
                    other => {
                        let what = format!("operator {} in a duration", other.as_str());
                        return Err(EvalError::NotImplemented { what });
                    }
                }
            }
        })
    }
}

fn invalid(span: Span, reason: &str) -> EvalError {
    EvalError::Invalid(format!("{}:{}: {reason}", span.start, span.end))
}

/// Go's `math.Min`: NaN wins.
pub fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// Go's `math.Max`: NaN wins.
pub fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}
