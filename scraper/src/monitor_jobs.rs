//! All jobs of a Scraper: those written, those of monitors.
//!
//! Pure. An object that cannot become jobs is left out and named; it never blocks another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::api::DynamicObject;
use protocol::collector_report::RejectedReport;
use protocol::scrape_config::{GlobalConfig, ScrapeConfig, ScrapeConfiguration};

use crate::monitor_watch::MonitorKey;
use crate::monitors;
use crate::monitors::values::{ValueObject, Values};

/// Jobs that were made before, so that a change of one monitor does not make all of them again.
#[derive(Default)]
pub struct MonitorJobs {
    global: GlobalConfig,
    made: BTreeMap<MonitorKey, Made>,
}

struct Made {
    object: Arc<DynamicObject>,
    jobs: Result<Vec<ScrapeConfig>, String>,
    /// Values of Secrets are in it: they may change without the object.
    has_values: bool,
}

/// Notes whether any value is asked for.
struct Noted<'a> {
    values: &'a dyn Values,
    asked: std::cell::Cell<bool>,
}

impl Values for Noted<'_> {
    fn value(&self, object: &ValueObject, key: &str) -> Result<String, String> {
        self.asked.set(true);
        self.values.value(object, key)
    }
}

impl MonitorJobs {
    /// Adds the jobs of the monitors to the written ones; gives the objects left out.
    pub fn add(
        &mut self,
        configuration: &mut ScrapeConfiguration,
        objects: &BTreeMap<MonitorKey, Arc<DynamicObject>>,
        values: &dyn Values,
    ) -> Vec<RejectedReport> {
        if self.global != configuration.global {
            self.made.clear();
            self.global = configuration.global.clone();
        }
        self.made.retain(|key, _| objects.contains_key(key));
        let mut names: BTreeSet<String> =
            configuration.scrape_configs.iter().flatten().map(|job| job.job_name.clone()).collect();
        let mut rejected = Vec::new();
        for (key, object) in objects {
            match self.jobs(key, object, values) {
                Ok(jobs) => match jobs.iter().find(|job| names.contains(&job.job_name)) {
                    None => {
                        names.extend(jobs.iter().map(|job| job.job_name.clone()));
                        configuration.scrape_configs.extend(jobs.iter().cloned().map(Some));
                    }
                    Some(job) => {
                        let reason = format!("there is another job {:?}", job.job_name);
                        rejected.push(rejection(key, reason));
                    }
                },
                Err(reason) => rejected.push(rejection(key, reason.clone())),
            }
        }
        rejected
    }

    fn jobs(
        &mut self,
        key: &MonitorKey,
        object: &Arc<DynamicObject>,
        values: &dyn Values,
    ) -> &Result<Vec<ScrapeConfig>, String> {
        let is_current = |made: &Made| !made.has_values && Arc::ptr_eq(&made.object, object);
        if !self.made.get(key).is_some_and(is_current) {
            let noted = Noted { values, asked: false.into() };
            let jobs = monitors::jobs(key.0, object, &self.global, &noted);
            let (object, has_values) = (Arc::clone(object), noted.asked.get());
            self.made.insert(key.clone(), Made { object, jobs, has_values });
        }
        &self.made[key].jobs
    }
}

fn rejection((kind, namespace, name): &MonitorKey, reason: String) -> RejectedReport {
    RejectedReport {
        kind: kind.as_str().to_owned(),
        namespace: namespace.clone(),
        name: name.clone(),
        reason,
    }
}
