//! ServiceMonitor: each endpoint behind the selected services.

use protocol::relabel::RelabelConfig;
use protocol::scrape_config::ScrapeConfig;
use protocol::scrape_config_discovery::{AttachMetadata, KubernetesRole};
use serde::Deserialize;

use crate::monitors::Identity;
use crate::monitors::job_fields::{
    EndpointFields, LimitFields, NamespaceFields, Port, discovery, rules,
};
use crate::monitors::pod_monitor::pod_label;
use crate::monitors::relabeling::{
    Selector, copy, copy_if_set, keep, only_running, quote, replace, sanitize, select, write,
};
use crate::monitors::values::{Reader, Values};

/// What of a ServiceMonitor is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceMonitorSpec {
    /// A label of the service that names the job.
    pub job_label: String,
    /// Labels of the service that become the target's.
    pub target_labels: Vec<String>,
    /// Labels of the pod that become the target's.
    pub pod_target_labels: Vec<String>,
    /// What of each service is scraped.
    pub endpoints: Vec<EndpointFields>,
    /// Which services.
    pub selector: Selector,
    /// Where.
    pub namespace_selector: NamespaceFields,
    /// Labels of the node.
    pub attach_metadata: Option<AttachMetadata>,
    /// `Endpoints` or `EndpointSlice`.
    pub service_discovery_role: Option<String>,
    /// Bounds and formats.
    #[serde(flatten)]
    pub limits: LimitFields,
}

/// One job an endpoint.
pub fn jobs(
    at: Identity<'_>,
    spec: &ServiceMonitorSpec,
    values: &dyn Values,
) -> Result<Vec<ScrapeConfig>, String> {
    let reader = Reader { namespace: at.namespace, values };
    let role = match spec.service_discovery_role.as_deref() {
        // Slices say the same and are cheaper to watch, but the labels of series may be built of
        // meta labels of the older kind: those are what an unchanged monitor expects.
        None | Some("" | "Endpoints") => KubernetesRole::Endpoints,
        Some("EndpointSlice") => KubernetesRole::EndpointSlice,
        Some(other) => {
            return Err(format!(
                "serviceDiscoveryRole: {other:?} is neither Endpoints nor EndpointSlice"
            ));
        }
    };
    let each = spec.endpoints.iter().enumerate();
    each.map(|(index, endpoint)| {
        let told = EndpointFields::told(index, "endpoints");
        let mut job = ScrapeConfig {
            job_name: format!("serviceMonitor/{}/{}/{index}", at.namespace, at.name),
            ..ScrapeConfig::default()
        };
        endpoint.fill(&mut job).map_err(&told)?;
        endpoint.http.fill(&mut job, &reader).map_err(&told)?;
        spec.limits.fill(&mut job)?;
        let attach = spec.attach_metadata.filter(|attach| attach.node);
        job.kubernetes_sd_configs.push(discovery(role, at, &spec.namespace_selector, attach));
        let mut relabel = relabeling(spec, role, endpoint)?;
        relabel.extend(rules(&endpoint.relabelings).into_iter().flatten());
        job.relabel_configs = relabel.into_iter().map(Some).collect();
        Ok(job)
    })
    .collect()
}

fn relabeling(
    spec: &ServiceMonitorSpec,
    role: KubernetesRole,
    endpoint: &EndpointFields,
) -> Result<Vec<RelabelConfig>, String> {
    let object = match role {
        KubernetesRole::EndpointSlice => "endpointslice",
        _ => "endpoint",
    };
    let mut rules = vec![copy("job", "__tmp_prometheus_job_name")];
    rules.extend(select(&spec.selector, "service")?);
    let named = endpoint.port.clone().filter(|port| !port.is_empty());
    let target = endpoint.target_port.as_ref().filter(|_| named.is_none());
    let shown = named.clone().or_else(|| target.and_then(Port::text));
    if let Some(port) = &shown {
        let label = match target {
            None => format!("__meta_kubernetes_{object}_port_name"),
            Some(Port::Name(_)) => "__meta_kubernetes_pod_container_port_name".to_owned(),
            Some(Port::Number(_)) => "__meta_kubernetes_pod_container_port_number".to_owned(),
        };
        rules.push(keep(&[&label], &quote(port)));
    }
    let kind = format!("__meta_kubernetes_{object}_address_target_kind");
    let name = format!("__meta_kubernetes_{object}_address_target_name");
    rules.extend([
        replace(&[&kind, &name], "Node;(.*)", "node", "${1}"),
        replace(&[&kind, &name], "Pod;(.*)", "pod", "${1}"),
        copy("__meta_kubernetes_namespace", "namespace"),
        copy("__meta_kubernetes_service_name", "service"),
        copy("__meta_kubernetes_pod_name", "pod"),
        copy("__meta_kubernetes_pod_container_name", "container"),
    ]);
    if endpoint.filter_running != Some(false) {
        rules.push(only_running());
    }
    rules.extend(spec.target_labels.iter().map(|label| {
        let name = sanitize(label);
        copy_if_set(&format!("__meta_kubernetes_service_label_{name}"), &name)
    }));
    rules.extend(spec.pod_target_labels.iter().map(|label| pod_label(label)));
    rules.push(copy("__meta_kubernetes_service_name", "job"));
    if !spec.job_label.is_empty() {
        let label = format!("__meta_kubernetes_service_label_{}", sanitize(&spec.job_label));
        rules.push(copy_if_set(&label, "job"));
    }
    rules.extend(shown.map(|port| write("endpoint", &port)));
    Ok(rules)
}
