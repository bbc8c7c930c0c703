//! Which samples of a batch are taken, and why not others.
//!
//! Pure but for looking at the head: nothing is stored here. Two appends that race may both pass
//! the check for a timestamp; then [`crate::precedence`] decides, the same way everywhere.

use std::sync::Arc;

use protocol::labels::{Labels, METRIC_NAME};
use protocol::sample::{Exemplar, HistogramSample, Metadata, MetricType, Sample, TimeSeries};

use crate::exemplars::Exemplars;
use crate::head::{Full, Head};
use crate::head_series::{Held, Series};
use crate::histogram_codec;
use crate::metadata::Families;
use crate::options::{SeriesLimits, TsdbOptions};
use crate::outcome::{AppendOutcome, RefusalReason};

/// What happens to the rest of a batch when something in it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendMode {
    /// What is valid is written (remote write's rule).
    KeepValid,
    /// Nothing is written.
    AllOrNothing,
}

/// A sender that lags may be this far behind the newest sample of all, even with a shorter window:
/// Prometheus's half block.
const LAG_MS: i64 = 3_600_000;

/// What one series gets from a batch.
#[derive(Debug)]
pub struct Accepted {
    /// The series in the head.
    pub series: Arc<Series>,
    /// Its labels.
    pub labels: Labels,
    /// New numbers.
    pub samples: Vec<Sample>,
    /// New histograms.
    pub histograms: Vec<HistogramSample>,
    /// Exemplars.
    pub exemplars: Vec<Exemplar>,
}

/// A batch that was checked: what to write, and what to answer.
#[derive(Debug, Default)]
pub struct Plan {
    /// By series.
    pub accepted: Vec<Accepted>,
    /// By metric family.
    pub metadata: Vec<(String, Metadata)>,
    /// The answer, if writing succeeds.
    pub outcome: AppendOutcome,
}

impl Plan {
    /// Leaves out exemplars and metadata that are known: clients repeat them with every scrape.
    pub fn drop_known(&mut self, exemplars: &Exemplars, families: &Families) {
        for entry in &mut self.accepted {
            let Accepted { labels, exemplars: offered, .. } = entry;
            offered.retain(|exemplar| !exemplars.is_repetition(labels, exemplar));
        }
        self.accepted.retain(|entry| {
            let Accepted { samples, histograms, exemplars, .. } = entry;
            !(samples.is_empty() && histograms.is_empty() && exemplars.is_empty())
        });
        self.metadata.retain(|(family, metadata)| !families.knows(family, metadata));
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.metadata.is_empty()
    }
}

/// Which timestamps are taken.
#[derive(Clone, Copy, Debug)]
pub struct TimeRules {
    /// The clock.
    pub now_ms: i64,
    /// [`TsdbOptions::future_ms_max`].
    pub future_ms_max: i64,
    /// [`TsdbOptions::retention_ms`].
    pub retention_ms: Option<i64>,
    /// [`TsdbOptions::out_of_order_window_ms`].
    pub window_ms: Option<i64>,
    /// The newest sample of the database.
    pub newest_ms: Option<i64>,
}

impl TimeRules {
    /// Whether a sample of this time is taken into a series whose newest is `series_newest_ms`.
    pub fn check(
        &self,
        timestamp_ms: i64,
        series_newest_ms: Option<i64>,
    ) -> Result<(), RefusalReason> {
        let Self { now_ms, future_ms_max, retention_ms, window_ms, newest_ms } = *self;
        if timestamp_ms > now_ms.saturating_add(future_ms_max) {
            let ahead_ms_max = future_ms_max;
            return Err(RefusalReason::TooFarInFuture { timestamp_ms, now_ms, ahead_ms_max });
        }
        if let Some(retention_ms) = retention_ms {
            let oldest_ms = now_ms.saturating_sub(retention_ms);
            if timestamp_ms < oldest_ms {
                let refusal =
                    RefusalReason::BeyondRetention { timestamp_ms, oldest_ms, retention_ms };
                return Err(refusal);
            }
        }
        let (Some(window_ms), Some(newest_ms)) = (window_ms, newest_ms) else { return Ok(()) };
        let late_of = series_newest_ms.filter(|newest| timestamp_ms < *newest);
        if let (Some(newest_ms), 0) = (late_of, window_ms) {
            return Err(RefusalReason::OutOfOrder { timestamp_ms, newest_ms });
        }
        let window_ms = if late_of.is_some() { window_ms } else { window_ms.max(LAG_MS) };
        let oldest_ms = newest_ms.saturating_sub(window_ms);
        if timestamp_ms < oldest_ms {
            return Err(RefusalReason::TooOld { timestamp_ms, oldest_ms, window_ms });
        }
        Ok(())
    }
}

/// Why a series that is not there yet may not be made.
pub fn check_labels(labels: &Labels, limits: &SeriesLimits) -> Result<(), RefusalReason> {
    if labels.get(METRIC_NAME).is_none() {
        return Err(RefusalReason::MissingMetricName);
    }
    if labels.len() > limits.label_names_max {
        let max = limits.label_names_max;
        return Err(RefusalReason::LabelNamesLimit { found: labels.len(), max });
    }
    let mut total = 0;
    for (name, value) in labels.iter() {
        total += name.len() + value.len();
        if name.is_empty() {
            return Err(RefusalReason::EmptyLabelName);
        }
        if name.len() > limits.label_name_bytes_max {
            let beginning = name.chars().take(64).collect();
            let (bytes, max) = (name.len(), limits.label_name_bytes_max);
            return Err(RefusalReason::LabelNameTooLong { name: beginning, bytes, max });
        }
        if value.len() > limits.label_value_bytes_max {
            let (bytes, max) = (value.len(), limits.label_value_bytes_max);
            return Err(RefusalReason::LabelValueTooLong { name: name.into(), bytes, max });
        }
    }
    if total > limits.labels_bytes_max {
        return Err(RefusalReason::LabelsTooLong { bytes: total, max: limits.labels_bytes_max });
    }
    Ok(())
}

/// Checks a whole batch.
pub fn plan(
    head: &Head,
    options: &TsdbOptions,
    now_ms: i64,
    batch: Vec<TimeSeries>,
    mode: AppendMode,
) -> Plan {
    let rules = TimeRules {
        now_ms,
        future_ms_max: options.future_ms_max,
        retention_ms: options.retention_ms,
        window_ms: options.out_of_order_window_ms,
        newest_ms: head.newest_ms(),
    };
    let mut plan = Plan::default();
    let found = head.find_all(&batch);
    for (entry, found) in batch.into_iter().zip(found) {
        plan_series(head, options, &rules, entry, found, &mut plan);
    }
    if mode == AppendMode::AllOrNothing && plan.outcome.refused_total() > 0 {
        let refused = std::mem::take(&mut plan.outcome);
        let AppendOutcome { refused, refused_counts, .. } = refused;
        plan = Plan {
            outcome: AppendOutcome { refused, refused_counts, ..Default::default() },
            ..Default::default()
        };
    }
    plan
}

fn plan_series(
    head: &Head,
    options: &TsdbOptions,
    rules: &TimeRules,
    entry: TimeSeries,
    found: Option<Arc<Series>>,
    plan: &mut Plan,
) {
    let TimeSeries { labels, samples, histograms, exemplars, metadata } = entry;
    if let Some(metadata) = metadata {
        add_metadata(&labels, metadata, &mut plan.metadata);
    }
    if samples.is_empty() && histograms.is_empty() && exemplars.is_empty() {
        return;
    }
    let series = match found.map_or_else(|| create(head, &labels, &options.limits), Ok) {
        Ok(series) => series,
        Err(reason) => {
            let count = samples.len() + histograms.len();
            return plan.outcome.refuse(&labels, reason, count as u64);
        }
    };
    let mut newest_ms = series.newest_ms();
    let mut checked = Accepted {
        series,
        labels,
        samples: Vec::with_capacity(samples.len()),
        histograms: Vec::new(),
        exemplars: Vec::new(),
    };
    for sample in samples {
        check_sample(rules, sample, &mut newest_ms, &mut checked, &mut plan.outcome);
    }
    for sample in histograms {
        check_histogram(rules, sample, &mut newest_ms, &mut checked, &mut plan.outcome);
    }
    for exemplar in exemplars {
        if rules.check(exemplar.timestamp_ms, None).is_ok() {
            plan.outcome.exemplars += 1;
            checked.exemplars.push(exemplar);
        }
    }
    let Accepted { samples, histograms, exemplars, .. } = &checked;
    if !(samples.is_empty() && histograms.is_empty() && exemplars.is_empty()) {
        plan.accepted.push(checked);
    }
}

fn create(
    head: &Head,
    labels: &Labels,
    limits: &SeriesLimits,
) -> Result<Arc<Series>, RefusalReason> {
    check_labels(labels, limits)?;
    head.get_or_create(labels, limits.active_series_max).map_err(|full| match full {
        Full::Series => RefusalReason::ActiveSeriesLimit { max: limits.active_series_max },
        Full::LabelSet(set) => RefusalReason::LabelSetLimit {
            labels: Labels::from_pairs(set.labels),
            max: set.series_max.unwrap_or(u64::MAX),
        },
    })
}

fn check_sample(
    rules: &TimeRules,
    sample: Sample,
    newest_ms: &mut Option<i64>,
    checked: &mut Accepted,
    outcome: &mut AppendOutcome,
) {
    let timestamp_ms = sample.timestamp_ms;
    if let Err(reason) = rules.check(timestamp_ms, *newest_ms) {
        return outcome.refuse(&checked.labels, reason, 1);
    }
    if newest_ms.is_some_and(|newest| timestamp_ms <= newest) {
        let pending = checked.samples.iter().find(|s| s.timestamp_ms == timestamp_ms);
        let held = pending.map_or_else(
            || checked.series.held_at(timestamp_ms),
            |sample| Held::Number(sample.value),
        );
        match held {
            Held::Nothing => {}
            Held::Number(value) if value.to_bits() == sample.value.to_bits() => {
                outcome.samples += 1;
                return;
            }
            Held::Number(_) | Held::Histogram(_) => {
                let reason = RefusalReason::DuplicateTimestamp { timestamp_ms };
                return outcome.refuse(&checked.labels, reason, 1);
            }
        }
    } else {
        *newest_ms = Some(timestamp_ms);
    }
    outcome.samples += 1;
    checked.samples.push(sample);
}

fn check_histogram(
    rules: &TimeRules,
    sample: HistogramSample,
    newest_ms: &mut Option<i64>,
    checked: &mut Accepted,
    outcome: &mut AppendOutcome,
) {
    let timestamp_ms = sample.timestamp_ms;
    let fault = histogram_codec::fault(&sample.histogram);
    let verdict = match fault {
        Some(what) => Err(RefusalReason::InvalidHistogram { what }),
        None => rules.check(timestamp_ms, *newest_ms),
    };
    if let Err(reason) = verdict {
        return outcome.refuse(&checked.labels, reason, 1);
    }
    if newest_ms.is_some_and(|newest| timestamp_ms <= newest) {
        let same_time = |s: &&HistogramSample| s.timestamp_ms == timestamp_ms;
        let held = match checked.histograms.iter().find(same_time) {
            Some(pending) => Held::Histogram(pending.clone()),
            None if checked.samples.iter().any(|s| s.timestamp_ms == timestamp_ms) => {
                Held::Number(0.0)
            }
            None => checked.series.held_at(timestamp_ms),
        };
        match held {
            Held::Nothing => {}
            Held::Histogram(held)
                if histogram_codec::canonical(&held) == histogram_codec::canonical(&sample) =>
            {
                outcome.histograms += 1;
                return;
            }
            Held::Number(_) | Held::Histogram(_) => {
                let reason = RefusalReason::DuplicateTimestamp { timestamp_ms };
                return outcome.refuse(&checked.labels, reason, 1);
            }
        }
    } else {
        *newest_ms = Some(timestamp_ms);
    }
    outcome.histograms += 1;
    checked.histograms.push(sample);
}

// Metadata describes the family; series of classic histograms and summaries carry suffixes.
fn add_metadata(labels: &Labels, metadata: Metadata, out: &mut Vec<(String, Metadata)>) {
    let name = labels.metric_name();
    let suffixes: &[&str] = match metadata.metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => {
            &["_bucket", "_sum", "_count", "_gsum", "_gcount"]
        }
        MetricType::Summary => &["_sum", "_count"],
        _ => &[],
    };
    let family = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    let last = out.last();
    if !family.is_empty() && last.is_none_or(|(f, m)| f != family || *m != metadata) {
        out.push((family.to_owned(), metadata));
    }
}

#[cfg(test)]
mod tests;
