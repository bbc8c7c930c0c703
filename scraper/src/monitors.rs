//! Monitors of other operators become scrape jobs.
//!
//! Pure: an object as the API server gives it, and the values of Secrets it names, go in; jobs, or
//! in words why there are none, come out. Names of jobs, relabelling and so the labels of series
//! are those that prometheus-operator and Google's managed collection give the same objects.
//! Fields that mean nothing to a scrape are ignored; what cannot be done is refused by name, for
//! that object alone.

pub mod http_fields;
pub mod job_fields;
pub mod pod_monitor;
pub mod pod_monitoring;
pub mod pod_monitoring_http;
pub mod probe;
pub mod relabeling;
pub mod scrape_config;
pub mod service_monitor;
pub mod values;

use crds::scraper::Monitors;
use crds::selectors::ObjectSelector;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use protocol::scrape_config::{GlobalConfig, ScrapeConfig, ScrapeConfiguration};
use serde::de::DeserializeOwned;

use crate::monitors::values::Values;

/// Faults of one object that are told.
const FAULTS_TOLD_MAX: usize = 5;

/// The kinds that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MonitorKind {
    /// prometheus-operator's.
    PodMonitor,
    /// prometheus-operator's.
    ServiceMonitor,
    /// prometheus-operator's.
    Probe,
    /// prometheus-operator's.
    ScrapeConfig,
    /// Google's.
    PodMonitoring,
}

impl MonitorKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PodMonitor,
        Self::ServiceMonitor,
        Self::Probe,
        Self::ScrapeConfig,
        Self::PodMonitoring,
    ];

    /// As manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PodMonitor => "PodMonitor",
            Self::ServiceMonitor => "ServiceMonitor",
            Self::Probe => "Probe",
            Self::ScrapeConfig => "ScrapeConfig",
            Self::PodMonitoring => "PodMonitoring",
        }
    }

    /// Where the API server has it.
    pub fn resource(self) -> ApiResource {
        let (group, version, plural) = match self {
            Self::PodMonitor => ("monitoring.coreos.com", "v1", "podmonitors"),
            Self::ServiceMonitor => ("monitoring.coreos.com", "v1", "servicemonitors"),
            Self::Probe => ("monitoring.coreos.com", "v1", "probes"),
            Self::ScrapeConfig => ("monitoring.coreos.com", "v1alpha1", "scrapeconfigs"),
            Self::PodMonitoring => ("monitoring.googleapis.com", "v1", "podmonitorings"),
        };
        let kind = GroupVersionKind::gvk(group, version, self.as_str());
        ApiResource::from_gvk_with_plural(&kind, plural)
    }

    /// Which objects a Scraper asks for; `None`: none of this kind.
    pub fn selector(self, monitors: &Monitors) -> Option<&ObjectSelector> {
        match self {
            Self::PodMonitor => monitors.pod_monitors.as_ref(),
            Self::ServiceMonitor => monitors.service_monitors.as_ref(),
            Self::Probe => monitors.probes.as_ref(),
            Self::ScrapeConfig => monitors.scrape_configs.as_ref(),
            Self::PodMonitoring => monitors.pod_monitorings.as_ref(),
        }
    }
}

/// The name and namespace of an object.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Where it lies.
    pub namespace: &'a str,
    /// What it is called.
    pub name: &'a str,
}

/// The jobs of one object. Defaults come from `global` as for written jobs.
pub fn jobs(
    kind: MonitorKind,
    object: &DynamicObject,
    global: &GlobalConfig,
    values: &dyn Values,
) -> Result<Vec<ScrapeConfig>, String> {
    let at = Identity {
        namespace: object.metadata.namespace.as_deref().unwrap_or_default(),
        name: object.metadata.name.as_deref().unwrap_or_default(),
    };
    let jobs = match kind {
        MonitorKind::PodMonitor => pod_monitor::jobs(at, &spec(object)?, values)?,
        MonitorKind::ServiceMonitor => service_monitor::jobs(at, &spec(object)?, values)?,
        MonitorKind::Probe => vec![probe::job(at, &spec(object)?, values)?],
        MonitorKind::ScrapeConfig => vec![scrape_config::job(at, &spec(object)?, values)?],
        MonitorKind::PodMonitoring => pod_monitoring::jobs(at, &spec(object)?, values)?,
    };
    validated(jobs, global)
}

fn spec<T: DeserializeOwned>(object: &DynamicObject) -> Result<T, String> {
    let spec = object.data.get("spec").cloned().unwrap_or_default();
    serde_json::from_value(spec).map_err(|error| format!("spec: {error}"))
}

/// What a written configuration would be refused for, a monitor is refused for as well.
fn validated(jobs: Vec<ScrapeConfig>, global: &GlobalConfig) -> Result<Vec<ScrapeConfig>, String> {
    let whole = ScrapeConfiguration {
        global: global.clone(),
        scrape_configs: jobs.into_iter().map(Some).collect(),
        ..ScrapeConfiguration::default()
    };
    let faults: Vec<String> = whole
        .validate()
        .into_iter()
        .filter(|fault| fault.path.starts_with("scrape_configs"))
        .take(FAULTS_TOLD_MAX)
        .map(|fault| {
            // `scrape_configs[1].relabel_configs[0].regex` is the second endpoint's.
            let path = fault.path.replacen("scrape_configs", "job", 1);
            format!("{path}: {}", fault.message)
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    Ok(whole.scrape_configs.into_iter().flatten().collect())
}
