//! Objects and label tables of the tests.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::labels::Labels;
use protocol::scrape_config_discovery::AttachMetadata;
use serde::de::DeserializeOwned;

use crate::kubernetes::object::{Job, Namespace, Node, Pod, ReplicaSet};
use crate::kubernetes::object_meta::{ObjectKey, Watchable};
use crate::kubernetes::object_network::Service;
use crate::kubernetes::related::Related;
use crate::target_labels::TargetGroup;

/// An object from YAML.
pub fn object<T: DeserializeOwned>(yaml: &str) -> T {
    let value: serde_json::Value = protocol::yaml::parse(yaml).expect("YAML of a test");
    serde_json::from_value(value).expect("an object of a test")
}

/// What is known of other objects.
#[derive(Default)]
pub struct Known {
    /// Which of them lend labels.
    pub attach: AttachMetadata,
    pods: HashMap<ObjectKey, Arc<Pod>>,
    services: HashMap<ObjectKey, Arc<Service>>,
    nodes: HashMap<ObjectKey, Arc<Node>>,
    namespaces: HashMap<ObjectKey, Arc<Namespace>>,
    replica_sets: HashMap<ObjectKey, Arc<ReplicaSet>>,
    jobs: HashMap<ObjectKey, Arc<Job>>,
}

fn put<T: Watchable>(map: &mut HashMap<ObjectKey, Arc<T>>, yaml: &str) {
    let object: T = object(yaml);
    map.insert(object.meta().key(), Arc::new(object));
}

impl Known {
    /// Nothing lends, nothing is known.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Nodes and namespaces lend their labels.
    pub fn attaching() -> Self {
        let attach = AttachMetadata {
            node: true,
            namespace: true,
            deployment: true,
            job: true,
            cronjob: true,
        };
        Self { attach, ..Self::default() }
    }

    /// Takes one more object; its kind stands in the YAML.
    pub fn with(mut self, kind: &str, yaml: &str) -> Self {
        match kind {
            "Pod" => put(&mut self.pods, yaml),
            "Service" => put(&mut self.services, yaml),
            "Node" => put(&mut self.nodes, yaml),
            "Namespace" => put(&mut self.namespaces, yaml),
            "ReplicaSet" => put(&mut self.replica_sets, yaml),
            "Job" => put(&mut self.jobs, yaml),
            other => panic!("no kind {other}"),
        }
        self
    }
}

impl Related for Known {
    fn attach(&self) -> AttachMetadata {
        self.attach
    }

    fn pod(&self, key: &ObjectKey) -> Option<Arc<Pod>> {
        self.pods.get(key).cloned()
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key).cloned()
    }

    fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.nodes.get(&ObjectKey::new("", name)).cloned()
    }

    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces.get(&ObjectKey::new("", name)).cloned()
    }

    fn replica_set(&self, key: &ObjectKey) -> Option<Arc<ReplicaSet>> {
        self.replica_sets.get(key).cloned()
    }

    fn job(&self, key: &ObjectKey) -> Option<Arc<Job>> {
        self.jobs.get(key).cloned()
    }
}

/// Labels as lines `name=value`, the common prefix left out.
pub fn lines(labels: &Labels) -> Vec<String> {
    let short = |name: &str| name.strip_prefix("__meta_kubernetes_").unwrap_or(name).to_owned();
    labels.iter().map(|(name, value)| format!("{}={value}", short(name))).collect()
}

/// Compares a group with the lines that it must have, in any order.
#[track_caller]
pub fn assert_group(group: &TargetGroup, source: &str, common: &str, targets: &[&str]) {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let shown = |labels: &Labels| {
        let mut lines = lines(labels);
        lines.sort();
        lines
    };
    assert_eq!(group.source, source);
    assert_eq!(shown(&group.labels), sorted(common), "the labels of the group");
    let found: Vec<Vec<String>> = group.targets.iter().map(shown).collect();
    let expected: Vec<Vec<String>> = targets.iter().map(|text| sorted(text)).collect();
    assert_eq!(found, expected, "the targets");
}
