//! Probe: targets that a prober asks for us.

use std::collections::BTreeMap;

use protocol::scrape_config::ScrapeConfig;
use protocol::scrape_config_discovery::{KubernetesRole, StaticConfig};
use serde::Deserialize;

use crate::monitors::Identity;
use crate::monitors::http_fields::HttpFields;
use crate::monitors::job_fields::{
    LimitFields, NamespaceFields, discovery, duration, rules, scheme,
};
use crate::monitors::relabeling::{Relabeling, Selector, copy, replace, select, write};
use crate::monitors::values::{Reader, Values};

/// What of a Probe is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProbeSpec {
    /// Instead of the object's own.
    pub job_name: String,
    /// Who asks.
    pub prober: Prober,
    /// Of the prober's configuration.
    pub module: String,
    /// Whom to ask for.
    pub targets: ProbeTargets,
    /// How often.
    pub interval: Option<String>,
    /// How long an answer may take.
    pub scrape_timeout: Option<String>,
    /// From exposed to stored.
    pub metric_relabelings: Vec<Relabeling>,
    /// Further query parameters.
    pub params: Vec<ProbeParam>,
    /// How the prober is asked.
    #[serde(flatten)]
    pub http: HttpFields,
    /// Bounds and formats.
    #[serde(flatten)]
    pub limits: LimitFields,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Prober {
    /// `host:port`.
    pub url: String,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// Default `/probe`.
    pub path: Option<String>,
    /// On the way to the prober.
    pub proxy_url: Option<String>,
}

/// One query parameter.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ProbeParam {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// Whom to ask for: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProbeTargets {
    /// Written down.
    pub static_config: Option<StaticTargets>,
    /// Each path of each selected ingress.
    pub ingress: Option<IngressTargets>,
}

/// Targets written down.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StaticTargets {
    /// URLs or addresses, as the prober takes them.
    #[serde(rename = "static")]
    pub targets: Vec<String>,
    /// Of each of them.
    pub labels: BTreeMap<String, String>,
    /// From written to scraped.
    pub relabeling_configs: Vec<Relabeling>,
}

/// Targets from ingresses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngressTargets {
    /// Which.
    pub selector: Selector,
    /// Where.
    pub namespace_selector: NamespaceFields,
    /// From discovered to scraped.
    pub relabeling_configs: Vec<Relabeling>,
}

/// The job of a Probe.
pub fn job(
    at: Identity<'_>,
    spec: &ProbeSpec,
    values: &dyn Values,
) -> Result<ScrapeConfig, String> {
    if spec.prober.url.is_empty() {
        return Err("prober.url: must not be empty".to_owned());
    }
    let path = spec.prober.path.clone().filter(|path| !path.is_empty());
    let mut job = ScrapeConfig {
        job_name: format!("probe/{}/{}", at.namespace, at.name),
        honor_timestamps: Some(true),
        scrape_interval: duration("interval", spec.interval.as_deref())?,
        scrape_timeout: duration("scrapeTimeout", spec.scrape_timeout.as_deref())?,
        metrics_path: Some(path.unwrap_or_else(|| "/probe".to_owned())),
        scheme: scheme(spec.prober.scheme.as_deref()),
        metric_relabel_configs: rules(&spec.metric_relabelings),
        ..ScrapeConfig::default()
    };
    if !spec.module.is_empty() {
        job.params.insert("module".to_owned(), vec![spec.module.clone()]);
    }
    for param in &spec.params {
        job.params.entry(param.name.clone()).or_insert_with(|| param.values.clone());
    }
    spec.http.fill(&mut job, &Reader { namespace: at.namespace, values })?;
    if job.proxy_url.is_none() {
        job.proxy_url = spec.prober.proxy_url.clone().filter(|url| !url.is_empty());
    }
    spec.limits.fill(&mut job)?;
    let mut relabel = vec![copy("job", "__tmp_prometheus_job_name")];
    if !spec.job_name.is_empty() {
        relabel.push(write("job", &spec.job_name));
    }
    let own_rules = match (&spec.targets.static_config, &spec.targets.ingress) {
        (Some(written), _) => {
            job.static_configs.push(Some(static_group(at, written)));
            relabel.push(copy("__address__", "__param_target"));
            &written.relabeling_configs
        }
        (None, Some(ingress)) => {
            let found = discovery(KubernetesRole::Ingress, at, &ingress.namespace_selector, None);
            job.kubernetes_sd_configs.push(found);
            relabel.extend(select(&ingress.selector, "ingress")?);
            let parts = [
                "__meta_kubernetes_ingress_scheme",
                "__address__",
                "__meta_kubernetes_ingress_path",
            ];
            let url = "${1}://${2}${3}";
            relabel.push(replace(&parts, "(.+);(.+);(.+)", "__param_target", url));
            relabel.push(copy("__meta_kubernetes_namespace", "namespace"));
            relabel.push(copy("__meta_kubernetes_ingress_name", "ingress"));
            relabel.push(copy("__address__", "__tmp_ingress_address"));
            &ingress.relabeling_configs
        }
        (None, None) => return Err("targets: needs staticConfig or ingress".to_owned()),
    };
    relabel.push(copy("__param_target", "instance"));
    relabel.push(write("__address__", &spec.prober.url));
    job.relabel_configs = relabel.into_iter().map(Some).chain(rules(own_rules)).collect();
    Ok(job)
}

/// The targets may be URLs: relabelling makes them a parameter.
fn static_group(at: Identity<'_>, written: &StaticTargets) -> StaticConfig {
    let mut labels = written.labels.clone();
    labels.entry("namespace".to_owned()).or_insert_with(|| at.namespace.to_owned());
    StaticConfig { targets: written.targets.clone(), labels }
}
