//! What monitors say of a job beside its targets.

use std::collections::BTreeMap;

use protocol::byte_size::ByteSize;
use protocol::relabel::RelabelConfig;
use protocol::scrape_config::ScrapeConfig;
use protocol::scrape_config_discovery::{
    AttachMetadata, KubernetesNamespaces, KubernetesRole, KubernetesSdConfig,
};
use protocol::time::PromDuration;
use serde::Deserialize;
use serde_json::Value;

use crate::monitors::Identity;
use crate::monitors::http_fields::HttpFields;
use crate::monitors::relabeling::Relabeling;

/// A port by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Port {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

impl Port {
    /// As text; `None` where it says nothing.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Number(0) => None,
            Self::Number(number) => Some(number.to_string()),
            Self::Name(name) => (!name.is_empty()).then(|| name.clone()),
        }
    }
}

/// Where a monitor looks for targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamespaceFields {
    /// Everywhere.
    pub any: bool,
    /// By name; its own namespace where there are none.
    pub match_names: Vec<String>,
}

/// What a whole monitor bounds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LimitFields {
    /// Samples of one scrape.
    pub sample_limit: Option<u64>,
    /// Targets of one job.
    pub target_limit: Option<u64>,
    /// Labels of a series.
    pub label_limit: Option<u64>,
    /// Bytes of a name.
    pub label_name_length_limit: Option<u64>,
    /// Bytes of a value.
    pub label_value_length_limit: Option<u64>,
    /// Remembered ones.
    pub keep_dropped_targets: Option<u64>,
    /// Bytes of a body.
    pub body_size_limit: Option<String>,
    /// What to ask for.
    pub scrape_protocols: Option<Vec<String>>,
    /// What a body without a type is.
    pub fallback_scrape_protocol: Option<String>,
    /// Wanted.
    pub scrape_native_histograms: Option<bool>,
    /// Beside native ones.
    pub scrape_classic_histograms: Option<bool>,
    /// Of one histogram.
    pub native_histogram_bucket_limit: Option<u64>,
    /// A quantity.
    pub native_histogram_min_bucket_factor: Option<Value>,
    /// Become native ones.
    #[serde(alias = "convertClassicHistogramsToNHCB")]
    pub convert_classic_histograms_to_nhcb: Option<bool>,
    /// Belongs to a Prometheus object.
    pub scrape_class: Option<String>,
}

impl LimitFields {
    /// Fills the job's own fields in.
    pub fn fill(&self, job: &mut ScrapeConfig) -> Result<(), String> {
        if self.scrape_class.as_ref().is_some_and(|class| !class.is_empty()) {
            let reason = "scrapeClass: not supported: classes belong to a Prometheus object; write \
                          what the class says into the monitor";
            return Err(reason.to_owned());
        }
        job.sample_limit = self.sample_limit;
        job.target_limit = self.target_limit;
        job.label_limit = self.label_limit;
        job.label_name_length_limit = self.label_name_length_limit;
        job.label_value_length_limit = self.label_value_length_limit;
        job.keep_dropped_targets = self.keep_dropped_targets;
        job.scrape_protocols.clone_from(&self.scrape_protocols);
        job.fallback_scrape_protocol.clone_from(&self.fallback_scrape_protocol);
        job.scrape_native_histograms = self.scrape_native_histograms;
        job.always_scrape_classic_histograms = self.scrape_classic_histograms;
        job.native_histogram_bucket_limit = self.native_histogram_bucket_limit;
        job.convert_classic_histograms_to_nhcb = self.convert_classic_histograms_to_nhcb;
        if let Some(size) = self.body_size_limit.as_ref().filter(|size| !size.is_empty()) {
            let size: Result<ByteSize, _> = size.parse();
            job.body_size_limit = Some(size.map_err(|error| format!("bodySizeLimit: {error}"))?);
        }
        if let Some(factor) = &self.native_histogram_min_bucket_factor {
            job.native_histogram_min_bucket_factor = Some(quantity(factor)?);
        }
        Ok(())
    }
}

/// One endpoint of a PodMonitor or a ServiceMonitor.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointFields {
    /// By name.
    pub port: Option<String>,
    /// By number.
    pub port_number: Option<u32>,
    /// By the container's name or number.
    pub target_port: Option<Port>,
    /// Default `/metrics`.
    pub path: Option<String>,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// Query parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// How often.
    pub interval: Option<String>,
    /// How long an answer may take.
    pub scrape_timeout: Option<String>,
    /// Let exposed labels win.
    pub honor_labels: bool,
    /// Take exposed timestamps.
    pub honor_timestamps: Option<bool>,
    /// Also mark the end of series that carry timestamps.
    pub track_timestamps_staleness: Option<bool>,
    /// From exposed to stored.
    pub metric_relabelings: Vec<Relabeling>,
    /// From discovered to scraped.
    pub relabelings: Vec<Relabeling>,
    /// Leave pods out that have ended. Default true.
    pub filter_running: Option<bool>,
    /// How targets are asked.
    #[serde(flatten)]
    pub http: HttpFields,
}

impl EndpointFields {
    /// Fills the job's own fields in, all but the credentials and the targets.
    pub fn fill(&self, job: &mut ScrapeConfig) -> Result<(), String> {
        job.honor_labels = Some(self.honor_labels);
        job.honor_timestamps = self.honor_timestamps;
        job.track_timestamps_staleness = self.track_timestamps_staleness;
        job.scrape_interval = duration("interval", self.interval.as_deref())?;
        job.scrape_timeout = duration("scrapeTimeout", self.scrape_timeout.as_deref())?;
        job.metrics_path = self.path.clone().filter(|path| !path.is_empty());
        job.scheme = scheme(self.scheme.as_deref());
        job.params = self.params.clone();
        job.metric_relabel_configs = rules(&self.metric_relabelings);
        Ok(())
    }

    /// Says which endpoint a reason is about.
    pub fn told(at: usize, field: &str) -> impl Fn(String) -> String {
        move |reason| format!("{field}[{at}].{reason}")
    }
}

/// A duration in Prometheus's words; nothing where nothing is written.
pub fn duration(field: &str, text: Option<&str>) -> Result<Option<PromDuration>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| format!("{field}: {error}"))
}

/// Newer objects also write it in capitals.
pub fn scheme(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_ascii_lowercase)
}

/// The rules of a list.
pub fn rules(written: &[Relabeling]) -> Vec<Option<RelabelConfig>> {
    written.iter().map(|one| Some(one.rule())).collect()
}

/// What Kubernetes is asked for.
pub fn discovery(
    role: KubernetesRole,
    at: Identity<'_>,
    namespaces: &NamespaceFields,
    attach: Option<AttachMetadata>,
) -> KubernetesSdConfig {
    let names = match namespaces.match_names.as_slice() {
        [] => vec![at.namespace.to_owned()],
        names => names.to_vec(),
    };
    let own_namespace = false;
    KubernetesSdConfig {
        role: Some(role),
        namespaces: (!namespaces.any).then_some(KubernetesNamespaces { own_namespace, names }),
        attach_metadata: attach,
        ..KubernetesSdConfig::default()
    }
}

/// A Kubernetes quantity of a small factor: a number or its text, perhaps in thousandths.
fn quantity(value: &Value) -> Result<f64, String> {
    let text = match value {
        Value::Number(number) => return Ok(number.as_f64().unwrap_or_default()),
        Value::String(text) => text.as_str(),
        _ => "",
    };
    let (digits, scale) = match text.strip_suffix('m') {
        Some(digits) => (digits, 1000.0),
        None => (text, 1.0),
    };
    let number: Result<f64, _> = digits.parse();
    let number = number.map(|number| number / scale);
    number.map_err(|_| format!("nativeHistogramMinBucketFactor: {text:?} is no quantity"))
}
