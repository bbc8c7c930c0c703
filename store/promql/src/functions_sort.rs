//! Sorting an instant vector.
//!
//! Range queries are always sorted by labels instead.

use std::cmp::Ordering;

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::Series;
use crate::function_table::FunctionId;
use crate::functions_label::text_of;
use crate::plan::{CallNode, Grid, Node};

impl Evaluator<'_> {
    /// `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`.
    pub fn sorted(
        &mut self,
        node: &Node,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        if !grid.is_instant() {
            let text = "sort is ineffective for range queries since results are always ordered by \
                        labels";
            self.annotations.warn(node.span, text);
        }
        let mut series = self.eval_vector(&call.args[0], grid)?;
        let names: Vec<&str> = call.args[1..].iter().map(text_of).collect();
        match call.function.id {
            FunctionId::Sort | FunctionId::SortDesc => {
                for one in &mut series {
                    one.histograms.clear();
                }
                series.retain(|one| !one.is_empty());
                let descending = call.function.id == FunctionId::SortDesc;
                series.sort_by(|a, b| by_value(first_value(a), first_value(b), descending));
            }
            FunctionId::SortByLabelDesc => series.sort_by(|a, b| by_labels(&names, b, a)),
            _ => series.sort_by(|a, b| by_labels(&names, a, b)),
        }
        Ok(series)
    }
}

fn first_value(series: &Series) -> f64 {
    series.floats.first().map_or(f64::NAN, |point| point.value)
}

/// By value, NaN last in either direction.
pub fn by_value(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => b.total_cmp(&a),
        (false, false) => a.total_cmp(&b),
    }
}

fn by_labels(names: &[&str], a: &Series, b: &Series) -> Ordering {
    let by_name = |name: &&str| natural_order(a.labels.value(name), b.labels.value(name));
    let first = names.iter().map(by_name).find(|order| order.is_ne());
    first.unwrap_or_else(|| a.labels.cmp(&b.labels))
}

/// Texts in pieces of digits and of others, digits by their number: `a2` before `a10`.
pub fn natural_order(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (piece_a, piece_b) = (first_piece(a), first_piece(b));
        if piece_a.is_empty() || piece_b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let order = match (piece_a.parse::<i64>(), piece_b.parse::<i64>()) {
            (Ok(number_a), Ok(number_b)) => number_a.cmp(&number_b),
            _ => piece_a.cmp(piece_b),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (&a[piece_a.len()..], &b[piece_b.len()..]);
    }
}

fn first_piece(text: &str) -> &str {
    let digits = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let end = text.bytes().position(|byte| byte.is_ascii_digit() != digits);
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_sort_by_number() {
        assert_eq!(natural_order("a2", "a10"), Ordering::Less);
        assert_eq!(natural_order("1.10", "1.9"), Ordering::Greater);
        assert_eq!(natural_order("a", "a1"), Ordering::Less);
        assert_eq!(natural_order("", ""), Ordering::Equal);
    }
}
