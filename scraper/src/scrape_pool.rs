//! The targets of one job and their loops.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use protocol::labels::Labels;
use protocol::scrape_config_resolve::ResolvedJob;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::sample_labels::LabelRules;
use crate::scrape_client::Fetch;
use crate::scrape_loop::{self, Order, ScrapePlan, Surroundings};
use crate::scrape_outcome::ScrapeRules;
use crate::sharding::Sharding;
use crate::status::TargetStatus;
use crate::target::Target;
use crate::target_labels::{DroppedTarget, TargetGroup, targets_of};

/// One job: what was found, what runs.
pub struct ScrapePool {
    job: ResolvedJob,
    external: BTreeMap<String, String>,
    fetch: Result<Arc<dyn Fetch>, String>,
    /// By source: 0 is the configuration itself.
    groups: BTreeMap<usize, Vec<TargetGroup>>,
    /// How many sources there are; until each has spoken no target is taken away.
    sources: usize,
    loops: HashMap<u64, TargetLoop>,
    /// Targets that are gone and wait to mark their series.
    leaving: Vec<watch::Sender<Order>>,
    dropped: Vec<DroppedTarget>,
    dropped_count: u64,
    /// As of the last `sync`.
    sharding: Option<Sharding>,
    tasks: JoinSet<()>,
}

struct TargetLoop {
    orders: watch::Sender<Order>,
    status: Arc<Mutex<TargetStatus>>,
    /// Shared with the loop, so that it can tell whether its rules are new.
    rules: Arc<ScrapeRules>,
    public: Labels,
}

impl ScrapePool {
    /// A job without targets.
    pub fn new(
        job: ResolvedJob,
        external: BTreeMap<String, String>,
        fetch: Result<Arc<dyn Fetch>, String>,
    ) -> Self {
        Self {
            sources: sources_of(&job),
            job,
            external,
            fetch,
            groups: BTreeMap::new(),
            loops: HashMap::new(),
            leaving: Vec::new(),
            dropped: Vec::new(),
            dropped_count: 0,
            sharding: None,
            tasks: JoinSet::new(),
        }
    }

    /// What the job was made of.
    pub fn job(&self) -> &ResolvedJob {
        &self.job
    }

    /// Whether a new configuration says just what this job runs.
    pub fn runs(&self, job: &ResolvedJob, external: &BTreeMap<String, String>) -> bool {
        // Debug prints hide secrets, so compare the sources; the rest is derived from them and from
        // `global`, whose traces are in these fields.
        self.job.source == job.source
            && self.external == *external
            && self.job.interval == job.interval
            && self.job.timeout == job.timeout
            && self.job.limits == job.limits
            && self.job.protocols == job.protocols
            && self.job.escaping == job.escaping
            && self.job.legacy_names == job.legacy_names
            && self.job.extra_scrape_metrics == job.extra_scrape_metrics
            && self.job.native_histograms == job.native_histograms
            && self.job.convert_classic_histograms == job.convert_classic_histograms
            && self.job.always_classic_histograms == job.always_classic_histograms
    }

    /// Takes a new configuration; running loops go on with new rules at their next scrape.
    pub fn reconfigure(
        &mut self,
        job: ResolvedJob,
        external: BTreeMap<String, String>,
        fetch: Result<Arc<dyn Fetch>, String>,
    ) {
        self.sources = sources_of(&job);
        self.job = job;
        self.external = external;
        self.fetch = fetch;
        self.groups.clear();
        for one in self.loops.values_mut() {
            one.rules = Arc::new(ScrapeRules::default());
        }
    }

    /// Notes what a source has found; `sync` makes it true.
    pub fn set_groups(&mut self, source: usize, groups: Vec<TargetGroup>) {
        self.groups.insert(source, groups);
    }

    /// Starts, changes and retires loops so that they fit the groups.
    pub fn sync(&mut self, around: &Surroundings) {
        while self.tasks.try_join_next().is_some() {}
        self.leaving.retain(|orders| !orders.is_closed());
        let found = targets_of(&self.job, self.groups.values().flatten());
        self.dropped = found.dropped;
        self.dropped_count = found.dropped_count as u64;
        self.sharding = around.sharding;
        let forced_error = found.over_limit.or_else(|| self.fetch.as_ref().err().cloned());
        let mut wanted = HashSet::new();
        let mut public_labels = HashSet::new();
        let mut elsewhere = HashSet::new();
        for target in found.active {
            if around.sharding.is_some_and(|sharding| !sharding.takes(&target)) {
                elsewhere.insert(target.hash);
                continue;
            }
            wanted.insert(target.hash);
            public_labels.insert(target.public_labels());
            self.run(target, forced_error.clone(), around);
        }
        let is_complete = self.groups.len() >= self.sources;
        let leaving = &mut self.leaving;
        self.loops.retain(|hash, one| {
            let moved = elsewhere.contains(hash);
            if wanted.contains(hash) || !(is_complete || moved) {
                return true;
            }
            // Where another target has the same labels, its series go on under it; those of a
            // target of another shard go on there.
            let goes_on = moved || public_labels.contains(&one.public);
            if goes_on {
                one.orders.send_replace(Order::Stop);
            } else {
                one.orders.send_replace(Order::Retire);
                leaving.push(one.orders.clone());
            }
            false
        });
    }

    /// Brings the loops in line with another share of the targets.
    pub fn reshard(&mut self, around: &Surroundings) {
        if self.sharding != around.sharding {
            self.sync(around);
        }
    }

    fn run(&mut self, target: Target, forced_error: Option<String>, around: &Surroundings) {
        let public = target.public_labels();
        let known = self.loops.get(&target.hash).map(|one| Arc::clone(&one.rules));
        let is_current = |rules: &Arc<ScrapeRules>| rules.labels.target == public;
        let rules = known
            .filter(is_current)
            .unwrap_or_else(|| Arc::new(self.rules_of(&target, public.clone())));
        let fetch = match &self.fetch {
            Ok(fetch) => Arc::clone(fetch),
            Err(_) => Arc::new(NoFetch),
        };
        let plan = ScrapePlan { rules: Arc::clone(&rules), fetch, forced_error };
        if let Some(one) = self.loops.get_mut(&target.hash) {
            one.rules = rules;
            one.orders.send_replace(Order::Run(plan));
            return;
        }
        let status = Arc::new(Mutex::new(TargetStatus::unscraped(&target)));
        let (orders, receiver) = watch::channel(Order::Run(plan));
        let hash = target.hash;
        let (around, shared) = (around.clone(), Arc::clone(&status));
        self.tasks.spawn(scrape_loop::run(target, around, receiver, shared));
        self.loops.insert(hash, TargetLoop { orders, status, rules, public });
    }

    fn rules_of(&self, target: &Target, public: Labels) -> ScrapeRules {
        let job = &self.job;
        ScrapeRules {
            labels: LabelRules {
                target: public,
                external: self.external.clone(),
                honor_labels: job.honor_labels,
                legacy_names: job.legacy_names,
                relabel: job.metric_relabel.clone(),
                limits: job.limits,
            },
            honor_timestamps: job.honor_timestamps,
            track_timestamps_staleness: job.track_timestamps_staleness,
            extra_metrics: job.extra_scrape_metrics,
            timeout_seconds: target.timeout.as_secs_f64(),
        }
    }

    /// Marks the series of all targets as ended, in the background, then forgets the job.
    pub fn retire(mut self) -> JoinSet<()> {
        for one in self.loops.values() {
            one.orders.send_replace(Order::Retire);
        }
        std::mem::take(&mut self.tasks)
    }

    /// Marks the series of all targets as ended now and waits for it.
    pub async fn end(mut self) {
        for one in self.loops.values() {
            one.orders.send_replace(Order::End);
        }
        for orders in &self.leaving {
            orders.send_replace(Order::End);
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Stops all loops at once and waits for them.
    pub async fn stop(mut self) {
        for one in self.loops.values() {
            one.orders.send_replace(Order::Stop);
        }
        self.tasks.shutdown().await;
    }

    /// Handles to the state of each target.
    pub fn statuses(&self) -> Vec<Arc<Mutex<TargetStatus>>> {
        self.loops.values().map(|one| Arc::clone(&one.status)).collect()
    }

    /// All targets that relabelling dropped, also those that are not remembered.
    pub fn dropped_count(&self) -> u64 {
        self.dropped_count
    }

    /// Targets that are not scraped.
    pub fn dropped(&self) -> &[DroppedTarget] {
        &self.dropped
    }
}

/// The configuration itself and everything that discovers.
fn sources_of(job: &ResolvedJob) -> usize {
    1 + job.file_sd_configs.len() + job.http_sd_configs.len()
}

/// Stands where no client could be made; the forced error is told instead.
struct NoFetch;

impl Fetch for NoFetch {
    fn fetch<'a>(
        &'a self,
        _url: &'a str,
        _timeout: std::time::Duration,
    ) -> futures::future::BoxFuture<'a, crate::scrape_outcome::Answer> {
        let reason = "no client could be made for this job".to_owned();
        Box::pin(std::future::ready(crate::scrape_outcome::Answer::Failed(reason)))
    }
}
