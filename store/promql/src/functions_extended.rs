//! `anchored` and `smoothed` ranges: the value at both edges instead of a guess.

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_range::{RangeContext, Window};
use crate::functions_rate::Kind;
use crate::plan::{Grid, MatrixNode, VectorNode};
use crate::source::Points;
use crate::value::PointValue;

/// `rate`, `increase` and `delta` between the values at the edges.
pub fn extended_rate(
    _window: &Window<'_>,
    _context: &mut RangeContext<'_>,
    _kind: Kind,
) -> Result<Option<PointValue>, EvalError> {
    Err(EvalError::NotImplemented { what: "anchored and smoothed ranges".to_owned() })
}

impl Evaluator<'_> {
    /// Puts a sample at either edge of a range.
    pub fn extend_edges(
        &mut self,
        _points: &mut Points,
        _matrix: &MatrixNode,
        _start_ms: i64,
        _end_ms: i64,
    ) -> Result<(), EvalError> {
        Err(EvalError::NotImplemented { what: "anchored and smoothed ranges".to_owned() })
    }

    /// For each step the value between the samples around it.
    pub fn eval_smoothed_selector(
        &mut self,
        _vector: &VectorNode,
        _span: crate::ast::Span,
        _grid: &Grid,
    ) -> Result<Vec<crate::eval_series::Series>, EvalError> {
        Err(EvalError::NotImplemented { what: "smoothed selectors".to_owned() })
    }
}
