//! What became of a batch: counts, and refusals with reasons.

use std::collections::BTreeMap;

use protocol::labels::Labels;

/// Refusals that are told one by one; the rest is only counted. An error text holds no more.
pub const REFUSALS_MAX: usize = 16;

/// What an append wrote and what it refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppendOutcome {
    /// Float samples that are stored now (repetitions of stored ones included).
    pub samples: u64,
    /// Native histograms that are stored now.
    pub histograms: u64,
    /// Exemplars that are kept now.
    pub exemplars: u64,
    /// The first refusals, at most [`REFUSALS_MAX`].
    pub refused: Vec<Refusal>,
    /// Refused samples and histograms by [`RefusalReason::code`].
    pub refused_counts: BTreeMap<&'static str, u64>,
}

impl AppendOutcome {
    /// Float samples and histograms refused in all.
    pub fn refused_total(&self) -> u64 {
        self.refused_counts.values().sum()
    }

    pub(crate) fn refuse(&mut self, labels: &Labels, reason: RefusalReason, samples: u64) {
        *self.refused_counts.entry(reason.code()).or_default() += samples;
        if self.refused.len() < REFUSALS_MAX {
            self.refused.push(Refusal { labels: labels.clone(), reason, samples });
        }
    }
}

/// Samples of one series that were not written.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The series.
    pub labels: Labels,
    /// Why.
    pub reason: RefusalReason,
    /// How many samples and histograms.
    pub samples: u64,
}

/// Why samples were refused. The texts name the limit and its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
    /// Older than the series' newest sample while the out-of-order window is closed.
    #[error(
        "out of order sample: timestamp {timestamp_ms} is before {newest_ms} of its series and \
         the out-of-order window is 0"
    )]
    OutOfOrder {
        /// The sample's.
        timestamp_ms: i64,
        /// The newest of the series.
        newest_ms: i64,
    },
    /// Further back than the out-of-order window reaches.
    #[error(
        "too old sample: timestamp {timestamp_ms} is before {oldest_ms}, the end of the \
             out-of-order window of {window_ms} ms"
    )]
    TooOld {
        /// The sample's.
        timestamp_ms: i64,
        /// The oldest that is taken now.
        oldest_ms: i64,
        /// The window.
        window_ms: i64,
    },
    /// It would be dropped by retention at once.
    #[error(
        "too old sample: timestamp {timestamp_ms} is before {oldest_ms}, the end of the \
             retention of {retention_ms} ms"
    )]
    BeyondRetention {
        /// The sample's.
        timestamp_ms: i64,
        /// The oldest that is kept now.
        oldest_ms: i64,
        /// The retention.
        retention_ms: i64,
    },
    /// This timestamp is taken by another value.
    #[error("duplicate sample for timestamp {timestamp_ms}: it is stored with another value")]
    DuplicateTimestamp {
        /// The sample's.
        timestamp_ms: i64,
    },
    /// Ahead of the clock.
    #[error(
        "sample too far in the future: timestamp {timestamp_ms} is more than {ahead_ms_max} ms \
         ahead of {now_ms}"
    )]
    TooFarInFuture {
        /// The sample's.
        timestamp_ms: i64,
        /// The clock.
        now_ms: i64,
        /// The limit.
        ahead_ms_max: i64,
    },
    /// The workspace holds as many active series as it may.
    #[error("active series limit of {max} reached")]
    ActiveSeriesLimit {
        /// The limit.
        max: u64,
    },
    /// The workspace holds as many active series of a label set as it may.
    #[error("active series limit of {max} reached for series with labels {labels}")]
    LabelSetLimit {
        /// The set; empty: series that are in no other set.
        labels: Labels,
        /// The limit.
        max: u64,
    },
    /// Too many labels.
    #[error("series has {found} labels, the limit is {max}")]
    LabelNamesLimit {
        /// Of this series.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A label name is too long.
    #[error("label name {name:?}... has {bytes} bytes, the limit is {max}")]
    LabelNameTooLong {
        /// Its beginning.
        name: String,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A label value is too long.
    #[error("value of label {name:?} has {bytes} bytes, the limit is {max}")]
    LabelValueTooLong {
        /// The label.
        name: String,
        /// The value's length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// All labels together are too long.
    #[error("labels have {bytes} bytes in all, the limit is {max}")]
    LabelsTooLong {
        /// All names and values.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A label without a name.
    #[error("a label has an empty name")]
    EmptyLabelName,
    /// No metric name.
    #[error("series has no metric name")]
    MissingMetricName,
    /// The histogram contradicts itself.
    #[error("histogram is not valid: {what}")]
    InvalidHistogram {
        /// What does not fit.
        what: &'static str,
    },
}

impl RefusalReason {
    /// The reason as a metric label, in AMP's words where it has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfOrder { .. } => "sample-out-of-order",
            Self::TooOld { .. } => "sample-too-old",
            Self::BeyondRetention { .. } => "greater_than_max_sample_age",
            Self::DuplicateTimestamp { .. } => "new-value-for-timestamp",
            Self::TooFarInFuture { .. } => "too_far_in_future",
            Self::ActiveSeriesLimit { .. } => "per_user_series_limit",
            Self::LabelSetLimit { .. } => "per_labelset_series_limit",
            Self::LabelNamesLimit { .. } => "max_label_names_per_series",
            Self::LabelNameTooLong { .. } => "label_name_too_long",
            Self::LabelValueTooLong { .. } => "label_value_too_long",
            Self::LabelsTooLong { .. } => "labels_too_long",
            Self::EmptyLabelName => "label_invalid",
            Self::MissingMetricName => "missing_metric_name",
            Self::InvalidHistogram { .. } => "invalid_histogram",
        }
    }

    /// Whether the same sample could be taken later or after a limit was raised (429 rather than
    /// 400).
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::ActiveSeriesLimit { .. } | Self::LabelSetLimit { .. })
    }
}
