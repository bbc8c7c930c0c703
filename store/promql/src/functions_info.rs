//! `info()`: joins the labels of info metrics.

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::Series;
use crate::plan::{CallNode, Grid};

impl Evaluator<'_> {
    /// `info(v, {data labels})`
    pub fn info(&mut self, _call: &CallNode, _grid: &Grid) -> Result<Vec<Series>, EvalError> {
        Err(EvalError::NotImplemented { what: "function info()".to_owned() })
    }
}
