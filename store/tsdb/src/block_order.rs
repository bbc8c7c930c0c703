//! The order of series in a block.
//!
//! By metric, then by the labels without `le`, then by `le` as a number, so that the buckets of one
//! histogram, which resemble each other, lie side by side in one page.

use std::cmp::Ordering;

use protocol::labels::{BUCKET_LABEL, Labels, METRIC_NAME};

/// Compares two series. Equal only where the labels are.
pub fn compare(a: &Labels, b: &Labels) -> Ordering {
    compare_pairs(a.iter(), b.iter())
}

/// Compares two series by their names and values, which come in order of the names.
pub fn compare_pairs<'a>(
    a: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    b: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Ordering {
    value_of(a.clone(), METRIC_NAME)
        .cmp(value_of(b.clone(), METRIC_NAME))
        .then_with(|| rest(a.clone()).cmp(rest(b.clone())))
        .then_with(|| bound(a.clone()).total_cmp(&bound(b.clone())))
        .then_with(|| a.cmp(b))
}

fn value_of<'a>(mut pairs: impl Iterator<Item = (&'a str, &'a str)>, wanted: &str) -> &'a str {
    pairs.find(|(name, _)| *name == wanted).map_or("", |(_, value)| value)
}

fn rest<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    pairs.filter(|(name, _)| *name != METRIC_NAME && *name != BUCKET_LABEL)
}

fn bound<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> f64 {
    match value_of(pairs, BUCKET_LABEL) {
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
        let mut series = [
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
