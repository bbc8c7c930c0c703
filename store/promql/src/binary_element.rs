//! Operators between two elements of vectors.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::histogram_sum::{HistogramSum, IncompatibleBuckets};
use protocol::histogram_trim::Keep;

use crate::ast::Span;
use crate::binary::{arithmetic, compares};
use crate::eval::Evaluator;
use crate::eval_series::Point;
use crate::operator::BinaryOp;
use crate::value::PointValue;

/// The answer for two elements.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The value; of a comparison the left side.
    pub value: PointValue,
    /// Whether a comparison holds; always, where it is none.
    pub keep: bool,
}

impl Answer {
    fn histogram(value: FloatHistogram) -> Self {
        Self { value: PointValue::Histogram(Arc::new(value)), keep: true }
    }
}

impl Evaluator<'_> {
    /// Applies an operator; `None`, with a remark, where it is not defined for the two.
    pub fn element_operation(
        &mut self,
        span: Span,
        op: BinaryOp,
        lhs: Point<'_>,
        rhs: Point<'_>,
    ) -> Option<Answer> {
        let answer = match (lhs, rhs) {
            (Point::Float(lhs), Point::Float(rhs)) => floats(op, lhs, rhs),
            (Point::Float(factor), Point::Histogram(histogram)) => {
                (op == BinaryOp::Mul).then(|| scaled(histogram, |h| h.scale(factor)))
            }
            (Point::Histogram(histogram), Point::Float(number)) => match op {
                BinaryOp::Mul => Some(scaled(histogram, |h| h.scale(number))),
                BinaryOp::Div => Some(scaled(histogram, |h| h.divide(number))),
                BinaryOp::TrimUpper => {
                    Some(Answer::histogram(histogram.trimmed(number, Keep::Below)))
                }
                BinaryOp::TrimLower => {
                    Some(Answer::histogram(histogram.trimmed(number, Keep::Above)))
                }
                _ => None,
            },
            (Point::Histogram(lhs), Point::Histogram(rhs)) => match op {
                BinaryOp::Add | BinaryOp::Sub => return self.combined(span, op, lhs, rhs),
                BinaryOp::Eq | BinaryOp::Ne => {
                    let keep = lhs.same_as(rhs) == (op == BinaryOp::Eq);
                    Some(Answer { value: PointValue::Histogram(Arc::clone(lhs)), keep })
                }
                _ => None,
            },
        };
        if answer.is_none() {
            let (op, lhs, rhs) = (op.as_str(), kind(lhs), kind(rhs));
            let text = format!(
                "incompatible sample types encountered for binary operator {op:?}: {lhs} {op} {rhs}"
            );
            self.annotations.info(span, text);
        }
        answer
    }

    fn combined(
        &mut self,
        span: Span,
        op: BinaryOp,
        lhs: &FloatHistogram,
        rhs: &FloatHistogram,
    ) -> Option<Answer> {
        let mut sum = HistogramSum::new(lhs);
        let (merge, operation) = match op {
            BinaryOp::Add => (sum.add(rhs), "addition"),
            _ => (sum.subtract(rhs), "subtraction"),
        };
        let merge = match merge {
            Ok(merge) => merge,
            Err(IncompatibleBuckets) => {
                let op = op.as_str();
                let text =
                    format!("incompatible bucket layout encountered for binary operator {op}");
                self.annotations.warn(span, text);
                return None;
            }
        };
        if merge.reset_collision {
            let text = format!("conflicting counter resets during histogram {operation}");
            self.annotations.warn(span, text);
        }
        if merge.bounds_reconciled {
            let text = format!("mismatched custom buckets were reconciled during {operation}");
            self.annotations.info(span, text);
        }
        let mut result = sum.finish();
        if op == BinaryOp::Sub {
            result.reset_hint = ResetHint::Gauge;
        }
        result.compact();
        Some(Answer::histogram(result))
    }
}

fn floats(op: BinaryOp, lhs: f64, rhs: f64) -> Option<Answer> {
    if let Some(value) = arithmetic(op, lhs, rhs) {
        return Some(Answer { value: PointValue::Float(value), keep: true });
    }
    let keep = compares(op, lhs, rhs)?;
    Some(Answer { value: PointValue::Float(lhs), keep })
}

fn scaled(histogram: &FloatHistogram, change: impl FnOnce(&mut FloatHistogram)) -> Answer {
    let mut histogram = histogram.clone();
    change(&mut histogram);
    histogram.compact();
    Answer::histogram(histogram)
}

fn kind(point: Point<'_>) -> &'static str {
    match point {
        Point::Float(_) => "float",
        Point::Histogram(_) => "histogram",
    }
}
