//! PodMonitor: each endpoint of each selected pod.

use protocol::relabel::RelabelConfig;
use protocol::scrape_config::ScrapeConfig;
use protocol::scrape_config_discovery::{AttachMetadata, KubernetesRole};
use serde::Deserialize;

use crate::monitors::Identity;
use crate::monitors::job_fields::{EndpointFields, LimitFields, NamespaceFields, discovery, rules};
use crate::monitors::relabeling::{
    Selector, copy, copy_if_set, keep, only_running, quote, sanitize, select, write,
};
use crate::monitors::values::{Reader, Values};

/// What of a PodMonitor is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodMonitorSpec {
    /// A label of the pod that names the job.
    pub job_label: String,
    /// Labels of the pod that become the target's.
    pub pod_target_labels: Vec<String>,
    /// What of each pod is scraped.
    pub pod_metrics_endpoints: Vec<EndpointFields>,
    /// Which pods.
    pub selector: Selector,
    /// Where.
    pub namespace_selector: NamespaceFields,
    /// Labels of the node.
    pub attach_metadata: Option<AttachMetadata>,
    /// Bounds and formats.
    #[serde(flatten)]
    pub limits: LimitFields,
}

/// One job an endpoint.
pub fn jobs(
    at: Identity<'_>,
    spec: &PodMonitorSpec,
    values: &dyn Values,
) -> Result<Vec<ScrapeConfig>, String> {
    let reader = Reader { namespace: at.namespace, values };
    let each = spec.pod_metrics_endpoints.iter().enumerate();
    each.map(|(index, endpoint)| {
        let told = EndpointFields::told(index, "podMetricsEndpoints");
        let mut job = ScrapeConfig {
            job_name: format!("podMonitor/{}/{}/{index}", at.namespace, at.name),
            ..ScrapeConfig::default()
        };
        endpoint.fill(&mut job).map_err(&told)?;
        endpoint.http.fill(&mut job, &reader).map_err(&told)?;
        spec.limits.fill(&mut job)?;
        let attach = spec.attach_metadata.filter(|attach| attach.node);
        let found = discovery(KubernetesRole::Pod, at, &spec.namespace_selector, attach);
        job.kubernetes_sd_configs.push(found);
        let mut relabel = relabeling(at, spec, endpoint)?;
        relabel.extend(rules(&endpoint.relabelings).into_iter().flatten());
        job.relabel_configs = relabel.into_iter().map(Some).collect();
        Ok(job)
    })
    .collect()
}

fn relabeling(
    at: Identity<'_>,
    spec: &PodMonitorSpec,
    endpoint: &EndpointFields,
) -> Result<Vec<RelabelConfig>, String> {
    let mut rules = vec![copy("job", "__tmp_prometheus_job_name")];
    if endpoint.filter_running != Some(false) {
        rules.push(only_running());
    }
    rules.extend(select(&spec.selector, "pod")?);
    let named = endpoint.port.clone().filter(|port| !port.is_empty());
    let number = endpoint.port_number.filter(|number| *number > 0).map(|n| n.to_string());
    let target = endpoint.target_port.as_ref().and_then(|port| port.text());
    let is_number = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
    let (label, port) = match (named, number, target) {
        (Some(name), _, _) => ("name", Some(name)),
        (None, Some(number), _) => ("number", Some(number)),
        (None, None, Some(port)) if is_number(&port) => ("number", Some(port)),
        (None, None, port) => ("name", port),
    };
    if let Some(port) = &port {
        let label = format!("__meta_kubernetes_pod_container_port_{label}");
        rules.push(keep(&[&label], &quote(port)));
    }
    rules.extend([
        copy("__meta_kubernetes_namespace", "namespace"),
        copy("__meta_kubernetes_pod_container_name", "container"),
        copy("__meta_kubernetes_pod_name", "pod"),
    ]);
    rules.extend(spec.pod_target_labels.iter().map(|label| pod_label(label)));
    rules.push(write("job", &format!("{}/{}", at.namespace, at.name)));
    if !spec.job_label.is_empty() {
        let label = format!("__meta_kubernetes_pod_label_{}", sanitize(&spec.job_label));
        rules.push(copy_if_set(&label, "job"));
    }
    rules.extend(port.map(|port| write("endpoint", &port)));
    Ok(rules)
}

/// A label of the pod becomes the target's.
pub fn pod_label(label: &str) -> RelabelConfig {
    let name = sanitize(label);
    copy_if_set(&format!("__meta_kubernetes_pod_label_{name}"), &name)
}
