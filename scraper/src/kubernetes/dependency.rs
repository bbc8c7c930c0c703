//! Whom a change of another object concerns.

use std::collections::HashSet;
use std::sync::Arc;

use crate::kubernetes::covered_pods::pod_of;
use crate::kubernetes::inbox::Feed;
use crate::kubernetes::object::{Node, Pod};
use crate::kubernetes::object_meta::{Meta, ObjectKey, Watchable};
use crate::kubernetes::object_network::{EndpointSlice, Endpoints, Ingress, Service, TargetRef};
use crate::kubernetes::related::Related;
use crate::kubernetes::{
    endpoint_slice_targets, endpoints_targets, ingress_targets, node_targets, pod_targets,
    service_targets,
};
use crate::target_labels::TargetGroup;

/// Objects that lend labels and have changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changed(HashSet<(Feed, ObjectKey)>);

impl Changed {
    /// One more.
    pub fn insert(&mut self, feed: Feed, key: ObjectKey) {
        self.0.insert((feed, key));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether owners of pods are among them.
    pub fn has_owners(&self) -> bool {
        self.0.iter().any(|(feed, _)| matches!(feed, Feed::ReplicaSet | Feed::Job))
    }

    /// Adds those of the pods whose owners are among them.
    pub fn add_owned(&mut self, pods: &[Arc<Pod>]) {
        let owned: Vec<ObjectKey> =
            pods.iter().filter(|pod| self.owns(pod)).map(|pod| pod.metadata.key()).collect();
        self.0.extend(owned.into_iter().map(|key| (Feed::Pod, key)));
    }

    fn has(&self, feed: Feed, key: ObjectKey) -> bool {
        self.0.contains(&(feed, key))
    }

    fn has_node(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.has(Feed::Node, ObjectKey::new("", name)))
    }

    fn has_namespace_of(&self, meta: &Meta) -> bool {
        self.has(Feed::Namespace, ObjectKey::new("", &meta.namespace))
    }

    fn owns(&self, pod: &Pod) -> bool {
        let Some(owner) = &pod.metadata.controller else { return false };
        let feed = match owner.kind.as_str() {
            "ReplicaSet" => Feed::ReplicaSet,
            "Job" => Feed::Job,
            _ => return false,
        };
        let namespace = pod.metadata.namespace.clone();
        self.has(feed, ObjectKey { namespace, name: owner.name.clone() })
    }

    fn is_behind(&self, reference: Option<&TargetRef>, node: Option<&str>) -> bool {
        let node_ref = reference.filter(|one| one.kind.as_str() == "Node");
        pod_of(reference).is_some_and(|key| self.has(Feed::Pod, key))
            || self.has_node(node)
            || self.has_node(node_ref.map(|reference| reference.name.as_str()))
    }
}

/// An object that becomes a group of targets.
pub trait TargetObject: Watchable {
    /// What stands before its key in the group's source.
    const SOURCE: &'static str;

    /// Its targets.
    fn group(&self, related: &dyn Related) -> TargetGroup;

    /// Whether its targets may be others now.
    fn depends_on(&self, changed: &Changed) -> bool;

    /// The group of an object that is gone.
    fn no_group(key: &ObjectKey) -> TargetGroup {
        TargetGroup { source: format!("{}/{key}", Self::SOURCE), ..TargetGroup::default() }
    }
}

impl TargetObject for Node {
    const SOURCE: &'static str = "node";

    fn group(&self, _: &dyn Related) -> TargetGroup {
        node_targets::group(self)
    }

    fn depends_on(&self, _: &Changed) -> bool {
        false
    }
}

impl TargetObject for Pod {
    const SOURCE: &'static str = "pod";

    fn group(&self, related: &dyn Related) -> TargetGroup {
        pod_targets::group(self, related)
    }

    fn depends_on(&self, changed: &Changed) -> bool {
        changed.has_node(Some(&self.spec.node_name))
            || changed.has_namespace_of(&self.metadata)
            || changed.owns(self)
    }
}

impl TargetObject for Service {
    const SOURCE: &'static str = "svc";

    fn group(&self, related: &dyn Related) -> TargetGroup {
        service_targets::group(self, related)
    }

    fn depends_on(&self, changed: &Changed) -> bool {
        changed.has_namespace_of(&self.metadata)
    }
}

impl TargetObject for Ingress {
    const SOURCE: &'static str = "ingress";

    fn group(&self, related: &dyn Related) -> TargetGroup {
        ingress_targets::group(self, related)
    }

    fn depends_on(&self, changed: &Changed) -> bool {
        changed.has_namespace_of(&self.metadata)
    }
}

impl TargetObject for Endpoints {
    const SOURCE: &'static str = "endpoints";

    fn group(&self, related: &dyn Related) -> TargetGroup {
        endpoints_targets::group(self, related)
    }

    fn depends_on(&self, changed: &Changed) -> bool {
        let addresses = |subset: &crate::kubernetes::object_network::Subset| {
            let mut all = subset.addresses.iter().chain(&subset.not_ready_addresses);
            all.any(|one| changed.is_behind(one.target_ref.as_ref(), one.node_name.as_deref()))
        };
        changed.has(Feed::Service, self.metadata.key())
            || changed.has_namespace_of(&self.metadata)
            || self.subsets.iter().any(addresses)
    }
}

impl TargetObject for EndpointSlice {
    const SOURCE: &'static str = "endpointslice";

    fn group(&self, related: &dyn Related) -> TargetGroup {
        endpoint_slice_targets::group(self, related)
    }

    fn depends_on(&self, changed: &Changed) -> bool {
        let service = endpoint_slice_targets::service_of(self);
        service.is_some_and(|key| changed.has(Feed::Service, key))
            || changed.has_namespace_of(&self.metadata)
            || self
                .endpoints
                .iter()
                .any(|one| changed.is_behind(one.target_ref.as_ref(), one.node_name.as_deref()))
    }
}

#[cfg(test)]
mod tests;
