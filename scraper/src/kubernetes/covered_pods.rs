//! The pods behind a service and the ports it covers.

use std::sync::Arc;

use protocol::labels::{Labels, LabelsBuilder};

use crate::kubernetes::meta_labels::{ADDRESS, host_and_port};
use crate::kubernetes::object::Pod;
use crate::kubernetes::object_meta::ObjectKey;
use crate::kubernetes::object_network::TargetRef;
use crate::kubernetes::pod_targets::{add_container, add_pod};
use crate::kubernetes::related::Related;

/// In the order in which they were met.
#[derive(Default)]
pub struct CoveredPods(Vec<(ObjectKey, Arc<Pod>, Vec<u16>)>);

impl CoveredPods {
    /// Adds to a target the labels of the pod behind it, if there is one and it is known, and those
    /// of the container that declares the port.
    pub fn cover(
        &mut self,
        target: &mut LabelsBuilder,
        reference: Option<&TargetRef>,
        port: Option<u16>,
        related: &dyn Related,
    ) {
        let Some(key) = pod_of(reference) else { return };
        let Some(pod) = related.pod(&key) else { return };
        add_pod(target, &pod, related);
        // Where several containers declare the port, the last one names the target.
        for (container, init) in pod.spec.all_containers() {
            let declared = container.ports.iter().find(|one| Some(one.container_port) == port);
            if let Some(declared) = declared {
                add_container(target, container, init, declared);
            }
        }
        let at = self.0.iter().position(|(known, _, _)| *known == key).unwrap_or_else(|| {
            self.0.push((key, pod, Vec::new()));
            self.0.len() - 1
        });
        self.0[at].2.extend(port);
    }

    /// Targets for the declared ports of these pods that no endpoint covers.
    pub fn uncovered(self, related: &dyn Related) -> Vec<Labels> {
        let mut targets = Vec::new();
        for (_, pod, covered) in self.0.iter().filter(|(_, pod, _)| !pod.status.pod_ip.is_empty()) {
            for (container, init) in pod.spec.all_containers() {
                for port in &container.ports {
                    if covered.contains(&port.container_port) {
                        continue;
                    }
                    let mut target = LabelsBuilder::default();
                    target.set(ADDRESS, host_and_port(&pod.status.pod_ip, port.container_port));
                    add_container(&mut target, container, init, port);
                    add_pod(&mut target, pod, related);
                    targets.push(target.build());
                }
            }
        }
        targets
    }
}

/// The pod that is meant, if a pod is meant.
pub fn pod_of(reference: Option<&TargetRef>) -> Option<ObjectKey> {
    let reference = reference.filter(|reference| reference.kind.as_str() == "Pod")?;
    Some(ObjectKey { namespace: reference.namespace.clone(), name: reference.name.clone() })
}
