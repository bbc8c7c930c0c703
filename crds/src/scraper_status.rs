//! What the collectors of a Scraper say, gathered.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::status::{CommonStatus, RejectedObject};

/// What the collectors say of their targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScraperStatus {
    /// Generation and conditions.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// CREATING, ACTIVE, DELETING, CREATION_FAILED or DELETION_FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// Collectors that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<i32>,
    /// The label selector of the collectors' pods, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// All targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetCounts>,
    /// How the jobs fare, at most 50 of them, those with trouble first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub jobs: Vec<JobHealth>,
    /// Monitors left out, at most 20 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub rejected: Vec<RejectedObject>,
    /// How writing fares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_write: Option<RemoteWriteHealth>,
}

/// Counts of targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetCounts {
    /// Being scraped.
    pub active: i64,
    /// Of these, whose last scrape failed.
    pub down: i64,
    /// Discovered, but dropped by relabelling.
    pub dropped: i64,
}

/// How one job fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobHealth {
    /// The job.
    pub name: String,
    /// Its targets.
    pub active: i64,
    /// Of these, whose last scrape failed.
    pub down: i64,
    /// What is wrong, at most 5 messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub errors: Vec<ErrorCount>,
}

/// A message, and how many targets say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorCount {
    /// The message.
    pub message: String,
    /// How many targets say it.
    pub count: i64,
}

/// How writing fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteWriteHealth {
    /// `ok` or `failing`.
    pub health: String,
    /// Why the last request failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Samples that had to be dropped since the collectors started.
    pub dropped_samples: i64,
    /// Samples that the destination refused since the collectors started.
    pub refused_samples: i64,
}
