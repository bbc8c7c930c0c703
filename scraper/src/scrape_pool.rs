//! The targets of one job and their loops.
//!
//! Group by group: what a group changes costs what the group is large, however many others there
//! are, so that one new pod among ten thousand is cheap.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::labels::Labels;
use protocol::scrape_config_resolve::ResolvedJob;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::dropped_targets::DroppedBudget;
use crate::sample_labels::LabelRules;
use crate::scrape_client::Fetch;
use crate::scrape_loop::{self, Order, ScrapePlan, Surroundings};
use crate::scrape_outcome::ScrapeRules;
use crate::sharding::Sharding;
use crate::status::TargetStatus;
use crate::target::Target;
use crate::target_labels::{
    DroppedTarget, TargetGroup, dropped_kept_max, over_limit, targets_keeping,
};

/// One job: what was found, what runs.
pub struct ScrapePool {
    job: ResolvedJob,
    external: BTreeMap<String, String>,
    fetch: Result<Arc<dyn Fetch>, String>,
    /// By source and group: 0 is the configuration itself.
    groups: BTreeMap<(usize, String), Found>,
    /// Sources that have told all they know.
    complete: HashSet<usize>,
    /// How many sources there are; until each is complete no target is taken away.
    sources: usize,
    loops: HashMap<u64, TargetLoop>,
    /// Loops that no group holds any more.
    unheld: HashSet<u64>,
    /// Targets that are another shard's, of the groups since the last `settle`.
    elsewhere: HashSet<u64>,
    /// Which share of the targets is ours.
    sharding: Option<Sharding>,
    /// How many held loops have these public labels.
    publics: HashMap<Labels, usize>,
    /// Why no target is asked at all.
    forced_error: Option<String>,
    /// Counts configurations, so that a loop with an older one is seen.
    generation: u64,
    /// Targets that are gone and wait to mark their series.
    leaving: Vec<watch::Sender<Order>>,
    dropped_budget: Arc<DroppedBudget>,
    dropped_kept: usize,
    tasks: JoinSet<()>,
}

/// What a group amounts to.
#[derive(Default)]
struct Found {
    hashes: Vec<u64>,
    dropped: Vec<DroppedTarget>,
    dropped_count: usize,
}

struct TargetLoop {
    orders: watch::Sender<Order>,
    status: Arc<Mutex<TargetStatus>>,
    /// Shared with the loop, so that it can tell whether its rules are new.
    rules: Arc<ScrapeRules>,
    public: Labels,
    discovered: Labels,
    /// How many groups have it.
    holders: usize,
    generation: u64,
}

impl ScrapePool {
    /// A job without targets.
    pub fn new(
        job: ResolvedJob,
        external: BTreeMap<String, String>,
        fetch: Result<Arc<dyn Fetch>, String>,
        sharding: Option<Sharding>,
        dropped_budget: Arc<DroppedBudget>,
    ) -> Self {
        Self {
            sources: sources_of(&job),
            forced_error: fetch.as_ref().err().cloned(),
            job,
            external,
            fetch,
            groups: BTreeMap::new(),
            complete: HashSet::new(),
            loops: HashMap::new(),
            unheld: HashSet::new(),
            elsewhere: HashSet::new(),
            sharding,
            publics: HashMap::new(),
            generation: 0,
            leaving: Vec::new(),
            dropped_budget,
            dropped_kept: 0,
            tasks: JoinSet::new(),
        }
    }

    /// What the job was made of.
    pub fn job(&self) -> &ResolvedJob {
        &self.job
    }

    /// Whether a new configuration says just what this job runs.
    pub fn runs(
        &self,
        job: &ResolvedJob,
        external: &BTreeMap<String, String>,
        sharding: Option<Sharding>,
    ) -> bool {
        // Debug prints hide secrets, so compare the sources; the rest is derived from them and from
        // `global`, whose traces are in these fields.
        self.job.source == job.source
            && self.sharding == sharding
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

    /// Takes a new configuration; running loops go on with new rules once they are found again.
    pub fn reconfigure(
        &mut self,
        job: ResolvedJob,
        external: BTreeMap<String, String>,
        fetch: Result<Arc<dyn Fetch>, String>,
        sharding: Option<Sharding>,
    ) {
        self.sources = sources_of(&job);
        self.sharding = sharding;
        self.forced_error = fetch.as_ref().err().cloned();
        self.job = job;
        self.external = external;
        self.fetch = fetch;
        self.forget_dropped();
        self.groups.clear();
        self.complete.clear();
        self.publics.clear();
        self.generation += 1;
        for one in self.loops.values_mut() {
            one.holders = 0;
        }
        self.unheld = self.loops.keys().copied().collect();
    }

    /// These are all groups of a source.
    pub fn set_all(&mut self, source: usize, groups: Vec<TargetGroup>, around: &Surroundings) {
        let mut by_key: BTreeMap<String, Vec<TargetGroup>> = BTreeMap::new();
        for group in groups {
            by_key.entry(group.source.clone()).or_default().push(group);
        }
        let known = self.groups.range((source, String::new())..(source + 1, String::new()));
        let gone = known.map(|((_, key), _)| key).filter(|key| !by_key.contains_key(*key));
        let gone: Vec<String> = gone.cloned().collect();
        for (key, groups) in by_key {
            self.set_group((source, key), &groups, around);
        }
        for key in gone {
            self.set_group((source, key), &[], around);
        }
        self.set_complete(source);
    }

    /// These groups of a source are others than before; one without targets is gone.
    pub fn change(&mut self, source: usize, groups: Vec<TargetGroup>, around: &Surroundings) {
        for group in groups {
            let key = (source, group.source.clone());
            self.set_group(key, std::slice::from_ref(&group), around);
        }
        self.settle();
    }

    /// A source has told all it knows.
    pub fn set_complete(&mut self, source: usize) {
        self.complete.insert(source);
        self.settle();
    }

    fn set_group(&mut self, key: (usize, String), groups: &[TargetGroup], around: &Surroundings) {
        let former = self.groups.remove(&key).unwrap_or_default();
        self.dropped_budget.give_back(former.dropped.len());
        self.dropped_kept -= former.dropped.len();
        let room = dropped_kept_max(&self.job).saturating_sub(self.dropped_kept);
        let mut targets = targets_keeping(&self.job, groups, room);
        targets.dropped.truncate(self.dropped_budget.take(targets.dropped.len()));
        self.dropped_kept += targets.dropped.len();
        let mut found = Found {
            hashes: Vec::with_capacity(targets.active.len()),
            dropped: targets.dropped,
            dropped_count: targets.dropped_count,
        };
        for target in targets.active {
            if self.sharding.is_some_and(|sharding| !sharding.takes(&target)) {
                self.elsewhere.insert(target.hash);
                continue;
            }
            found.hashes.push(target.hash);
            self.hold(target, around);
        }
        for hash in former.hashes {
            self.release(hash);
        }
        if !found.hashes.is_empty() || found.dropped_count > 0 {
            self.groups.insert(key, found);
        }
    }

    /// One more group has this target.
    fn hold(&mut self, target: Target, around: &Surroundings) {
        let hash = target.hash;
        match self.loops.get(&hash) {
            None => self.spawn(target, around),
            Some(one) if one.generation != self.generation => {
                let rules = Arc::new(self.rules_of(&target, target.public_labels()));
                self.renew(&target, rules);
            }
            Some(one) if one.discovered != target.discovered => {
                let rules = Arc::clone(&one.rules);
                self.renew(&target, rules);
            }
            Some(_) => {}
        }
        let Some(one) = self.loops.get_mut(&hash) else { return };
        one.holders += 1;
        if one.holders == 1 {
            self.unheld.remove(&hash);
            *self.publics.entry(one.public.clone()).or_default() += 1;
        }
    }

    fn spawn(&mut self, target: Target, around: &Surroundings) {
        let (public, discovered) = (target.public_labels(), target.discovered.clone());
        let rules = Arc::new(self.rules_of(&target, public.clone()));
        let plan = self.plan(Arc::clone(&rules), discovered.clone());
        let status = Arc::new(Mutex::new(TargetStatus::unscraped(&target)));
        let (orders, receiver) = watch::channel(Order::Run(plan));
        let (hash, around, shared) = (target.hash, around.clone(), Arc::clone(&status));
        self.tasks.spawn(scrape_loop::run(target, around, receiver, shared));
        let (holders, generation) = (0, self.generation);
        let one = TargetLoop { orders, status, rules, public, discovered, holders, generation };
        self.loops.insert(hash, one);
    }

    /// Tells a running loop what is new about its target.
    fn renew(&mut self, target: &Target, rules: Arc<ScrapeRules>) {
        let discovered = target.discovered.clone();
        let plan = self.plan(Arc::clone(&rules), discovered.clone());
        let Some(one) = self.loops.get_mut(&target.hash) else { return };
        one.rules = rules;
        one.generation = self.generation;
        one.discovered = discovered.clone();
        one.status.lock().unwrap_or_else(PoisonError::into_inner).discovered = discovered;
        one.orders.send_replace(Order::Run(plan));
    }

    /// One group less has this target.
    fn release(&mut self, hash: u64) {
        let Some(one) = self.loops.get_mut(&hash) else { return };
        one.holders = one.holders.saturating_sub(1);
        if one.holders == 0 && self.unheld.insert(hash) {
            let count = self.publics.entry(one.public.clone()).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.publics.remove(&one.public);
            }
        }
    }

    /// Makes true what follows from all groups together.
    fn settle(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.leaving.retain(|orders| !orders.is_closed());
        let held = self.loops.len() - self.unheld.len();
        let forced = over_limit(&self.job, held).or_else(|| self.fetch.as_ref().err().cloned());
        if forced != self.forced_error {
            self.forced_error = forced;
            for one in self.loops.values() {
                one.orders.send_replace(Order::Run(
                    self.plan(Arc::clone(&one.rules), one.discovered.clone()),
                ));
            }
        }
        let elsewhere = std::mem::take(&mut self.elsewhere);
        let is_complete = self.complete.len() >= self.sources;
        let over = |hash: &u64| is_complete || elsewhere.contains(hash);
        let gone: Vec<u64> = self.unheld.extract_if(over).collect();
        for hash in gone {
            let Some(one) = self.loops.remove(&hash) else { continue };
            // Where another target has the same labels, its series go on under it; those of a
            // target of another shard go on there.
            if elsewhere.contains(&hash) || self.publics.contains_key(&one.public) {
                one.orders.send_replace(Order::Stop);
            } else {
                one.orders.send_replace(Order::Retire);
                self.leaving.push(one.orders);
            }
        }
    }

    fn plan(&self, rules: Arc<ScrapeRules>, discovered: Labels) -> ScrapePlan {
        let fetch = match &self.fetch {
            Ok(fetch) => Arc::clone(fetch),
            Err(_) => Arc::new(NoFetch),
        };
        ScrapePlan { rules, discovered, fetch, forced_error: self.forced_error.clone() }
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
        let leaving = std::mem::take(&mut self.leaving);
        for orders in self.loops.values().map(|one| &one.orders).chain(&leaving) {
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

    /// Targets that are not scraped; bounded.
    pub fn dropped(&self) -> impl Iterator<Item = &DroppedTarget> {
        self.groups.values().flat_map(|found| &found.dropped)
    }

    /// How many targets are not scraped.
    pub fn dropped_count(&self) -> usize {
        self.groups.values().map(|found| found.dropped_count).sum()
    }

    fn forget_dropped(&mut self) {
        self.dropped_budget.give_back(self.dropped_kept);
        self.dropped_kept = 0;
    }
}

impl Drop for ScrapePool {
    fn drop(&mut self) {
        self.forget_dropped();
    }
}

/// How many sources a job has: the configuration itself, number 0, and everything that discovers.
pub fn sources_of(job: &ResolvedJob) -> usize {
    1 + job.file_sd_configs.len() + job.http_sd_configs.len() + job.kubernetes_sd_configs.len()
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
