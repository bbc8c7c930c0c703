//! `and`, `or`, `unless`.

use crate::ast::VectorMatching;
use crate::binary_vector::MatchGroups;
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Evaluated, Series, merge_same_labels};
use crate::operator::BinaryOp;
use crate::plan::Grid;

impl Evaluator<'_> {
    /// Keeps elements by whether the other side has one that matches at the same step.
    pub fn set_operation(
        &mut self,
        op: BinaryOp,
        matching: &VectorMatching,
        mut lhs: Vec<Series>,
        mut rhs: Vec<Series>,
        grid: &Grid,
    ) -> Result<Evaluated, EvalError> {
        let groups = MatchGroups::of(matching, &lhs, &rhs);
        let steps = grid.len();
        let presence = |series: &[Series], group_of: &[usize]| {
            let mut present = vec![false; groups.count * steps];
            for (one, group) in series.iter().zip(group_of) {
                for (at_ms, _) in one.points() {
                    present[group * steps + grid.step_of(at_ms)] = true;
                }
            }
            present
        };
        match op {
            BinaryOp::Or => {
                let present = presence(&lhs, &groups.left);
                for (one, group) in rhs.iter_mut().zip(&groups.right) {
                    retain(one, |at_ms| !present[group * steps + grid.step_of(at_ms)]);
                }
                lhs.append(&mut rhs);
            }
            _ => {
                let wanted = op == BinaryOp::And;
                let present = presence(&rhs, &groups.right);
                for (one, group) in lhs.iter_mut().zip(&groups.left) {
                    retain(one, |at_ms| present[group * steps + grid.step_of(at_ms)] == wanted);
                }
            }
        }
        lhs.retain(|one| !one.is_empty());
        merge_same_labels(lhs).map(Evaluated::Vector)
    }
}

fn retain(series: &mut Series, keep: impl Fn(i64) -> bool) {
    series.floats.retain(|point| keep(point.timestamp_ms));
    series.histograms.retain(|point| keep(point.timestamp_ms));
}
