//! From an answer to new series, and what ended.

use std::collections::BTreeSet;

use promql::value::{PointValue, VectorSample};
use protocol::labels::{Labels, LabelsBuilder, METRIC_NAME};
use protocol::sample::{HistogramSample, Sample, TimeSeries, stale_nan};

/// Why an evaluation of a recording rule failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// Two elements ended with the same labels.
    #[error("vector contains metrics with the same labelset after applying rule labels")]
    DuplicateLabels,
    /// Too many series; nothing is written.
    #[error("exceeded limit of {limit} with {count} series")]
    LimitExceeded {
        /// The group's limit.
        limit: usize,
        /// Series of the answer.
        count: usize,
    },
}

/// The series of one evaluation, stamped `write_at_ms`.
pub fn record(
    answer: Vec<VectorSample>,
    name: &str,
    labels: &[(String, String)],
    limit: usize,
    write_at_ms: i64,
) -> Result<Vec<TimeSeries>, RecordingError> {
    let count = answer.len();
    let series: Vec<TimeSeries> =
        answer.into_iter().map(|sample| recorded(sample, name, labels, write_at_ms)).collect();
    let distinct: BTreeSet<&Labels> = series.iter().map(|one| &one.labels).collect();
    if distinct.len() < count {
        return Err(RecordingError::DuplicateLabels);
    }
    if limit > 0 && count > limit {
        return Err(RecordingError::LimitExceeded { limit, count });
    }
    Ok(series)
}

fn recorded(
    sample: VectorSample,
    name: &str,
    labels: &[(String, String)],
    timestamp_ms: i64,
) -> TimeSeries {
    let mut builder = LabelsBuilder::new(&sample.labels);
    builder.set(METRIC_NAME, name);
    for (label, value) in labels {
        builder.set(label.as_str(), value.as_str());
    }
    let mut series = TimeSeries { labels: builder.build(), ..TimeSeries::default() };
    match sample.value {
        PointValue::Float(value) => series.samples.push(Sample { timestamp_ms, value }),
        PointValue::Histogram(histogram) => {
            series.histograms.push(HistogramSample { timestamp_ms, histogram });
        }
    }
    series
}

/// Staleness markers for the series of `before` that are not in `now`.
pub fn ended(before: &BTreeSet<Labels>, now: &BTreeSet<Labels>, at_ms: i64) -> Vec<TimeSeries> {
    stale_markers(before.difference(now).cloned(), at_ms)
}

/// Staleness markers.
pub fn stale_markers(series: impl IntoIterator<Item = Labels>, at_ms: i64) -> Vec<TimeSeries> {
    let marker = Sample { timestamp_ms: at_ms, value: stale_nan() };
    let marked = series.into_iter();
    marked
        .map(|labels| TimeSeries { labels, samples: vec![marker], ..Default::default() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::sample::is_stale_nan;

    fn sample(pairs: &[(&'static str, &'static str)], value: f64) -> VectorSample {
        let labels = Labels::from_pairs(pairs.iter().copied());
        VectorSample { labels, timestamp_ms: 5, value: PointValue::Float(value) }
    }

    #[test]
    fn rule_labels_lie_over_the_sample_s_and_empty_ones_delete() {
        let answer = vec![sample(&[("__name__", "up"), ("a", "1"), ("b", "2")], 3.0)];
        let labels = [("a".to_owned(), String::new()), ("c".to_owned(), "x".to_owned())];
        let series = record(answer, "new", &labels, 0, 1000).expect("one series");
        assert_eq!(series[0].labels.to_string(), r#"new{b="2", c="x"}"#);
        assert_eq!(series[0].samples, [Sample { timestamp_ms: 1000, value: 3.0 }]);
    }

    #[test]
    fn series_that_become_one_and_too_many_are_refused() {
        let answer = || vec![sample(&[("a", "1")], 1.0), sample(&[("a", "2")], 1.0)];
        let labels = [("a".to_owned(), "same".to_owned())];
        assert_eq!(record(answer(), "x", &labels, 0, 0), Err(RecordingError::DuplicateLabels));
        let refused = record(answer(), "x", &[], 1, 0);
        assert_eq!(refused, Err(RecordingError::LimitExceeded { limit: 1, count: 2 }));
    }

    #[test]
    fn what_is_no_longer_there_is_marked() {
        let set = |names: &[&'static str]| -> BTreeSet<Labels> {
            names.iter().map(|name| Labels::from_pairs([("__name__", *name)])).collect()
        };
        let markers = ended(&set(&["a", "b"]), &set(&["b", "c"]), 7);
        assert_eq!(markers.len(), 1);
        assert_eq!(markers[0].labels.metric_name(), "a");
        assert!(is_stale_nan(markers[0].samples[0].value));
        assert_eq!(markers[0].samples[0].timestamp_ms, 7);
    }
}
