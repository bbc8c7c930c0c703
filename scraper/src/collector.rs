//! The collector: one scrape configuration, one destination.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::scrape_config::ScrapeConfiguration;
use protocol::scrape_config_resolve::ResolvedJob;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::{SystemClock, WallClock};
use crate::destination::WriteDestination;
use crate::discovery::{self, Discovered};
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::credential_files::CredentialFiles;
use crate::scrape_client::{Fetch, ScrapeClient};
use crate::scrape_loop::Surroundings;
use crate::scrape_pool::ScrapePool;
use crate::sender::Sender;
use crate::sharding::Sharding;
use crate::status::{CollectorStatus, TargetStatus};
use crate::target::Fnv64;
use crate::target_labels::DroppedTarget;
use crate::write_queue::QueueLimits;

/// News of discovery that wait while a job is brought in line.
const NEWS_MAX: usize = 64;

/// Makes the client of a job; tests put their own exporters here.
pub type Connect = dyn Fn(&ResolvedJob) -> Result<Arc<dyn Fetch>, String> + Send + Sync;

/// What a collector needs beside its configuration.
#[derive(Clone)]
pub struct CollectorOptions {
    /// Sizes of the queue.
    pub queue: QueueLimits,
    /// The wall clock.
    pub clock: Arc<dyn WallClock>,
    /// Makes the client of a job.
    pub connect: Arc<Connect>,
    /// Which of the targets are ours; `None`: all of them, and no slots.
    pub sharding: Option<Sharding>,
    /// The cluster that jobs look into where their configuration names none.
    pub kubernetes: Option<Arc<Cluster>>,
    /// Whose files a configuration may name.
    pub files: CredentialFiles,
}

impl Default for CollectorOptions {
    fn default() -> Self {
        Self {
            queue: QueueLimits::default(),
            clock: Arc::new(SystemClock),
            connect: Arc::new(|job| Ok(Arc::new(ScrapeClient::new(job)?))),
            sharding: None,
            kubernetes: None,
            files: CredentialFiles::Any,
        }
    }
}

/// A running collector.
pub struct Collector {
    name: String,
    commands: mpsc::Sender<Command>,
    sender: Arc<Sender>,
    board: Arc<Mutex<Board>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

enum Command {
    Apply(Box<ScrapeConfiguration>, Option<Sharding>, oneshot::Sender<()>),
    /// With markers for all series, or without.
    Stop {
        end_series: bool,
    },
}

/// What `status` shows, kept by the keeper.
#[derive(Default)]
struct Board {
    targets: Vec<Arc<Mutex<TargetStatus>>>,
    dropped: Vec<(String, DroppedTarget)>,
    dropped_count: u64,
    errors: BTreeMap<(String, usize), String>,
}

impl Collector {
    /// Starts on the current tokio runtime. The configuration is one that `parse` gave.
    pub fn start(
        name: String,
        configuration: ScrapeConfiguration,
        destination: Arc<dyn WriteDestination>,
        options: CollectorOptions,
    ) -> Self {
        let clock = Arc::clone(&options.clock);
        let sender = Arc::new(Sender::start(options.queue, destination, Arc::clone(&clock)));
        let board = Arc::new(Mutex::new(Board::default()));
        let (commands, receiver) = mpsc::channel(8);
        let (news_sender, news) = mpsc::channel(NEWS_MAX);
        let mut seed = Fnv64::default();
        seed.write(name.as_bytes());
        let around = Surroundings {
            sender: Arc::clone(&sender),
            clock,
            offset_seed: seed.0,
            sharding: options.sharding,
        };
        let mut keeper = Keeper {
            around,
            connect: options.connect,
            pools: BTreeMap::new(),
            discoveries: BTreeMap::new(),
            retiring: Vec::new(),
            generation: 0,
            news_sender,
            board: Arc::clone(&board),
        };
        let task = tokio::spawn(async move {
            keeper.apply(&configuration);
            keeper.run(receiver, news).await;
        });
        Self { name, commands, sender, board, keeper: Mutex::new(Some(task)) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts another configuration in force. Targets that stay keep their rhythm and their series;
    /// those that go have their series marked as ended.
    pub async fn apply(&self, configuration: ScrapeConfiguration) {
        self.put(configuration, None).await;
    }

    /// Like [`apply`](Self::apply), with another share of the targets. Targets that another shard
    /// takes over are let go without markers: their series go on there. For collectors that were
    /// started with a sharding.
    pub async fn apply_sharded(&self, configuration: ScrapeConfiguration, sharding: Sharding) {
        self.put(configuration, Some(sharding)).await;
    }

    async fn put(&self, configuration: ScrapeConfiguration, sharding: Option<Sharding>) {
        let (done, applied) = oneshot::channel();
        let command = Command::Apply(Box::new(configuration), sharding, done);
        if self.commands.send(command).await.is_ok() {
            // The keeper only ends at shutdown, when there is nothing left to wait for.
            let _ = applied.await;
        }
    }

    /// How it and its targets fare.
    pub fn status(&self) -> CollectorStatus {
        use std::sync::atomic::Ordering::Relaxed;
        let (queue_length, samples_dropped) = self.sender.queue_figures();
        let counters = self.sender.counters();
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = |status: &Arc<Mutex<TargetStatus>>| {
            status.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        let mut targets: Vec<TargetStatus> = board.targets.iter().map(copy).collect();
        targets.sort_by(|a, b| (&a.job, &a.labels, &a.url).cmp(&(&b.job, &b.labels, &b.url)));
        let errors = board.errors.iter();
        CollectorStatus {
            targets,
            dropped_targets: board.dropped.clone(),
            dropped_count: board.dropped_count,
            job_errors: errors.map(|((job, _), error)| (job.clone(), error.clone())).collect(),
            queue_length,
            samples_on_disk: 0,
            samples_sent: counters.sent.load(Relaxed),
            samples_dropped,
            samples_refused: counters.refused.load(Relaxed),
            write_retries: counters.retried.load(Relaxed),
            last_write_error: counters.last_error(),
        }
    }

    /// Stops scraping, sends what waits (for a few seconds at most) and ends. Series are not marked
    /// as ended: the collector will be back.
    pub async fn shutdown(&self) {
        self.stop(false).await;
    }

    /// Like [`shutdown`](Self::shutdown), but marks all series as ended: the collector will not be
    /// back. Waits for scrapes that are under way, a timeout at most.
    pub async fn retire(&self) {
        self.stop(true).await;
    }

    async fn stop(&self, end_series: bool) {
        let _ = self.commands.send(Command::Stop { end_series }).await;
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            let _ = keeper.await;
        }
        self.sender.shutdown().await;
    }
}

/// Owns the jobs: one task, no locks.
struct Keeper {
    around: Surroundings,
    connect: Arc<Connect>,
    pools: BTreeMap<String, ScrapePool>,
    discoveries: BTreeMap<String, (u64, JoinSet<()>)>,
    /// Loops of removed jobs that still write their last markers.
    retiring: Vec<JoinSet<()>>,
    generation: u64,
    news_sender: mpsc::Sender<Discovered>,
    board: Arc<Mutex<Board>>,
}

impl Keeper {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut news: mpsc::Receiver<Discovered>,
    ) {
        let end_series = loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Apply(configuration, sharding, done)) => {
                        self.around.sharding = sharding.or(self.around.sharding);
                        self.apply(&configuration);
                        let _ = done.send(());
                    }
                    Some(Command::Stop { end_series }) => break end_series,
                    None => break false,
                },
                Some(found) = news.recv() => self.take(found),
            }
        };
        self.discoveries.clear();
        let pools = std::mem::take(&mut self.pools).into_values();
        if end_series {
            futures::future::join_all(pools.map(ScrapePool::end)).await;
        } else {
            futures::future::join_all(pools.map(ScrapePool::stop)).await;
        }
        for mut tasks in std::mem::take(&mut self.retiring) {
            tasks.shutdown().await;
        }
    }

    fn apply(&mut self, configuration: &ScrapeConfiguration) {
        let external = &configuration.global.external_labels;
        let jobs = configuration.jobs();
        let names: HashSet<&str> = jobs.iter().map(|job| job.job_name.as_str()).collect();
        let gone: Vec<String> =
            self.pools.keys().filter(|name| !names.contains(name.as_str())).cloned().collect();
        for name in gone {
            self.discoveries.remove(&name);
            if let Some(pool) = self.pools.remove(&name) {
                self.retiring.push(pool.retire());
            }
            self.board().errors.retain(|(job, _), _| *job != name);
        }
        self.retiring.iter_mut().for_each(|tasks| while tasks.try_join_next().is_some() {});
        self.retiring.retain(|tasks| !tasks.is_empty());
        for job in jobs {
            match self.pools.get_mut(&job.job_name) {
                Some(pool) if pool.runs(&job, external) => pool.reshard(&self.around),
                _ => self.set_job(job, external),
            }
        }
        self.publish();
    }

    fn set_job(&mut self, job: ResolvedJob, external: &BTreeMap<String, String>) {
        self.generation += 1;
        let name = job.job_name.clone();
        let fetch = (self.connect)(&job);
        {
            let mut board = self.board();
            board.errors.retain(|(job, _), _| *job != name);
            if let Some(reason) = complaint(&job, fetch.as_ref().err()) {
                board.errors.insert((name.clone(), 0), reason);
            }
        }
        let tasks = discovery::start(&job, self.generation, &self.news_sender);
        self.discoveries.insert(name.clone(), (self.generation, tasks));
        let groups = discovery::static_groups(&job);
        let pool = match self.pools.remove(&name) {
            Some(mut pool) => {
                pool.reconfigure(job, external.clone(), fetch);
                pool
            }
            None => ScrapePool::new(job, external.clone(), fetch),
        };
        let pool = self.pools.entry(name).or_insert(pool);
        pool.set_groups(0, groups);
        pool.sync(&self.around);
    }

    fn take(&mut self, found: Discovered) {
        let current = self.discoveries.get(&found.job_name).map(|(generation, _)| *generation);
        if current != Some(found.generation) {
            return;
        }
        let key = (found.job_name.clone(), found.source);
        match found.groups {
            Ok(groups) => {
                self.board().errors.remove(&key);
                if let Some(pool) = self.pools.get_mut(&found.job_name) {
                    pool.set_groups(found.source, groups);
                    pool.sync(&self.around);
                }
                self.publish();
            }
            Err(reason) => {
                tracing::warn!(job = found.job_name, reason, "discovery failed");
                self.board().errors.insert(key, reason);
            }
        }
    }

    fn publish(&self) {
        let targets = self.pools.values().flat_map(ScrapePool::statuses).collect();
        let dropped = self.pools.iter().flat_map(|(name, pool)| {
            pool.dropped().iter().map(|dropped| (name.clone(), dropped.clone()))
        });
        let dropped = dropped.collect();
        let dropped_count = self.pools.values().map(ScrapePool::dropped_count).sum();
        let mut board = self.board();
        board.dropped_count = dropped_count;
        board.targets = targets;
        board.dropped = dropped;
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a job cannot be done here although its configuration is valid.
fn complaint(job: &ResolvedJob, no_client: Option<&String>) -> Option<String> {
    if let Some(reason) = no_client {
        return Some(reason.clone());
    }
    if !job.kubernetes_sd_configs.is_empty() {
        let reason = "kubernetes_sd_configs: not supported in `hearth up`; use static_configs, \
                      file_sd_configs or http_sd_configs, or run the Scraper in a cluster";
        return Some(reason.to_owned());
    }
    job.native_histograms.then(|| {
        "scrape_native_histograms: the protobuf format is not read yet; classic histograms are \
         scraped instead"
            .to_owned()
    })
}
