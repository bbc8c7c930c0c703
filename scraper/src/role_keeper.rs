//! Keeps the collector in line with its Scraper.
//!
//! What is invalid, or not known yet, leaves in force what was.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kube::Client;
use protocol::collector_report::RejectedReport;
use protocol::scrape_config::ScrapeConfiguration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::monitor_jobs::MonitorJobs;
use crate::monitor_values::HeldValues;
use crate::monitor_watch::{MonitorWatch, MonitorsFound};
use crate::own_scraper::{self, OwnScraper, Seen};
use crate::role::RoleSettings;
use crate::role_files::refused_files;
use crate::role_http::RoleState;
use crate::scraper_spec;
use crate::sharding::{Sharding, effective_shards};

/// Faults of one configuration that are told.
const FAULTS_TOLD_MAX: usize = 10;
/// Changes of monitors within this time are taken together: a new target must not wait longer than
/// its interval and two seconds, and a thousand changes must not mean a thousand configurations.
const GATHER: Duration = Duration::from_millis(250);
/// How often values of Secrets are looked at; each has its own age.
const VALUES_LOOK: Duration = Duration::from_secs(10);
/// Rounds of making jobs and reading the values they ask for: once to ask, once to use.
const VALUE_ROUNDS_MAX: usize = 2;

/// Owns what is in force.
pub struct Keeper {
    settings: RoleSettings,
    client: Client,
    state: Arc<RoleState>,
    known_shards: Option<u32>,
    /// The last one that was valid.
    in_force: Option<(OwnScraper, ScrapeConfiguration)>,
    watch: Option<MonitorWatch>,
    /// The last ones that were known as a whole.
    found: MonitorsFound,
    jobs: MonitorJobs,
    values: HeldValues,
}

impl Keeper {
    /// Nothing is in force yet.
    pub fn new(settings: RoleSettings, client: Client, state: Arc<RoleState>) -> Self {
        Self {
            settings,
            client,
            state,
            known_shards: None,
            in_force: None,
            watch: None,
            found: MonitorsFound::default(),
            jobs: MonitorJobs::default(),
            values: HeldValues::default(),
        }
    }

    /// Follows the Scraper and the monitors; never returns.
    pub async fn run(&mut self, mut news: watch::Receiver<Seen>) {
        let mut look = interval(VALUES_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seen = news.borrow_and_update().clone();
        self.take(&seen).await;
        loop {
            let monitors = async {
                match &mut self.watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = news.changed() => match changed {
                    Ok(()) => {
                        let seen = news.borrow_and_update().clone();
                        self.take(&seen).await;
                    }
                    Err(_) => return std::future::pending().await,
                },
                () = monitors => {
                    sleep(GATHER).await;
                    self.take_monitors().await;
                }
                _ = look.tick() => if self.values.round(&self.client).await {
                    self.apply().await;
                },
            }
        }
    }

    async fn take(&mut self, seen: &Seen) {
        let mut refused = seen
            .unreadable
            .as_ref()
            .map(|(generation, reason)| format!("generation {generation} does not read: {reason}"));
        if let Some(scraper) = &seen.scraper
            && self.in_force.as_ref().map(|(scraper, _)| scraper) != Some(scraper)
        {
            match valid(scraper) {
                Ok(written) => self.put_in_force(scraper, written).await,
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        let mut told = self.state.told.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_some() && refused != told.refused {
            tracing::warn!(reason = refused, "the Scraper's newest generation is refused");
        }
        told.refused = refused;
        told.troubles = seen.trouble.iter().cloned().collect();
    }

    async fn put_in_force(&mut self, scraper: &OwnScraper, written: ScrapeConfiguration) {
        let count = effective_shards(&scraper.spec, scraper.running, self.known_shards);
        self.known_shards = Some(count);
        self.in_force = Some((scraper.clone(), written));
        self.watch_monitors(scraper);
        self.apply().await;
        tracing::info!(generation = scraper.generation, shards = count, "in force");
        if let Err(reason) = own_scraper::remember(&self.settings.data_dir, scraper).await {
            tracing::warn!(reason, "the Scraper cannot be remembered");
        }
    }

    fn watch_monitors(&mut self, scraper: &OwnScraper) {
        let wanted = scraper.spec.monitors.as_ref();
        if wanted == self.watch.as_ref().map(MonitorWatch::monitors) {
            return;
        }
        // What was found stays until the new streams know better.
        let start = |monitors: &crds::scraper::Monitors| {
            MonitorWatch::start(&self.client, monitors.clone(), &self.settings.namespace)
        };
        self.watch = wanted.map(start);
        if self.watch.is_none() {
            self.found = MonitorsFound::default();
        }
    }

    async fn take_monitors(&mut self) {
        let Some(found) = self.watch.as_ref().map(MonitorWatch::found) else { return };
        if found.settled {
            self.found = found;
            self.apply().await;
        }
    }

    /// Makes the collector run the written jobs and those of the monitors.
    async fn apply(&mut self) {
        let Some((scraper, written)) = self.in_force.clone() else { return };
        let mut made = self.made(&written);
        for _ in 1..VALUE_ROUNDS_MAX {
            if !self.values.round(&self.client).await {
                break;
            }
            made = self.made(&written);
        }
        let (configuration, rejected) = made;
        let count = self.known_shards.unwrap_or(0);
        let sharding = Sharding { index: self.settings.shard, count };
        self.state.collector.apply_sharded(configuration, sharding).await;
        let mut told = self.state.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.rejected = rejected;
        told.monitors_listed = self.watch.is_none() || self.found.settled;
        told.generation = scraper.generation;
        told.shards = count;
    }

    fn made(
        &mut self,
        written: &ScrapeConfiguration,
    ) -> (ScrapeConfiguration, Vec<RejectedReport>) {
        self.values.begin();
        let mut configuration = written.clone();
        let mut rejected = whole_kinds(&self.found);
        rejected.extend(self.jobs.add(&mut configuration, &self.found.objects, &self.values));
        (configuration, rejected)
    }
}

/// A kind that cannot be read is told once, without a name.
fn whole_kinds(found: &MonitorsFound) -> Vec<RejectedReport> {
    let mut told = BTreeMap::new();
    for (kind, reason) in &found.troubles {
        told.entry((kind, reason)).or_insert_with(|| RejectedReport {
            kind: kind.as_str().to_owned(),
            reason: reason.clone(),
            ..RejectedReport::default()
        });
    }
    told.into_values().collect()
}

/// The written configuration, or in words why there is none.
fn valid(scraper: &OwnScraper) -> Result<ScrapeConfiguration, String> {
    let told = |reasons: Vec<String>| {
        let mut told: Vec<String> = reasons.iter().take(FAULTS_TOLD_MAX).cloned().collect();
        if reasons.len() > FAULTS_TOLD_MAX {
            told.push(format!("and {} more", reasons.len() - FAULTS_TOLD_MAX));
        }
        format!("generation {}: scrapeConfiguration: {}", scraper.generation, told.join("; "))
    };
    let configuration = scraper_spec::configuration(&scraper.spec)
        .map_err(|faults| told(faults.iter().map(ToString::to_string).collect()))?;
    let refused = refused_files(&configuration);
    if refused.is_empty() { Ok(configuration) } else { Err(told(refused)) }
}
