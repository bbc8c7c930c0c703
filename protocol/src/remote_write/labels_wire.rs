//! Labels as they come off the wire: sorted, checked.

use compact_str::CompactString;

use crate::labels::{Label, Labels, METRIC_NAME};

/// Why one series was refused; the others of the request are not concerned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// No `__name__`.
    #[error("series {0} has no metric name")]
    NoMetricName(String),
    /// A name twice.
    #[error("series {series} has the label {name:?} twice")]
    RepeatedLabel {
        /// The series, as far as it could be read.
        series: String,
        /// The name.
        name: String,
    },
    /// A label without a name.
    #[error("series {0} has a label with an empty name")]
    EmptyLabelName(String),
    /// Neither samples nor histograms (2.0 only).
    #[error("series {0} has neither samples nor histograms")]
    NoSamples(String),
    /// Samples and histograms in one series (2.0 only).
    #[error("series {0} has both samples and histograms")]
    MixedSamples(String),
    /// A histogram that contradicts itself.
    #[error("series {series}: invalid native histogram: {reason}")]
    Histogram {
        /// The series.
        series: String,
        /// What is wrong.
        reason: String,
    },
}

/// Sorts where needed, drops empty values, refuses repeated and empty names.
pub fn build_labels(mut labels: Vec<Label>, needs_name: bool) -> Result<Labels, SeriesError> {
    if !labels.windows(2).all(|pair| pair[0].name < pair[1].name) {
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = labels.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(SeriesError::RepeatedLabel {
                series: describe(&labels),
                name: pair[0].name.to_string(),
            });
        }
    }
    if labels.first().is_some_and(|label| label.name.is_empty()) {
        return Err(SeriesError::EmptyLabelName(describe(&labels)));
    }
    labels.retain(|label| !label.value.is_empty());
    if needs_name && !labels.iter().any(|label| label.name == METRIC_NAME) {
        return Err(SeriesError::NoMetricName(describe(&labels)));
    }
    Ok(Labels::from_sorted(labels).expect("sorted, unique and full: just made so"))
}

/// One label from text.
pub fn label(name: &str, value: &str) -> Label {
    Label { name: CompactString::new(name), value: CompactString::new(value) }
}

fn describe(labels: &[Label]) -> String {
    // Bounded: the text goes into an answer and a log line.
    const SHOWN_MAX: usize = 20;
    let pairs = labels.iter().take(SHOWN_MAX).map(|l| format!("{}={:?}", l.name, l.value));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}
