//! The watches that one configuration needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::scrape_config_discovery::{AttachMetadata, KubernetesRole, KubernetesSdConfig};

use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::dependency::Changed;
use crate::kubernetes::inbox::{Feed, Inbox};
use crate::kubernetes::object::{Job, Namespace, Node, Pod, ReplicaSet};
use crate::kubernetes::object_meta::{ObjectKey, Watchable};
use crate::kubernetes::object_network::Service;
use crate::kubernetes::related::Related;
use crate::kubernetes::watch::Watch;
use crate::kubernetes::watch_loop::Selection;

/// Reasons of one piece of trouble: enough to see the pattern.
const TROUBLES_MAX: usize = 3;

/// A configuration with its namespaces found.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What becomes a group of targets.
    pub role: KubernetesRole,
    /// `None` alone: all of them.
    pub namespaces: Vec<Option<String>>,
    /// What narrows the watches.
    pub config: KubernetesSdConfig,
}

impl Plan {
    /// `own_namespace` is the one the process runs in, where that is known.
    pub fn new(config: &KubernetesSdConfig, own_namespace: Option<&str>) -> Result<Self, String> {
        let role = config.role.ok_or("kubernetes_sd_configs: role must be set")?;
        let wanted = config.namespaces.clone().unwrap_or_default();
        let mut names: BTreeSet<String> = wanted.names.into_iter().collect();
        if wanted.own_namespace {
            let own = own_namespace.ok_or(
                "kubernetes_sd_configs: namespaces.own_namespace: the process does not run in \
                 this cluster; name the namespace",
            )?;
            names.insert(own.to_owned());
        }
        let namespaces =
            if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        Ok(Self { role, namespaces, config: config.clone() })
    }

    fn selection(&self, role: Option<KubernetesRole>, namespace: Option<String>) -> Selection {
        let mut selectors = self.config.selectors.iter();
        let selector = selectors.find(|selector| Some(selector.role) == role);
        let set = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        Selection {
            namespace,
            label: set(selector.and_then(|selector| selector.label.as_ref())),
            field: set(selector.and_then(|selector| selector.field.as_ref())),
        }
    }
}

/// The watches of one kind, one a namespace.
pub struct Many<T>(Vec<(Option<String>, Arc<Watch<T>>)>);

impl<T: Watchable> Many<T> {
    /// `role` names the selector that narrows it.
    pub fn open(
        cluster: &Cluster,
        plan: &Plan,
        role: impl Into<Option<KubernetesRole>>,
        feed: Feed,
        inbox: &Arc<Inbox>,
    ) -> Self {
        let role = role.into();
        let all = [None];
        let namespaces = if T::NAMESPACED { plan.namespaces.as_slice() } else { &all };
        let open = |namespace: &Option<String>| {
            let watch = cluster.watch::<T>(plan.selection(role, namespace.clone()));
            watch.store().listen(feed, inbox);
            (namespace.clone(), watch)
        };
        Self(namespaces.iter().map(open).collect())
    }

    fn none() -> Self {
        Self(Vec::new())
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<T>> {
        let covers = |namespace: &Option<String>| {
            namespace.as_deref().is_none_or(|namespace| namespace == key.namespace.as_str())
        };
        let mut watches = self.0.iter().filter(|(namespace, _)| covers(namespace));
        watches.find_map(|(_, watch)| watch.store().get(key))
    }

    /// All objects.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.0.iter().flat_map(|(_, watch)| watch.store().all()).collect()
    }

    /// The keys of all objects.
    pub fn keys(&self) -> BTreeSet<ObjectKey> {
        self.all().iter().map(|object| object.meta().key()).collect()
    }

    /// Whether all were listed once.
    pub fn is_synced(&self) -> bool {
        self.0.iter().all(|(_, watch)| watch.store().is_synced())
    }

    /// Why some of them fail, bounded.
    pub fn troubles(&self) -> BTreeSet<String> {
        self.0.iter().filter_map(|(_, watch)| watch.store().trouble()).take(TROUBLES_MAX).collect()
    }
}

/// The watches of objects that lend labels.
pub struct Feeds {
    attach: AttachMetadata,
    pods: Many<Pod>,
    services: Many<Service>,
    nodes: Many<Node>,
    namespaces: Many<Namespace>,
    replica_sets: Many<ReplicaSet>,
    jobs: Many<Job>,
}

impl Feeds {
    /// Only those that the role and `attach_metadata` call for.
    pub fn open(cluster: &Cluster, plan: &Plan, inbox: &Arc<Inbox>) -> Self {
        use KubernetesRole as Role;
        let wanted = plan.config.attach_metadata.unwrap_or_default();
        let services = matches!(plan.role, Role::Endpoints | Role::EndpointSlice);
        let pods = services || plan.role == Role::Pod;
        let attach = AttachMetadata {
            node: wanted.node && pods,
            namespace: wanted.namespace && plan.role != Role::Node,
            deployment: wanted.deployment && pods,
            job: wanted.job && pods,
            cronjob: wanted.cronjob && pods,
        };
        Self {
            attach,
            pods: open_if(services, cluster, plan, Role::Pod, Feed::Pod, inbox),
            services: open_if(services, cluster, plan, Role::Service, Feed::Service, inbox),
            nodes: open_if(attach.node, cluster, plan, Role::Node, Feed::Node, inbox),
            namespaces: open_if(attach.namespace, cluster, plan, None, Feed::Namespace, inbox),
            replica_sets: open_if(attach.deployment, cluster, plan, None, Feed::ReplicaSet, inbox),
            jobs: open_if(attach.cronjob, cluster, plan, None, Feed::Job, inbox),
        }
    }

    /// Whether all were listed once.
    pub fn are_synced(&self) -> bool {
        self.pods.is_synced()
            && self.services.is_synced()
            && self.nodes.is_synced()
            && self.namespaces.is_synced()
            && self.replica_sets.is_synced()
            && self.jobs.is_synced()
    }

    /// Why some of them fail, bounded.
    pub fn troubles(&self) -> BTreeSet<String> {
        let mut all = self.pods.troubles();
        all.extend(self.services.troubles());
        all.extend(self.nodes.troubles());
        all.extend(self.namespaces.troubles());
        all.extend(self.replica_sets.troubles());
        all.extend(self.jobs.troubles());
        all.into_iter().take(TROUBLES_MAX).collect()
    }

    /// Adds the pods whose owners have changed: targets found through services depend on them.
    pub fn spread(&self, changed: &mut Changed) {
        if changed.has_owners() {
            changed.add_owned(&self.pods.all());
        }
    }
}

fn open_if<T: Watchable>(
    needed: bool,
    cluster: &Cluster,
    plan: &Plan,
    role: impl Into<Option<KubernetesRole>>,
    feed: Feed,
    inbox: &Arc<Inbox>,
) -> Many<T> {
    if needed { Many::open(cluster, plan, role, feed, inbox) } else { Many::none() }
}

impl Related for Feeds {
    fn attach(&self) -> AttachMetadata {
        self.attach
    }

    fn pod(&self, key: &ObjectKey) -> Option<Arc<Pod>> {
        self.pods.get(key)
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(key)
    }

    fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.nodes.get(&ObjectKey::new("", name))
    }

    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces.get(&ObjectKey::new("", name))
    }

    fn replica_set(&self, key: &ObjectKey) -> Option<Arc<ReplicaSet>> {
        self.replica_sets.get(key)
    }

    fn job(&self, key: &ObjectKey) -> Option<Arc<Job>> {
        self.jobs.get(key)
    }
}
