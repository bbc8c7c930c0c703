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
        let left = MatchGroups::members(&groups.left, groups.count);
        let right = MatchGroups::members(&groups.right, groups.count);
        // One group's steps at a time: groups times steps can be far more than there are samples.
        let mut present = vec![false; grid.len()];
        for (left, right) in left.iter().zip(&right) {
            self.budget.check_interruption()?;
            present.fill(false);
            let (decide, over, change, series) = match op {
                BinaryOp::Or => (&lhs, left, right, &mut rhs),
                _ => (&rhs, right, left, &mut lhs),
            };
            for (at_ms, _) in over.iter().flat_map(|at| decide[*at].points()) {
                present[grid.step_of(at_ms)] = true;
            }
            for at in change {
                let wanted = op == BinaryOp::And;
                retain(&mut series[*at], |at_ms| present[grid.step_of(at_ms)] == wanted);
            }
        }
        if op == BinaryOp::Or {
            lhs.append(&mut rhs);
        }
        lhs.retain(|one| !one.is_empty());
        merge_same_labels(lhs).map(Evaluated::Vector)
    }
}

fn retain(series: &mut Series, keep: impl Fn(i64) -> bool) {
    series.floats.retain(|point| keep(point.timestamp_ms));
    series.histograms.retain(|point| keep(point.timestamp_ms));
}
