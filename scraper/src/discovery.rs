//! Finds the targets of a job and tells when they change.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::scrape_config_discovery::StaticConfig;
use protocol::scrape_config_resolve::ResolvedJob;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::kubernetes::clusters::Clusters;
use crate::target_labels::{TargetGroup, written_group};
use crate::{discovery_file, discovery_http};

/// Bytes of one discovered document: a hundred thousand targets.
pub const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// What one source of a job has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    /// The job.
    pub job_name: String,
    /// Counts the job's configurations, so that news of an older one is not mistaken.
    pub generation: u64,
    /// Which of the job's sources.
    pub source: usize,
    /// What it says.
    pub news: News,
}

/// What a source has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// These are all its groups, and it is well.
    All(Vec<TargetGroup>),
    /// These groups are new or others than before; one without targets is gone.
    Changed(Vec<TargetGroup>),
    /// It has told all its groups by `Changed`: what was not told is no longer there.
    Complete,
    /// What is wrong with it, `None` for nothing any more; it keeps what it had.
    Trouble(Option<String>),
}

/// The groups that stand in the configuration itself.
pub fn static_groups(job: &ResolvedJob) -> Vec<TargetGroup> {
    let group = |(at, config): (usize, &StaticConfig)| {
        written_group(&at.to_string(), &config.targets, &config.labels)
    };
    job.static_configs.iter().enumerate().map(group).collect()
}

/// Starts a task for each source that can change; they end when the set is dropped.
pub fn start(
    job: &ResolvedJob,
    generation: u64,
    news: &mpsc::Sender<Discovered>,
    clusters: &Clusters,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let mut source = 0;
    let mut teller = || {
        source += 1;
        Teller { job_name: job.job_name.clone(), generation, source, news: news.clone() }
    };
    for config in &job.file_sd_configs {
        tasks.spawn(discovery_file::run(config.clone(), teller()));
    }
    for config in &job.http_sd_configs {
        tasks.spawn(discovery_http::run(config.clone(), teller()));
    }
    for config in &job.kubernetes_sd_configs {
        clusters.start(config, teller(), &mut tasks);
    }
    tasks
}

/// Passes on what a source finds.
pub struct Teller {
    job_name: String,
    generation: u64,
    source: usize,
    news: mpsc::Sender<Discovered>,
}

impl Teller {
    /// Whether somebody still listens.
    pub async fn tell(&self, news: News) -> bool {
        let (generation, source) = (self.generation, self.source);
        let job_name = self.job_name.clone();
        self.news.send(Discovered { job_name, generation, source, news }).await.is_ok()
    }

    /// The same for a source that always learns all or nothing.
    pub async fn tell_all(&self, groups: Result<Vec<TargetGroup>, String>) -> bool {
        self.tell(match groups {
            Ok(groups) => News::All(groups),
            Err(reason) => News::Trouble(Some(reason)),
        })
        .await
    }
}

/// Reads a list of groups, JSON or YAML, and gives each target where it comes from.
pub fn parse_groups(
    text: &str,
    json: bool,
    source: &str,
    meta_label: &str,
) -> Result<Vec<TargetGroup>, String> {
    let written: Vec<StaticConfig> = if json {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        protocol::yaml::parse::<Option<Vec<StaticConfig>>>(text)
            .map_err(|fault| fault.to_string())?
            .unwrap_or_default()
    };
    let group = |(at, config): (usize, StaticConfig)| {
        let mut labels: BTreeMap<String, String> = config.labels;
        labels.insert(meta_label.to_owned(), source.to_owned());
        written_group(&format!("{source}:{at}"), &config.targets, &labels)
    };
    Ok(written.into_iter().enumerate().map(group).collect())
}

/// How often a source is asked: as configured, but not more often than once a second.
pub fn refresh(configured: Option<protocol::time::PromDuration>, default: Duration) -> Duration {
    let configured = configured.map(protocol::time::PromDuration::as_std);
    configured.filter(|time| !time.is_zero()).unwrap_or(default).max(Duration::from_secs(1))
}
