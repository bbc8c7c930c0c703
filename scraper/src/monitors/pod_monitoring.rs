//! PodMonitoring of Google's managed collection.
//!
//! The labels that Google sets from its own cloud (`project_id`, `location`, `cluster`) are left to
//! the Scraper's `externalLabels`; like Google, nobody may relabel onto them.

use std::collections::{BTreeMap, BTreeSet};

use protocol::go_regex::GoRegex;
use protocol::relabel::RelabelConfig;
use protocol::scrape_config::ScrapeConfig;
use protocol::scrape_config_discovery::KubernetesRole;
use serde::Deserialize;

use crate::monitors::Identity;
use crate::monitors::job_fields::{NamespaceFields, Port, discovery, duration, scheme};
use crate::monitors::pod_monitoring_http::GmpHttpFields;
use crate::monitors::relabeling::{
    Relabeling, Selector, copy, keep, only_running, quote, replace, sanitize, select, write,
};
use crate::monitors::values::{Reader, Values};

/// Labels that identify a target; no rule may write or drop them.
const PROTECTED: [&str; 7] =
    ["project_id", "location", "cluster", "namespace", "job", "instance", "__address__"];

/// What of a PodMonitoring is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodMonitoringSpec {
    /// Which pods of its own namespace.
    pub selector: Selector,
    /// What of each pod is scraped.
    pub endpoints: Vec<GmpEndpoint>,
    /// Labels of the targets.
    pub target_labels: TargetLabels,
    /// Bounds.
    pub limits: GmpLimits,
    /// Leave pods out that have ended. Default true.
    pub filter_running: Option<bool>,
}

/// What of each pod is scraped.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GmpEndpoint {
    /// By name or number.
    pub port: Option<Port>,
    /// `http` or `https`.
    pub scheme: Option<String>,
    /// Default `/metrics`.
    pub path: Option<String>,
    /// Query parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// How often.
    pub interval: Option<String>,
    /// How long an answer may take.
    pub timeout: Option<String>,
    /// From exposed to stored.
    pub metric_relabeling: Vec<Relabeling>,
    /// How targets are asked.
    #[serde(flatten)]
    pub http: GmpHttpFields,
}

/// Labels of the targets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TargetLabels {
    /// Of these: pod, container, node, top_level_controller_name, top_level_controller_type.
    pub metadata: Option<Vec<String>>,
    /// Labels of the pod.
    pub from_pod: Vec<LabelMapping>,
}

/// A label of the pod, and the target's of the same value.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LabelMapping {
    /// The pod's.
    pub from: String,
    /// The target's; the pod's where empty.
    pub to: String,
}

/// Bounds of one scrape.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GmpLimits {
    /// Samples.
    pub samples: Option<u64>,
    /// Labels of a series.
    pub labels: Option<u64>,
    /// Bytes of a name.
    pub label_name_length: Option<u64>,
    /// Bytes of a value.
    pub label_value_length: Option<u64>,
}

/// One job an endpoint.
pub fn jobs(
    at: Identity<'_>,
    spec: &PodMonitoringSpec,
    values: &dyn Values,
) -> Result<Vec<ScrapeConfig>, String> {
    let mut seen = BTreeSet::new();
    let each = spec.endpoints.iter().enumerate();
    each.map(|(index, endpoint)| {
        let told = |reason: String| format!("endpoints[{index}].{reason}");
        let port = endpoint.port.as_ref().and_then(Port::text);
        let port = port.ok_or_else(|| told("port: must be set".to_owned()))?;
        let job_name = format!("PodMonitoring/{}/{}/{port}", at.namespace, at.name);
        if !seen.insert(job_name.clone()) {
            return Err(told(format!("port: {port:?} is used by another endpoint")));
        }
        let mut job = ScrapeConfig {
            job_name,
            scrape_interval: duration("interval", endpoint.interval.as_deref()).map_err(told)?,
            scrape_timeout: duration("timeout", endpoint.timeout.as_deref()).map_err(told)?,
            metrics_path: endpoint.path.clone().filter(|path| !path.is_empty()),
            scheme: scheme(endpoint.scheme.as_deref()),
            params: endpoint.params.clone(),
            sample_limit: spec.limits.samples,
            label_limit: spec.limits.labels,
            label_name_length_limit: spec.limits.label_name_length,
            label_value_length_limit: spec.limits.label_value_length,
            ..ScrapeConfig::default()
        };
        endpoint.http.fill(&mut job, &Reader { namespace: at.namespace, values }).map_err(told)?;
        let own = NamespaceFields::default();
        job.kubernetes_sd_configs.push(discovery(KubernetesRole::Pod, at, &own, None));
        job.relabel_configs = relabeling(at, spec, endpoint)?.into_iter().map(Some).collect();
        for (rule, written) in endpoint.metric_relabeling.iter().enumerate() {
            permitted(written)
                .map_err(|reason| told(format!("metricRelabeling[{rule}]: {reason}")))?;
            job.metric_relabel_configs.push(Some(written.rule()));
        }
        Ok(job)
    })
    .collect()
}

fn relabeling(
    at: Identity<'_>,
    spec: &PodMonitoringSpec,
    endpoint: &GmpEndpoint,
) -> Result<Vec<RelabelConfig>, String> {
    let mut rules = vec![keep(&["__meta_kubernetes_namespace"], &quote(at.namespace))];
    rules.extend(select(&spec.selector, "pod")?);
    rules.extend(metadata(spec.target_labels.metadata.as_deref().unwrap_or_default())?);
    rules.push(copy("__meta_kubernetes_namespace", "namespace"));
    rules.push(write("job", at.name));
    if spec.filter_running != Some(false) {
        rules.push(only_running());
    }
    // A pod of a DaemonSet goes by its node's name, every other one by its own.
    let owner = ["__meta_kubernetes_pod_controller_kind", "__meta_kubernetes_pod_node_name"];
    rules.push(copy("__meta_kubernetes_pod_name", "__tmp_instance"));
    rules.push(replace(&owner, "DaemonSet;(.*)", "__tmp_instance", "$1"));
    match &endpoint.port {
        Some(Port::Number(port)) => {
            // Whether or not the pod declares the port, there is one target: all candidates of the
            // pod become the same.
            rules.push(RelabelConfig {
                action: Some("labeldrop".to_owned()),
                regex: Some("container".to_owned()),
                ..RelabelConfig::default()
            });
            let with_port = format!("$1:{port}");
            rules.push(replace(&["__tmp_instance"], "(.*)", "instance", &with_port));
            rules.push(replace(&["__meta_kubernetes_pod_ip"], "(.*)", "__address__", &with_port));
        }
        Some(Port::Name(port)) => {
            let name = "__meta_kubernetes_pod_container_port_name";
            rules.push(keep(&[name], &quote(port)));
            rules.push(replace(&["__tmp_instance", name], "(.+);(.+)", "instance", "$1:$2"));
        }
        None => {}
    }
    for (index, mapping) in spec.target_labels.from_pod.iter().enumerate() {
        let to = if mapping.to.is_empty() { &mapping.from } else { &mapping.to };
        if PROTECTED.contains(&to.as_str()) {
            let reason = "is protected: it identifies the target";
            return Err(format!("targetLabels.fromPod[{index}]: {to:?} {reason}"));
        }
        let from = format!("__meta_kubernetes_pod_label_{}", sanitize(&mapping.from));
        rules.push(copy(&from, to));
    }
    Ok(rules)
}

fn metadata(labels: &[String]) -> Result<Vec<RelabelConfig>, String> {
    const KIND: &str = "__meta_kubernetes_pod_controller_kind";
    const NAME: &str = "__meta_kubernetes_pod_controller_name";
    const TEMPLATE: &str = "__meta_kubernetes_pod_labelpresent_pod_template_hash";
    // A ReplicaSet of a hashed template is a Deployment's; a Job of a dated name a CronJob's.
    let of_deployment = "ReplicaSet;true;(.+)-[a-z0-9]+";
    let of_cron_job = r"Job;(.+)-\d{8}$";
    let mut rules = Vec::new();
    // In a fixed order, whatever the order they are written in.
    let has = |label: &str| labels.iter().any(|one| one == label);
    for (label, source) in [
        ("pod", "__meta_kubernetes_pod_name"),
        ("container", "__meta_kubernetes_pod_container_name"),
        ("node", "__meta_kubernetes_pod_node_name"),
    ] {
        rules.extend(has(label).then(|| copy(source, label)));
    }
    if has("top_level_controller_name") {
        let target = "top_level_controller_name";
        rules.push(copy(NAME, target));
        rules.push(replace(&[KIND, TEMPLATE, NAME], of_deployment, target, "$1"));
        rules.push(replace(&[KIND, NAME], of_cron_job, target, "$1"));
    }
    if has("top_level_controller_type") {
        let target = "top_level_controller_type";
        rules.push(copy(KIND, target));
        rules.push(replace(&[KIND, TEMPLATE, NAME], of_deployment, target, "Deployment"));
        rules.push(replace(&[KIND, NAME], of_cron_job, target, "CronJob"));
    }
    let known =
        ["pod", "container", "node", "top_level_controller_name", "top_level_controller_type"];
    match labels.iter().find(|label| !known.contains(&label.as_str())) {
        None => Ok(rules),
        Some(label) => {
            Err(format!("targetLabels.metadata: {label:?} is none of {}", known.join(", ")))
        }
    }
}

/// Whether a rule leaves the protected labels alone.
fn permitted(rule: &Relabeling) -> Result<(), String> {
    let written = if rule.regex.is_empty() { "(.*)" } else { &rule.regex };
    let matches = |label: &&str| {
        GoRegex::anchored(written).map(|regex| regex.is_match(label)).map_err(|e| e.to_string())
    };
    match rule.action.to_ascii_lowercase().as_str() {
        "" | "replace" | "hashmod" | "lowercase" | "uppercase" => {
            if PROTECTED.contains(&rule.target_label.as_str()) {
                let label = &rule.target_label;
                return Err(format!("{label:?} is protected: it identifies the target"));
            }
            Ok(())
        }
        "labeldrop" => match PROTECTED.iter().find(|label| matches(label) == Ok(true)) {
            Some(label) => Err(format!("would drop the protected label {label:?}")),
            None => Ok(()),
        },
        "labelkeep" => match PROTECTED.iter().find(|label| matches(label) == Ok(false)) {
            Some(label) => Err(format!("would drop the protected label {label:?}")),
            None => Ok(()),
        },
        "labelmap" => Err("labelmap is not allowed: it could write a protected label".to_owned()),
        // Those that only filter; a wrong name is found where the job is validated.
        _ => Ok(()),
    }
}
