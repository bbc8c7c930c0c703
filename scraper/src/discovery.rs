//! Finds the targets of a job and tells when they change.

use protocol::scrape_config_discovery::StaticConfig;
use protocol::scrape_config_resolve::ResolvedJob;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::discovery_news::{Discovered, Teller};
use crate::kubernetes::clusters::Clusters;
use crate::target_labels::{TargetGroup, written_group};
use crate::{discovery_file, discovery_http};

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
