//! What a collector says of itself: its `/status`.

use serde::{Deserialize, Serialize};

/// Jobs in a report at most; those with trouble come first.
pub const JOBS_MAX: usize = 200;
/// Messages a job at most.
pub const ERRORS_MAX: usize = 5;
/// Troubles in a report at most.
pub const TROUBLES_MAX: usize = 5;
/// Rejected objects in a report at most.
pub const REJECTED_MAX: usize = 50;

/// The report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectorReport {
    /// Which shard this is, from 0.
    pub shard: u32,
    /// How many shards it counts on.
    pub shards: u32,
    /// The generation of the Scraper that runs.
    pub generation: i64,
    /// Why the newest generation does not run; `None` where it does.
    pub refused: Option<String>,
    /// What else is amiss with the collector as a whole, with its cure: the cluster to discover
    /// targets in cannot be found, the API server does not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
    /// Being scraped by this shard.
    pub active: u64,
    /// Of these, whose last scrape failed.
    pub down: u64,
    /// Discovered, but dropped by relabelling.
    pub dropped: u64,
    /// By name; those with trouble first.
    pub jobs: Vec<JobReport>,
    /// Objects that the Scraper selects and that were left out.
    pub rejected: Vec<RejectedReport>,
    /// How writing fares.
    pub write: WriteReport,
}

/// How one job fares on this shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobReport {
    /// The job.
    pub name: String,
    /// Its targets.
    pub active: u64,
    /// Of these, whose last scrape failed.
    pub down: u64,
    /// What is wrong, and how many targets say so.
    pub errors: Vec<(String, u64)>,
}

/// An object that was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedReport {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is wrong with it and what cures it.
    pub reason: String,
}

/// How writing fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteReport {
    /// Why the last request failed; `None` after a good one.
    pub last_error: Option<String>,
    /// Samples that wait, in memory and on disk.
    pub waiting: u64,
    /// Samples that had to be dropped since the start.
    pub dropped: u64,
    /// Samples that the destination refused since the start.
    pub refused: u64,
}
