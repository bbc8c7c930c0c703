//! The collector: one scrape configuration, one destination.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::scrape_config::ScrapeConfiguration;
use protocol::scrape_config_resolve::ResolvedJob;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::{SystemClock, WallClock};
use crate::destination::WriteDestination;
use crate::discovery;
use crate::discovery_news::{Discovered, News};
use crate::disk_buffer_lanes::DiskBuffer;
use crate::dropped_targets::DroppedBudget;
use crate::kubernetes::cluster_fetch;
use crate::kubernetes::clusters::{Clusters, OwnCluster};
use crate::kubernetes::credential_files::{self, CredentialFiles};
use crate::scrape_client::{Fetch, ScrapeClient};
use crate::scrape_loop::Surroundings;
use crate::scrape_pool::{ScrapePool, sources_of};
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
    /// Where samples wait while the destination is away; `None`: in memory only.
    pub buffer: Option<Arc<DiskBuffer>>,
    /// The cluster that jobs look into where their configuration names none.
    pub kubernetes: OwnCluster,
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
            buffer: None,
            kubernetes: OwnCluster::None,
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
    Look(OwnCluster, oneshot::Sender<()>),
    /// With markers for all series, or without.
    Stop {
        end_series: bool,
    },
}

/// What `status` shows, kept by the keeper.
#[derive(Default)]
struct Board {
    jobs: BTreeMap<String, JobBoard>,
    errors: BTreeMap<(String, usize), String>,
    /// By job: sources that have said neither what there is nor what is wrong.
    silent: BTreeMap<String, BTreeSet<usize>>,
}

impl Board {
    fn heard(&mut self, job: &str, source: usize) {
        if let Some(silent) = self.silent.get_mut(job) {
            silent.remove(&source);
            if silent.is_empty() {
                self.silent.remove(job);
            }
        }
    }
}

/// What of it concerns one job.
#[derive(Default)]
struct JobBoard {
    targets: Vec<Arc<Mutex<TargetStatus>>>,
    dropped: Vec<DroppedTarget>,
    dropped_count: u64,
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
        let buffer = options.buffer;
        let sender = Sender::start(options.queue, destination, Arc::clone(&clock), buffer);
        let sender = Arc::new(sender);
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
            files: options.files,
            clusters: Clusters::new(options.kubernetes),
            dropped_budget: Arc::default(),
            pools: BTreeMap::new(),
            discoveries: BTreeMap::new(),
            retiring: Vec::new(),
            generation: 0,
            external: BTreeMap::new(),
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

    /// Looks into another cluster, or into the same one with other credentials. Targets known from
    /// before are scraped on until the new one has said what there is.
    pub async fn look_into(&self, own: OwnCluster) {
        self.command(|done| Command::Look(own, done)).await;
    }

    async fn put(&self, configuration: ScrapeConfiguration, sharding: Option<Sharding>) {
        self.command(|done| Command::Apply(Box::new(configuration), sharding, done)).await;
    }

    async fn command(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, applied) = oneshot::channel();
        if self.commands.send(command(done)).await.is_ok() {
            // The keeper only ends at shutdown, when there is nothing left to wait for.
            let _ = applied.await;
        }
    }

    /// Jobs whose discovery has said neither what there is nor what is wrong.
    pub fn undiscovered(&self) -> Vec<String> {
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.silent.keys().cloned().collect()
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
        let mut targets: Vec<TargetStatus> =
            board.jobs.values().flat_map(|job| &job.targets).map(copy).collect();
        targets.sort_by(|a, b| (&a.job, &a.labels, &a.url).cmp(&(&b.job, &b.labels, &b.url)));
        let errors = board.errors.iter();
        let dropped = board.jobs.iter().flat_map(|(name, job)| {
            job.dropped.iter().map(|dropped| (name.clone(), dropped.clone()))
        });
        CollectorStatus {
            targets,
            dropped_targets: dropped.collect(),
            dropped_count: board.jobs.values().map(|job| job.dropped_count).sum(),
            job_errors: errors.map(|((job, _), error)| (job.clone(), error.clone())).collect(),
            queue_length,
            samples_on_disk: self.sender.disk_figures().waiting,
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
    files: CredentialFiles,
    clusters: Clusters,
    dropped_budget: Arc<DroppedBudget>,
    pools: BTreeMap<String, ScrapePool>,
    discoveries: BTreeMap<String, (u64, JoinSet<()>)>,
    /// Loops of removed jobs that still write their last markers.
    retiring: Vec<JoinSet<()>>,
    generation: u64,
    /// Labels of all that leaves.
    external: BTreeMap<String, String>,
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
                    Some(Command::Look(own, done)) => {
                        self.look_into(own);
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
        self.external.clone_from(&configuration.global.external_labels);
        let jobs = configuration.jobs();
        let names: HashSet<&str> = jobs.iter().map(|job| job.job_name.as_str()).collect();
        let gone: Vec<String> =
            self.pools.keys().filter(|name| !names.contains(name.as_str())).cloned().collect();
        for name in gone {
            self.discoveries.remove(&name);
            if let Some(pool) = self.pools.remove(&name) {
                self.retiring.push(pool.retire());
            }
            let mut board = self.board();
            board.errors.retain(|(job, _), _| *job != name);
            board.jobs.remove(&name);
            board.silent.remove(&name);
        }
        self.retiring.iter_mut().for_each(|tasks| while tasks.try_join_next().is_some() {});
        self.retiring.retain(|tasks| !tasks.is_empty());
        for job in jobs {
            let sharding = self.around.sharding;
            let runs = |pool: &ScrapePool| pool.runs(&job, &self.external, sharding);
            if !self.pools.get(&job.job_name).is_some_and(runs) {
                self.set_job(job);
            }
        }
    }

    fn look_into(&mut self, own: OwnCluster) {
        self.clusters.set_own(own);
        let jobs: Vec<ResolvedJob> = self.pools.values().map(|pool| pool.job().clone()).collect();
        for job in jobs {
            self.set_job(job);
        }
    }

    fn set_job(&mut self, job: ResolvedJob) {
        self.generation += 1;
        let name = job.job_name.clone();
        let own = self.clusters.own().known();
        let cleared = credential_files::clear(&job, self.files, own.map(|own| own.access()));
        // What needs the cluster needs to know why it is not there.
        let unknown = self.clusters.own().unknown();
        let cleared = cleared.map_err(|reason| unknown.map_or(reason, str::to_owned));
        let fetch = cleared
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|cleared| cluster_fetch::fetch_of(cleared, own, |job| (self.connect)(job)));
        {
            let mut board = self.board();
            board.errors.retain(|(job, _), _| *job != name);
            if let Some(reason) = complaint(&job, fetch.as_ref().err()) {
                board.errors.insert((name.clone(), 0), reason);
            }
        }
        // What may not be read is not looked for either.
        let tasks = cleared.map_or_else(
            |_| {
                self.board().silent.remove(&name);
                JoinSet::new()
            },
            |cleared| {
                let silent = (1..sources_of(&cleared.job)).collect::<BTreeSet<usize>>();
                if !silent.is_empty() {
                    self.board().silent.insert(name.clone(), silent);
                }
                let (generation, news) = (self.generation, &self.news_sender);
                discovery::start(&cleared.job, generation, news, &self.clusters)
            },
        );
        self.discoveries.insert(name.clone(), (self.generation, tasks));
        let groups = discovery::static_groups(&job);
        let pool = match self.pools.remove(&name) {
            Some(mut pool) => {
                pool.reconfigure(job, self.external.clone(), fetch, self.around.sharding);
                pool
            }
            None => {
                let budget = Arc::clone(&self.dropped_budget);
                let external = self.external.clone();
                ScrapePool::new(job, external, fetch, self.around.sharding, budget)
            }
        };
        let pool = self.pools.entry(name.clone()).or_insert(pool);
        pool.set_all(0, groups, &self.around);
        self.publish(&name);
    }

    fn take(&mut self, found: Discovered) {
        let Discovered { job_name, generation, source, news } = found;
        let current = self.discoveries.get(&job_name).map(|(generation, _)| *generation);
        if current != Some(generation) {
            return;
        }
        let Some(pool) = self.pools.get_mut(&job_name) else { return };
        let speaks = !matches!(news, News::Changed(_) | News::Trouble(None));
        let trouble = match news {
            News::All(groups) => {
                pool.set_all(source, groups, &self.around);
                Some(None)
            }
            News::Changed(groups) => {
                pool.change(source, groups, &self.around);
                None
            }
            News::Complete => {
                pool.set_complete(source);
                None
            }
            News::Trouble(trouble) => Some(trouble),
        };
        if let Some(trouble) = trouble {
            let key = (job_name.clone(), source);
            match trouble {
                Some(reason) => {
                    tracing::warn!(job = job_name, reason, "discovery failed");
                    self.board().errors.insert(key, reason);
                }
                None => drop(self.board().errors.remove(&key)),
            }
        }
        if speaks {
            self.board().heard(&job_name, source);
        }
        self.publish(&job_name);
    }

    fn publish(&self, name: &str) {
        let Some(pool) = self.pools.get(name) else { return };
        let targets = pool.statuses();
        let dropped = pool.dropped().cloned().collect();
        let dropped_count = pool.dropped_count() as u64;
        let board = JobBoard { targets, dropped, dropped_count };
        self.board().jobs.insert(name.to_owned(), board);
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
    job.native_histograms.then(|| {
        "scrape_native_histograms: the protobuf format is not read yet; classic histograms are \
         scraped instead"
            .to_owned()
    })
}
