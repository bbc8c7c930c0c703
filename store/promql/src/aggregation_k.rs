//! `topk`, `bottomk`, `limitk`, `limit_ratio`.
//!
//! Aggregations that pick whole elements instead of folding them.

use protocol::go_float::format_g;

use crate::aggregation::Groups;
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Cursor, Point, Series};
use crate::operator::AggregateOp;
use crate::plan::{AggregateNode, Grid, Node};

/// Bounds of a 64-bit integer as a float; Prometheus refuses a k at or beyond them.
const K_BOUND: f64 = 9_223_372_036_854_775_808.0;

impl Evaluator<'_> {
    /// Picks elements of each group at each step.
    pub fn pick(
        &mut self,
        node: &Node,
        aggregate: &AggregateNode,
        params: &[f64],
        series: Vec<Series>,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        if !self.check_pick(aggregate, params)? {
            return Ok(Vec::new());
        }
        let groups = Groups::of(&series, &aggregate.grouping, aggregate.without);
        let mut out: Vec<Series> =
            series.iter().map(|one| Series::new(one.labels.clone(), one.drop_name)).collect();
        // In an instant query the order of the answer is that of the picking.
        let mut order = Vec::new();
        for members in groups.members() {
            let mut cursors = vec![Cursor::default(); members.len()];
            for (step, at_ms) in grid.times().enumerate() {
                self.check_at_step(step)?;
                let walked = members.iter().zip(&mut cursors);
                let present: Vec<(usize, Point<'_>)> = walked
                    .filter_map(|(at, cursor)| Some((*at, cursor.at(&series[*at], at_ms)?)))
                    .collect();
                let k = params.get(step).copied().unwrap_or(f64::NAN);
                for (at, point) in self.picked(node, aggregate.op, k, present, &series) {
                    out[at].push(at_ms, point.to_value());
                    order.push(at);
                }
            }
        }
        if grid.is_instant() {
            let mut taken: Vec<Option<Series>> = out.into_iter().map(Some).collect();
            return Ok(order.into_iter().filter_map(|at| taken[at].take()).collect());
        }
        out.retain(|one| !one.is_empty());
        Ok(out)
    }

    /// Whether there is anything to pick; refuses what is no number of elements or ratio.
    fn check_pick(&mut self, aggregate: &AggregateNode, params: &[f64]) -> Result<bool, EvalError> {
        let largest = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = params.iter().copied().fold(f64::INFINITY, f64::min);
        let nan = params.iter().any(|param| param.is_nan());
        if aggregate.op == AggregateOp::LimitRatio {
            if nan {
                return Err(EvalError::execution("Ratio value is NaN"));
            }
            let span = aggregate.param.as_ref().map_or(aggregate.expr.span, |param| param.span);
            let above = (largest > 1.0).then_some((largest, 1.0));
            let below = (smallest < -1.0).then_some((smallest, -1.0));
            for (ratio, limit) in [above, below].into_iter().flatten() {
                let text = format!(
                    "ratio value should be between -1 and 1, got {}, capping to {}",
                    format_g(ratio),
                    format_g(limit)
                );
                self.annotations.warn(span, text);
            }
            return Ok(largest != 0.0 || smallest != 0.0);
        }
        if largest < 1.0 && !nan {
            return Ok(false);
        }
        if nan {
            return Err(EvalError::execution("Parameter value is NaN"));
        }
        if smallest <= -K_BOUND {
            let text = format!("Scalar value {} underflows int64", format_g(smallest));
            return Err(EvalError::Execution(text));
        }
        if largest >= K_BOUND {
            let text = format!("Scalar value {} overflows int64", format_g(largest));
            return Err(EvalError::Execution(text));
        }
        Ok(true)
    }

    /// The elements picked of one group at one step.
    fn picked<'p>(
        &mut self,
        node: &Node,
        op: AggregateOp,
        param: f64,
        present: Vec<(usize, Point<'p>)>,
        series: &[Series],
    ) -> Vec<(usize, Point<'p>)> {
        let k = if param < 1.0 { 0 } else { param as usize };
        match op {
            AggregateOp::Limitk => present.into_iter().take(k).collect(),
            AggregateOp::LimitRatio => {
                let ratio = param.clamp(-1.0, 1.0);
                let fits = |(at, _): &(usize, Point<'_>)| in_ratio(&series[*at], ratio);
                present.into_iter().filter(fits).collect()
            }
            _ => {
                let ascending = op == AggregateOp::Bottomk;
                let mut heap = KHeap { elements: Vec::new(), ascending };
                for (at, point) in present {
                    match point {
                        Point::Float(value) => heap.offer(at, value, k),
                        Point::Histogram(_) if k > 0 => {
                            let text = format!("ignored histogram in {} aggregation", op.as_str());
                            self.annotations.info(node.span, text);
                        }
                        Point::Histogram(_) => {}
                    }
                }
                heap.into_sorted()
            }
        }
    }
}

/// Whether a series is in the share that `ratio` picks; a negative one picks the complement.
fn in_ratio(series: &Series, ratio: f64) -> bool {
    let offset = series.labels.stable_hash() as f64 / u64::MAX as f64;
    if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio }
}

/// The k best so far, the worst of them at the root.
///
/// A binary heap in the manner of Go's, since which of several equal values stay depends on it.
struct KHeap {
    elements: Vec<(usize, f64)>,
    ascending: bool,
}

impl KHeap {
    /// Whether the first is worse; NaN is worst of all.
    fn worse(&self, a: f64, b: f64) -> bool {
        a.is_nan() || if self.ascending { a > b } else { a < b }
    }

    fn offer(&mut self, at: usize, value: f64, k: usize) {
        if self.elements.len() < k {
            self.elements.push((at, value));
            self.sift_up();
            return;
        }
        let Some(&(_, worst)) = self.elements.first() else { return };
        let beats = if self.ascending { worst > value } else { worst < value };
        if beats || worst.is_nan() && !value.is_nan() {
            self.elements[0] = (at, value);
            self.sift_down();
        }
    }

    fn sift_up(&mut self) {
        let mut at = self.elements.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.worse(self.elements[at].1, self.elements[parent].1) {
                break;
            }
            self.elements.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let mut child = 2 * at + 1;
            if child >= self.elements.len() {
                break;
            }
            let right = child + 1;
            if right < self.elements.len()
                && self.worse(self.elements[right].1, self.elements[child].1)
            {
                child = right;
            }
            if !self.worse(self.elements[child].1, self.elements[at].1) {
                break;
            }
            self.elements.swap(at, child);
            at = child;
        }
    }

    /// The best first.
    fn into_sorted<'p>(mut self) -> Vec<(usize, Point<'p>)> {
        let descending = !self.ascending;
        self.elements.sort_by(|a, b| crate::functions_sort::by_value(a.1, b.1, descending));
        self.elements.into_iter().map(|(at, value)| (at, Point::Float(value))).collect()
    }
}
