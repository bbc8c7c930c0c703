//! `absent`, `absent_over_time`: a 1 where nothing is.

use protocol::labels::{Labels, LabelsBuilder, METRIC_NAME};
use protocol::matcher::{MatchOp, Matcher};
use protocol::sample::Sample;

use crate::eval_series::Series;
use crate::plan::{Grid, Node, NodeKind};

/// A 1 at each step at which no series has a point.
pub fn absent(series: &[Series], argument: &Node, grid: &Grid) -> Vec<Series> {
    let mut present = vec![false; grid.len()];
    for (at_ms, _) in series.iter().flat_map(Series::points) {
        present[grid.step_of(at_ms)] = true;
    }
    let missing = grid.times().zip(present).filter(|(_, present)| !present);
    let floats: Vec<Sample> =
        missing.map(|(timestamp_ms, _)| Sample { timestamp_ms, value: 1.0 }).collect();
    if floats.is_empty() {
        return Vec::new();
    }
    let labels = labels_of_absent(argument);
    vec![Series { labels, floats, ..Series::default() }]
}

/// The same for a range vector; `series` has a point at each step with a sample in the range.
pub fn absent_over_time(series: &[Series], argument: &Node, grid: &Grid) -> Vec<Series> {
    absent(series, argument, grid)
}

/// The labels that a selector demands by plain equality, each once.
fn labels_of_absent(argument: &Node) -> Labels {
    let matchers: &[Matcher] = match &argument.kind {
        NodeKind::Vector(vector) => &vector.matchers,
        NodeKind::Matrix(matrix) => &matrix.selector.matchers,
        _ => &[],
    };
    let mut builder = LabelsBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        let again = seen.contains(&matcher.name.as_str());
        if matcher.op == MatchOp::Equal && !again {
            builder.set(matcher.name.as_str(), matcher.value.as_str());
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}
