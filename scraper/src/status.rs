//! How the collector and its targets fare.

use std::time::Duration;

use protocol::labels::Labels;

use crate::target::Target;
use crate::target_labels::DroppedTarget;

/// Whether the last scrape was good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// The last scrape was good.
    Up,
    /// The last scrape failed.
    Down,
}

impl Health {
    /// As Prometheus's API says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// How one target fares.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetStatus {
    /// The job that found it.
    pub job: String,
    /// Before relabelling.
    pub discovered: Labels,
    /// As its series bear them.
    pub labels: Labels,
    /// What is asked for.
    pub url: String,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Of the last scrape.
    pub health: Health,
    /// Why the last scrape failed.
    pub last_error: Option<String>,
    /// Milliseconds since 1970.
    pub last_scrape_ms: Option<i64>,
    /// Of the last scrape.
    pub duration: Duration,
    /// Of the last scrape, after relabelling.
    pub samples: usize,
}

impl TargetStatus {
    /// Before the first scrape.
    pub fn unscraped(target: &Target) -> Self {
        Self {
            job: target.job_name.clone(),
            discovered: target.discovered.clone(),
            labels: target.public_labels(),
            url: target.url.clone(),
            interval: target.interval,
            timeout: target.timeout,
            health: Health::Unknown,
            last_error: None,
            last_scrape_ms: None,
            duration: Duration::ZERO,
            samples: 0,
        }
    }
}

/// How the whole collector fares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CollectorStatus {
    /// By job, then by labels.
    pub targets: Vec<TargetStatus>,
    /// By job; bounded.
    pub dropped_targets: Vec<(String, DroppedTarget)>,
    /// All targets dropped by relabelling.
    pub dropped_count: u64,
    /// What is wrong with jobs as a whole: discovery, clients.
    pub job_errors: Vec<(String, String)>,
    /// Samples that wait to be sent.
    pub queue_length: usize,
    /// Samples that wait on disk.
    pub samples_on_disk: u64,
    /// Samples written by the destination.
    pub samples_sent: u64,
    /// Samples dropped because the queue was full.
    pub samples_dropped: u64,
    /// Samples the destination refused for good.
    pub samples_refused: u64,
    /// Requests that had to be repeated.
    pub write_retries: u64,
    /// Why the last request failed; `None` after a good one.
    pub last_write_error: Option<String>,
}
