//! From groups of discovered targets to the targets of a job.
//!
//! Pure: labels in, targets and reasons for dropped ones out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::labels::{Labels, LabelsBuilder};
use protocol::relabel::relabel_in_place;
use protocol::scrape_config_resolve::ResolvedJob;
use protocol::time::PromDuration;

use crate::target::Target;

/// Dropped targets that are remembered where the job sets no `keep_dropped_targets`.
const DROPPED_KEPT_MAX: usize = 1000;

/// Targets that belong together, as a discovery gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetGroup {
    /// Which file, URL or object they come from.
    pub source: String,
    /// One label set a target; `__address__` at least.
    pub targets: Vec<Labels>,
    /// Of each target that has none of the name.
    pub labels: Labels,
}

/// A target that is not scraped, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedTarget {
    /// Before relabelling.
    pub discovered: Labels,
    /// In words.
    pub reason: String,
}

/// What the groups of a job amount to.
#[derive(Clone, Debug, Default)]
pub struct JobTargets {
    /// To scrape, in order of their hashes, each once.
    pub active: Vec<Target>,
    /// Bounded by `keep_dropped_targets`.
    pub dropped: Vec<DroppedTarget>,
    /// All that were dropped.
    pub dropped_count: usize,
}

/// Applies the job's defaults, relabelling and checks to every target of the groups.
pub fn targets_of<'g>(
    job: &ResolvedJob,
    groups: impl IntoIterator<Item = &'g TargetGroup>,
) -> JobTargets {
    targets_keeping(job, groups, dropped_kept_max(job))
}

/// The same with another bound on the dropped targets that are remembered.
pub fn targets_keeping<'g>(
    job: &ResolvedJob,
    groups: impl IntoIterator<Item = &'g TargetGroup>,
    kept_max: usize,
) -> JobTargets {
    let mut found = JobTargets::default();
    let mut seen = BTreeSet::new();
    for group in groups {
        for own in &group.targets {
            let discovered = discovered_labels(job, own, &group.labels);
            match to_target(job, &discovered) {
                Ok(target) => {
                    if seen.insert(target.hash) {
                        found.active.push(target);
                    }
                }
                Err(reason) => {
                    found.dropped_count += 1;
                    if found.dropped.len() < kept_max {
                        found.dropped.push(DroppedTarget { discovered, reason });
                    }
                }
            }
        }
    }
    found.active.sort_by_key(|target| target.hash);
    found
}

/// How many dropped targets of a job are remembered.
pub fn dropped_kept_max(job: &ResolvedJob) -> usize {
    job.limits.dropped_targets.map_or(DROPPED_KEPT_MAX, |limit| limit as usize)
}

/// Set where a job has more targets than its `target_limit`: then none is asked and all are down.
pub fn over_limit(job: &ResolvedJob, count: usize) -> Option<String> {
    let limit = job.limits.targets.filter(|limit| count as u64 > *limit)?;
    Some(format!("target_limit exceeded: {count} targets, the limit is {limit}"))
}

/// The target's own labels, then the group's, then, where still empty, those of the job.
fn discovered_labels(job: &ResolvedJob, own: &Labels, group: &Labels) -> Labels {
    let mut labels = LabelsBuilder::new(own);
    let mut fill = |name: &str, value: &str| {
        if labels.value(name).is_empty() {
            labels.set(name, value);
        }
    };
    group.iter().for_each(|(name, value)| fill(name, value));
    fill("job", &job.job_name);
    fill("__scrape_interval__", &job.interval.to_string());
    fill("__scrape_timeout__", &job.timeout.to_string());
    fill("__metrics_path__", &job.metrics_path);
    fill("__scheme__", &job.scheme);
    let flag = |on: bool| if on { "true" } else { "false" };
    fill("__convert_classic_histograms_to_nhcb__", flag(job.convert_classic_histograms));
    fill("__always_scrape_classic_histograms__", flag(job.always_classic_histograms));
    fill("__scrape_native_histograms__", flag(job.native_histograms));
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            fill(&format!("__param_{name}"), first);
        }
    }
    labels.build()
}

fn to_target(job: &ResolvedJob, discovered: &Labels) -> Result<Target, String> {
    let mut labels = LabelsBuilder::new(discovered);
    if !relabel_in_place(&mut labels, &job.relabel) {
        return Err("dropped by relabel_configs".to_owned());
    }
    let address = labels.value("__address__").to_owned();
    if address.is_empty() {
        return Err("no address: __address__ is empty after relabelling".to_owned());
    }
    if address.contains('/') {
        return Err(format!("{address:?} is no address: it must not hold a \"/\""));
    }
    let times = times_of(&labels)?;
    labels.retain(|name, _| !name.starts_with("__meta_"));
    if labels.value("instance").is_empty() {
        labels.set("instance", address);
    }
    Target::new(&job.job_name, discovered.clone(), labels.build(), &job.params, times)
}

/// Interval and timeout from the labels that relabelling may have changed.
fn times_of(labels: &LabelsBuilder) -> Result<(Duration, Duration), String> {
    let read = |name: &str| -> Result<PromDuration, String> {
        let text = labels.value(name);
        let time: PromDuration = text.parse().map_err(|error| format!("{name}: {error}"))?;
        if time.is_zero() {
            return Err(format!("{name} must not be 0"));
        }
        Ok(time)
    };
    let (interval, timeout) = (read("__scrape_interval__")?, read("__scrape_timeout__")?);
    if timeout > interval {
        return Err(format!(
            "__scrape_timeout__ {timeout} is above __scrape_interval__ {interval}"
        ));
    }
    Ok((interval.as_std(), timeout.as_std()))
}

/// A group as it is written in files: addresses and common labels.
pub fn written_group(
    source: &str,
    addresses: &[String],
    labels: &BTreeMap<String, String>,
) -> TargetGroup {
    let one = |address: &String| Labels::from_pairs([("__address__", address.as_str())]);
    TargetGroup {
        source: source.to_owned(),
        targets: addresses.iter().map(one).collect(),
        labels: Labels::from_pairs(labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))),
    }
}

#[cfg(test)]
mod tests;
