//! ScrapeConfig of prometheus-operator.

use std::collections::BTreeMap;

use protocol::scrape_config::ScrapeConfig;
use protocol::scrape_config_discovery::{
    AttachMetadata, HttpSdConfig, KubernetesNamespaces, KubernetesRole, KubernetesSdConfig,
    KubernetesSelector, StaticConfig,
};
use serde::Deserialize;
use serde_json::Value;

use crate::monitors::Identity;
use crate::monitors::http_fields::HttpFields;
use crate::monitors::job_fields::{LimitFields, duration, rules, scheme};
use crate::monitors::relabeling::{Relabeling, copy, write};
use crate::monitors::values::{Reader, Values};

/// What of a ScrapeConfig is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScrapeConfigSpec {
    /// Instead of the object's own.
    pub job_name: Option<String>,
    /// Targets written down.
    pub static_configs: Vec<StaticConfig>,
    /// Targets asked for over HTTP.
    #[serde(rename = "httpSDConfigs")]
    pub http_sd_configs: Vec<HttpSdFields>,
    /// Targets from the Kubernetes API.
    #[serde(rename = "kubernetesSDConfigs")]
    pub kubernetes_sd_configs: Vec<KubernetesSdFields>,
    /// Default `/metrics`.
    pub metrics_path: Option<String>,
    /// How often.
    pub scrape_interval: Option<String>,
    /// How long an answer may take.
    pub scrape_timeout: Option<String>,
    /// Let exposed labels win.
    pub honor_labels: Option<bool>,
    /// Take exposed timestamps.
    pub honor_timestamps: Option<bool>,
    /// Also mark the end of series that carry timestamps.
    pub track_timestamps_staleness: Option<bool>,
    /// Query parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// Ask for gzip.
    pub enable_compression: Option<bool>,
    /// `utf8` or `legacy`, in capitals.
    pub name_validation_scheme: Option<String>,
    /// From discovered to scraped.
    pub relabelings: Vec<Relabeling>,
    /// From exposed to stored.
    pub metric_relabelings: Vec<Relabeling>,
    /// How targets are asked.
    #[serde(flatten)]
    pub http: HttpFields,
    /// Bounds and formats.
    #[serde(flatten)]
    pub limits: LimitFields,
    /// Everything else: other discoveries are refused by name.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// Targets asked for over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpSdFields {
    /// Who is asked.
    pub url: String,
    /// How often.
    pub refresh_interval: Option<String>,
    /// How.
    #[serde(flatten)]
    pub http: HttpFields,
}

/// Targets from the Kubernetes API.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubernetesSdFields {
    /// What becomes a target, in capitals.
    pub role: String,
    /// Refused.
    pub api_server: Option<String>,
    /// Where.
    pub namespaces: Option<NamespaceNames>,
    /// Narrows what is sent.
    pub selectors: Vec<SelectorFields>,
    /// Labels of related objects.
    pub attach_metadata: Option<AttachMetadata>,
}

/// Where Kubernetes discovery looks.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamespaceNames {
    /// The collector's own.
    pub own_namespace: Option<bool>,
    /// By name.
    pub names: Vec<String>,
}

/// Narrows what is sent of one kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectorFields {
    /// The kind, in capitals.
    pub role: String,
    /// Of labels.
    pub label: Option<String>,
    /// Of fields.
    pub field: Option<String>,
}

/// The job of a ScrapeConfig.
pub fn job(
    at: Identity<'_>,
    spec: &ScrapeConfigSpec,
    values: &dyn Values,
) -> Result<ScrapeConfig, String> {
    let other = spec.rest.iter().find(|(name, configs)| {
        name.ends_with("SDConfigs") && !configs.as_array().is_some_and(Vec::is_empty)
    });
    if let Some((name, _)) = other {
        return Err(format!(
            "{name}: not supported; use staticConfigs, httpSDConfigs or kubernetesSDConfigs"
        ));
    }
    let reader = Reader { namespace: at.namespace, values };
    let validation = spec.name_validation_scheme.as_ref();
    let mut job = ScrapeConfig {
        job_name: format!("scrapeConfig/{}/{}", at.namespace, at.name),
        scrape_interval: duration("scrapeInterval", spec.scrape_interval.as_deref())?,
        scrape_timeout: duration("scrapeTimeout", spec.scrape_timeout.as_deref())?,
        metrics_path: spec.metrics_path.clone().filter(|path| !path.is_empty()),
        honor_labels: spec.honor_labels,
        honor_timestamps: spec.honor_timestamps,
        track_timestamps_staleness: spec.track_timestamps_staleness,
        params: spec.params.clone(),
        scheme: scheme(spec.scheme.as_deref()),
        enable_compression: spec.enable_compression,
        metric_name_validation_scheme: validation.map(|scheme| scheme.to_ascii_lowercase()),
        static_configs: spec.static_configs.iter().cloned().map(Some).collect(),
        metric_relabel_configs: rules(&spec.metric_relabelings),
        ..ScrapeConfig::default()
    };
    spec.http.fill(&mut job, &reader)?;
    spec.limits.fill(&mut job)?;
    for (index, config) in spec.http_sd_configs.iter().enumerate() {
        let told = |reason| format!("httpSDConfigs[{index}].{reason}");
        job.http_sd_configs.push(config.read(&reader).map_err(told)?);
    }
    for (index, config) in spec.kubernetes_sd_configs.iter().enumerate() {
        let told = |reason| format!("kubernetesSDConfigs[{index}].{reason}");
        job.kubernetes_sd_configs.push(config.read().map_err(told)?);
    }
    let mut relabel = vec![copy("job", "__tmp_prometheus_job_name")];
    if let Some(name) = spec.job_name.as_ref().filter(|name| !name.is_empty()) {
        relabel.push(write("job", name));
    }
    job.relabel_configs = relabel.into_iter().map(Some).chain(rules(&spec.relabelings)).collect();
    Ok(job)
}

impl HttpSdFields {
    fn read(&self, reader: &Reader<'_>) -> Result<HttpSdConfig, String> {
        // The same fields under the same names: take them by way of a job.
        let mut job = ScrapeConfig::default();
        self.http.fill(&mut job, reader)?;
        Ok(HttpSdConfig {
            url: self.url.clone(),
            refresh_interval: duration("refreshInterval", self.refresh_interval.as_deref())?,
            basic_auth: job.basic_auth,
            authorization: job.authorization,
            bearer_token_file: job.bearer_token_file,
            tls_config: job.tls_config,
            proxy_url: job.proxy_url,
            no_proxy: job.no_proxy,
            proxy_connect_header: job.proxy_connect_header,
            follow_redirects: job.follow_redirects,
            enable_http2: job.enable_http2,
            ..HttpSdConfig::default()
        })
    }
}

impl KubernetesSdFields {
    fn read(&self) -> Result<KubernetesSdConfig, String> {
        if self.api_server.as_ref().is_some_and(|server| !server.is_empty()) {
            let reason = "apiServer: not supported; use a Scraper with a source of that cluster";
            return Err(reason.to_owned());
        }
        let selectors = self.selectors.iter().map(|one| {
            let (label, field) = (one.label.clone(), one.field.clone());
            Ok(KubernetesSelector { role: role(&one.role)?, label, field })
        });
        let namespaces = self.namespaces.as_ref().map(|namespaces| KubernetesNamespaces {
            own_namespace: namespaces.own_namespace.unwrap_or(false),
            names: namespaces.names.clone(),
        });
        Ok(KubernetesSdConfig {
            role: Some(role(&self.role)?),
            namespaces,
            selectors: selectors.collect::<Result<_, String>>()?,
            attach_metadata: self.attach_metadata,
            ..KubernetesSdConfig::default()
        })
    }
}

fn role(written: &str) -> Result<KubernetesRole, String> {
    let known = [
        KubernetesRole::Node,
        KubernetesRole::Pod,
        KubernetesRole::Service,
        KubernetesRole::Endpoints,
        KubernetesRole::EndpointSlice,
        KubernetesRole::Ingress,
    ];
    let found = known.into_iter().find(|role| role.as_str().eq_ignore_ascii_case(written));
    found.ok_or_else(|| format!("role: {written:?} is no role of Kubernetes discovery"))
}
