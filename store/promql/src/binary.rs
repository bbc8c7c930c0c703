//! Binary operators: which kind of operands meets which.

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Evaluated, Point, Series};
use crate::operator::BinaryOp;
use crate::plan::{BinaryNode, Grid, Node};
use crate::value::PointValue;

impl Evaluator<'_> {
    /// The value of a binary expression at all steps.
    pub fn eval_binary(
        &mut self,
        node: &Node,
        binary: &BinaryNode,
        grid: &Grid,
    ) -> Result<Evaluated, EvalError> {
        let lhs = self.eval(&binary.lhs, grid)?;
        // The left side stays in memory while the right one is computed.
        let held = self.usage.samples;
        let rhs = self.eval(&binary.rhs, grid)?;
        self.usage.check_with(0, &self.budget)?;
        debug_assert!(self.usage.samples >= held, "evaluation keeps what it yields");
        match (lhs, rhs) {
            (Evaluated::Scalar(lhs), Evaluated::Scalar(rhs)) => {
                let pairs = lhs.into_iter().zip(rhs);
                let values: Result<Vec<f64>, EvalError> =
                    pairs.map(|(lhs, rhs)| scalar_operation(binary.op, lhs, rhs)).collect();
                values.map(Evaluated::Scalar)
            }
            (Evaluated::Vector(lhs), Evaluated::Scalar(rhs)) => {
                self.vector_with_scalar(node, binary, lhs, &rhs, false, grid)
            }
            (Evaluated::Scalar(lhs), Evaluated::Vector(rhs)) => {
                self.vector_with_scalar(node, binary, rhs, &lhs, true, grid)
            }
            (Evaluated::Vector(lhs), Evaluated::Vector(rhs)) => {
                let matching = binary.matching.clone().unwrap_or_default();
                if binary.op.is_set() {
                    return self.set_operation(binary.op, &matching, lhs, rhs, grid);
                }
                self.vectors(node, binary, &matching, &lhs, &rhs, grid)
            }
            _ => Err(EvalError::execution("an operator between these types is not defined")),
        }
    }

    fn vector_with_scalar(
        &mut self,
        node: &Node,
        binary: &BinaryNode,
        series: Vec<Series>,
        scalars: &[f64],
        scalar_is_left: bool,
        grid: &Grid,
    ) -> Result<Evaluated, EvalError> {
        let drops = changes_schema(binary.op) || binary.return_bool;
        let mut out = Vec::with_capacity(series.len());
        for one in series {
            self.budget.check_interruption()?;
            let labels = if drops { self.without_name(&one.labels) } else { one.labels.clone() };
            let mut mapped = Series::new(labels, one.drop_name || drops);
            for (at_ms, point) in one.points() {
                let scalar = Point::Float(scalars[grid.step_of(at_ms)]);
                let (lhs, rhs) = if scalar_is_left { (scalar, point) } else { (point, scalar) };
                let Some(answer) = self.element_operation(node.span, binary.op, lhs, rhs) else {
                    continue;
                };
                if binary.return_bool {
                    mapped.push(at_ms, PointValue::Float(f64::from(u8::from(answer.keep))));
                } else if answer.keep && binary.op.is_comparison() {
                    // A filter yields the vector's element, on whichever side it stands.
                    mapped.push(at_ms, point.to_value());
                } else if answer.keep {
                    mapped.push(at_ms, answer.value);
                }
            }
            if !mapped.is_empty() {
                out.push(mapped);
            }
        }
        self.checked_names(out).map(Evaluated::Vector)
    }
}

/// Whether the result of an operator is another metric, so that the name is dropped.
pub const fn changes_schema(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(op, B::Add | B::Sub | B::Mul | B::Div | B::Pow | B::Mod | B::Atan2)
}

fn scalar_operation(op: BinaryOp, lhs: f64, rhs: f64) -> Result<f64, EvalError> {
    if let Some(value) = arithmetic(op, lhs, rhs) {
        return Ok(value);
    }
    match compares(op, lhs, rhs) {
        Some(holds) => Ok(f64::from(u8::from(holds))),
        None => {
            let text = format!("operator {:?} not allowed for Scalar operations", op.as_str());
            Err(EvalError::Execution(text))
        }
    }
}

/// `+ - * / % ^ atan2` of two numbers.
pub fn arithmetic(op: BinaryOp, lhs: f64, rhs: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => lhs + rhs,
        BinaryOp::Sub => lhs - rhs,
        BinaryOp::Mul => lhs * rhs,
        BinaryOp::Div => lhs / rhs,
        BinaryOp::Mod => lhs % rhs,
        BinaryOp::Pow => lhs.powf(rhs),
        BinaryOp::Atan2 => lhs.atan2(rhs),
        _ => return None,
    })
}

/// Whether a comparison of two numbers holds.
pub fn compares(op: BinaryOp, lhs: f64, rhs: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Eq => lhs == rhs,
        BinaryOp::Ne => lhs != rhs,
        BinaryOp::Lt => lhs < rhs,
        BinaryOp::Gt => lhs > rhs,
        BinaryOp::Le => lhs <= rhs,
        BinaryOp::Ge => lhs >= rhs,
        _ => return None,
    })
}
