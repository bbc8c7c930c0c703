//! How a StatefulSet and its pods fare.                  (pure)

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use serde_json::json;

use crate::runtime::compare;

/// How far a StatefulSet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Pods asked for.
    pub wanted: i32,
    /// Pods that are ready, of any revision.
    pub ready: i32,
    /// Every pod is of the newest revision and ready.
    pub done: bool,
}

/// How far a StatefulSet is.
pub fn rollout(set: &StatefulSet) -> Rollout {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let Some(status) = &set.status else { return Rollout { wanted, ready: 0, done: false } };
    let ready = status.ready_replicas.unwrap_or_default();
    let seen = status.observed_generation >= set.metadata.generation;
    // With no pods there is nothing of an older revision, whatever the names of revisions say.
    let updated = wanted == 0 || status.updated_replicas.unwrap_or_default() == wanted;
    Rollout { wanted, ready, done: seen && updated && ready == wanted && status.replicas == wanted }
}

/// Why pods are not ready, in one line: the first of them that says something.
pub fn trouble(pods: &[Arc<Pod>]) -> Option<String> {
    pods.iter().find_map(|pod| {
        let status = pod.status.as_ref()?;
        let containers = status.container_statuses.iter().flatten();
        let initial = status.init_container_statuses.iter().flatten();
        let waiting = initial.chain(containers).find_map(container_trouble);
        let unschedulable = || {
            let conditions = status.conditions.iter().flatten();
            let mut unmet = conditions.filter(|c| c.type_ == "PodScheduled" && c.status == "False");
            unmet.next().and_then(|condition| condition.message.clone())
        };
        let line = waiting.or_else(unschedulable)?;
        Some(format!("pod {}: {line}", pod.name_any()))
    })
}

fn container_trouble(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref();
    let waiting = state.and_then(|state| state.waiting.as_ref()).and_then(|waiting| {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let passing = ["ContainerCreating", "PodInitializing", ""].contains(&reason);
        let message = waiting.message.as_deref().unwrap_or_default();
        (!passing).then(|| format!("{reason} {message}").trim_end().to_owned())
    });
    let ended = || {
        let ended = container.last_state.as_ref()?.terminated.as_ref()?;
        (!container.ready).then(|| {
            let reason = ended.reason.as_deref().unwrap_or("Error");
            format!("ended with code {} ({reason}); see its log", ended.exit_code)
        })
    };
    waiting.or_else(ended)
}

/// The pods of a selector in a namespace.
pub fn pods_of(
    all: Vec<Arc<Pod>>,
    namespace: &str,
    selector: &std::collections::BTreeMap<String, String>,
) -> Vec<Arc<Pod>> {
    let bears = |pod: &Arc<Pod>| {
        pod.namespace().as_deref() == Some(namespace)
            && selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
    };
    all.into_iter().filter(bears).collect()
}

/// Whether `live` has to be deleted, its pods kept, before `desired` can be applied: the API server
/// lets only some fields of a StatefulSet change. Volume claim templates do not count here, for
/// the desired ones are taken from the live set.
pub fn must_be_remade(live: &StatefulSet, desired: &StatefulSet) -> bool {
    let (Some(live), Some(desired)) = (&live.spec, &desired.spec) else { return false };
    let fixed = |spec: &k8s_openapi::api::apps::v1::StatefulSetSpec| {
        json!({
            "selector": spec.selector,
            "service": spec.service_name,
            "parallel": spec.pod_management_policy,
            "claims": spec.volume_claim_templates.iter().flatten().map(|claim| json!([
                claim.metadata.name,
                claim.spec.as_ref().and_then(|spec| spec.storage_class_name.clone()),
            ])).collect::<Vec<_>>(),
        })
    };
    let (live, desired) = (fixed(live), fixed(desired));
    !compare::holds(&live, &desired)
}

/// Makes the desired set carry the live set's volume claim templates, which can never change:
/// volumes grow by their claims.
pub fn keep_claim_templates(live: &StatefulSet, desired: &mut StatefulSet) {
    let templates = live.spec.as_ref().and_then(|spec| spec.volume_claim_templates.clone());
    let (Some(live), Some(spec)) = (templates, &mut desired.spec) else { return };
    for template in spec.volume_claim_templates.iter_mut().flatten() {
        let same = live.iter().find(|live| live.metadata.name == template.metadata.name);
        if let Some(same) = same {
            template.metadata = same.metadata.clone();
            if let (Some(to), Some(from)) = (&mut template.spec, &same.spec) {
                to.resources.clone_from(&from.resources);
            }
        }
    }
}
