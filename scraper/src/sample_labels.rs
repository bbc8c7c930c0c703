//! From exposed labels to the labels that are stored.
//!
//! The order is Prometheus's: target labels join by `honor_labels`, metric relabelling, the name
//! must be there, the limits hold, external labels fill gaps.

use std::collections::BTreeMap;

use protocol::labels::{
    Labels, LabelsBuilder, METRIC_NAME, is_legacy_label_name, is_legacy_metric_name,
};
use protocol::relabel::{RelabelRule, relabel_in_place};
use protocol::scrape_config_resolve::ScrapeLimits;

use crate::series_labels::ExposedLabels;

/// What an exposed label is renamed to when the target has one of its name.
const EXPORTED_PREFIX: &str = "exported_";
/// Labels of this prefix stay with the target.
pub const RESERVED_PREFIX: &str = "__";

/// All that decides the labels of a target's series.
#[derive(Clone, Debug, Default)]
pub struct LabelRules {
    /// The target's, without those of the prefix `__`.
    pub target: Labels,
    /// Fill gaps when all else is done.
    pub external: BTreeMap<String, String>,
    /// Exposed labels win over the target's.
    pub honor_labels: bool,
    /// Names are held to the old alphabet.
    pub legacy_names: bool,
    /// From exposed to stored.
    pub relabel: Vec<RelabelRule>,
    /// Of which the three about labels count here.
    pub limits: ScrapeLimits,
}

/// Why one series makes the whole scrape fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Relabelling took it, or it never had one.
    #[error("a series without a metric name: {0}")]
    NoName(String),
    /// Outside the alphabet that the job's validation scheme allows.
    #[error("invalid metric name or label name in {0}; the validation scheme is legacy")]
    InvalidName(String),
    /// More labels than `label_limit`.
    #[error("label_limit exceeded: {metric} has {count} labels, the limit is {limit}")]
    TooMany {
        /// Of which metric.
        metric: String,
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: u64,
    },
    /// A name longer than `label_name_length_limit`.
    #[error(
        "label_name_length_limit exceeded: {metric} has {label:.50} of {length} bytes, \
             the limit is {limit}"
    )]
    NameTooLong {
        /// Of which metric.
        metric: String,
        /// Which label.
        label: String,
        /// Its bytes.
        length: usize,
        /// What is allowed.
        limit: u64,
    },
    /// A value longer than `label_value_length_limit`.
    #[error(
        "label_value_length_limit exceeded: {label} of {metric} has {length} bytes, \
             the limit is {limit}"
    )]
    ValueTooLong {
        /// Of which metric.
        metric: String,
        /// Which label.
        label: String,
        /// The bytes of its value.
        length: usize,
        /// What is allowed.
        limit: u64,
    },
}

impl LabelRules {
    /// The stored labels; `None` where relabelling drops the series.
    pub fn apply(&self, exposed: &ExposedLabels<'_>) -> Result<Option<Labels>, LabelError> {
        let mut labels = LabelsBuilder::default();
        for (name, value) in exposed {
            labels.set(name.as_ref(), value.as_ref());
        }
        self.join_target(&mut labels);
        if !relabel_in_place(&mut labels, &self.relabel) {
            return Ok(None);
        }
        if labels.iter().next().is_none() {
            return Ok(None);
        }
        self.check(&labels)?;
        for (name, value) in &self.external {
            if labels.value(name).is_empty() {
                labels.set(name.as_str(), value.as_str());
            }
        }
        Ok(Some(labels.build()))
    }

    /// The labels of a series that the collector itself makes.
    pub fn report(&self, name: &str) -> Labels {
        let mut labels = LabelsBuilder::new(&self.target);
        labels.set(METRIC_NAME, name);
        for (name, value) in &self.external {
            if labels.value(name).is_empty() {
                labels.set(name.as_str(), value.as_str());
            }
        }
        labels.build()
    }

    fn join_target(&self, labels: &mut LabelsBuilder) {
        let mut clashes = Vec::new();
        for (name, value) in self.target.iter() {
            let exposed = labels.value(name);
            if exposed.is_empty() {
                labels.set(name, value);
            } else if !self.honor_labels {
                clashes.push((name.to_owned(), exposed.to_owned()));
                labels.set(name, value);
            }
        }
        // Shorter names first, so that `exported_a` of the exporter itself gives way.
        clashes.sort_by_key(|(name, _)| name.len());
        for (name, value) in clashes {
            let mut renamed = format!("{EXPORTED_PREFIX}{name}");
            while !labels.value(&renamed).is_empty() {
                renamed.insert_str(0, EXPORTED_PREFIX);
            }
            labels.set(renamed, value);
        }
    }

    fn check(&self, labels: &LabelsBuilder) -> Result<(), LabelError> {
        let metric = labels.value(METRIC_NAME);
        let shown = || labels.clone().build().to_string();
        if metric.is_empty() {
            return Err(LabelError::NoName(shown()));
        }
        if self.legacy_names
            && !(is_legacy_metric_name(metric)
                && labels.iter().all(|(name, _)| is_legacy_label_name(name)))
        {
            return Err(LabelError::InvalidName(shown()));
        }
        let metric: String = metric.chars().take(50).collect();
        let count = labels.iter().count();
        if let Some(limit) = self.limits.labels.filter(|limit| count as u64 > *limit) {
            return Err(LabelError::TooMany { metric, count, limit });
        }
        let above = |limit: Option<u64>, length: usize| limit.filter(|max| length as u64 > *max);
        for (name, value) in labels.iter() {
            if let Some(limit) = above(self.limits.label_name_length, name.len()) {
                let (label, length) = (name.to_owned(), name.len());
                return Err(LabelError::NameTooLong { metric, label, length, limit });
            }
            if let Some(limit) = above(self.limits.label_value_length, value.len()) {
                let (label, length) = (name.to_owned(), value.len());
                return Err(LabelError::ValueTooLong { metric, label, length, limit });
            }
        }
        Ok(())
    }
}
