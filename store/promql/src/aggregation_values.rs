//! `count_values`: how often each value occurs.

use protocol::go_float::format_f;
use protocol::labels::{Labels, LabelsBuilder, METRIC_NAME};
use rapidhash::RapidHashMap;

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Point, Series, merge_same_labels};
use crate::functions_label::text_of;
use crate::plan::{AggregateNode, Grid};
use crate::value::PointValue;

impl Evaluator<'_> {
    /// A series for each value of each group, the value as a label.
    pub fn count_values(
        &mut self,
        aggregate: &AggregateNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let label = aggregate.param.as_deref().map_or("", text_of);
        if label.is_empty() {
            return Err(EvalError::execution("invalid label name \"\""));
        }
        let mut names: Vec<&str> = aggregate.grouping.iter().map(String::as_str).collect();
        names.push(if aggregate.without { METRIC_NAME } else { label });
        let grouped = |labels: &Labels| {
            if aggregate.without { labels.without(&names) } else { labels.only(&names) }
        };
        let series = self.eval_vector(&aggregate.expr, grid)?;
        let mut by_labels: RapidHashMap<Labels, usize> = RapidHashMap::default();
        let mut counted: Vec<(Labels, Vec<f64>)> = Vec::new();
        for one in &series {
            self.budget.check_interruption()?;
            for (at_ms, point) in one.points() {
                let value = match point {
                    Point::Float(value) => format_f(value),
                    Point::Histogram(histogram) => histogram.to_string(),
                };
                let mut builder = LabelsBuilder::new(&one.labels);
                builder.set(label, value);
                let key = grouped(&builder.build());
                let at = *by_labels.entry(key.clone()).or_insert(counted.len());
                if at == counted.len() {
                    self.usage.hold(grid.len(), &self.budget)?;
                    counted.push((key, vec![0.0; grid.len()]));
                }
                counted[at].1[grid.step_of(at_ms)] += 1.0;
            }
        }
        let mut out = Vec::with_capacity(counted.len());
        for (labels, counts) in counted {
            let mut one = Series::new(labels, false);
            for (at_ms, count) in grid.times().zip(counts).filter(|(_, count)| *count > 0.0) {
                one.push(at_ms, PointValue::Float(count));
            }
            out.push(one);
        }
        merge_same_labels(out)
    }
}
