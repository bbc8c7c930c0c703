//! The order of series in a block.
//!
//! By metric, then by the labels without `le`, then by `le` as a number, so that the buckets of one
//! histogram, which resemble each other, lie side by side in one page.

use std::cmp::Ordering;

use protocol::labels::{BUCKET_LABEL, Labels, METRIC_NAME};

/// Compares two series. Equal only where the labels are.
pub fn compare(a: &Labels, b: &Labels) -> Ordering {
    a.metric_name()
        .cmp(b.metric_name())
        .then_with(|| rest(a).cmp(rest(b)))
        .then_with(|| bound(a).total_cmp(&bound(b)))
        .then_with(|| a.cmp(b))
}

fn rest(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().filter(|(name, _)| *name != METRIC_NAME && *name != BUCKET_LABEL)
}

fn bound(labels: &Labels) -> f64 {
    match labels.value(BUCKET_LABEL) {
        "+Inf" => f64::INFINITY,
        text => text.parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_of_one_histogram_stand_together_by_bound() {
        let bucket = |name: &str, job: &str, le: &str| {
            Labels::from_pairs([("__name__", name), ("job", job), ("le", le)])
        };
        let mut series = vec![
            bucket("lag", "b", "1"),
            bucket("lag", "a", "+Inf"),
            bucket("lag", "a", "10"),
            bucket("age", "z", "5"),
            bucket("lag", "a", "9.5"),
            bucket("lag", "a", "1e3"),
        ];
        series.sort_by(compare);
        let told: Vec<_> = series
            .iter()
            .map(|l| format!("{} {} {}", l.metric_name(), l.value("job"), l.value("le")))
            .collect();
        assert_eq!(
            told,
            ["age z 5", "lag a 9.5", "lag a 10", "lag a 1e3", "lag a +Inf", "lag b 1"]
        );
    }
}
