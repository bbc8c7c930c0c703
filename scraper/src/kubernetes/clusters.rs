//! The clusters that a collector looks into, each known once.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use protocol::scrape_config_discovery::{KubernetesRole, KubernetesSdConfig};
use tokio::task::JoinSet;

use crate::discovery_news::{News, Teller};
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::cluster_access::ClusterAccess;
use crate::kubernetes::dependency::TargetObject;
use crate::kubernetes::feeds::Plan;
use crate::kubernetes::object::{Node, Pod};
use crate::kubernetes::object_network::{EndpointSlice, Endpoints, Ingress, Service};
use crate::kubernetes::source::Source;

/// The cluster that jobs look into where their configuration names none.
#[derive(Clone, Default)]
pub enum OwnCluster {
    /// There is none, as in `hearth up`.
    #[default]
    None,
    /// There is one, but it cannot be looked into yet, and why.
    Unknown(String),
    /// There it is.
    Known(Arc<Cluster>),
}

impl OwnCluster {
    /// The cluster, where it can be looked into.
    pub fn known(&self) -> Option<&Arc<Cluster>> {
        match self {
            Self::Known(cluster) => Some(cluster),
            Self::None | Self::Unknown(_) => None,
        }
    }

    /// Why it cannot be looked into yet, where there is one.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(reason) => Some(reason),
            Self::None | Self::Known(_) => None,
        }
    }
}

/// The collector's own cluster, and those that configurations name.
pub struct Clusters {
    own: OwnCluster,
    named: Mutex<Vec<(KubernetesSdConfig, Weak<Cluster>)>>,
}

impl Clusters {
    /// `own` stands in where a configuration names no API server.
    pub fn new(own: OwnCluster) -> Self {
        Self { own, named: Mutex::default() }
    }

    /// The collector's own.
    pub fn own(&self) -> &OwnCluster {
        &self.own
    }

    /// Puts another one in its place; discoveries that run look into the former one until they are
    /// started again.
    pub fn set_own(&mut self, own: OwnCluster) {
        self.own = own;
    }

    /// Starts the discovery of one configuration in `tasks`.
    pub fn start(&self, config: &KubernetesSdConfig, teller: Teller, tasks: &mut JoinSet<()>) {
        let cluster = match self.cluster_of(config) {
            Ok(cluster) => cluster,
            Err(reason) => return complain(reason, teller, tasks),
        };
        let plan = match Plan::new(config, cluster.access().own_namespace.as_deref()) {
            Ok(plan) => plan,
            Err(reason) => return complain(reason, teller, tasks),
        };
        match plan.role {
            KubernetesRole::Node => follow::<Node>(&cluster, &plan, teller, tasks),
            KubernetesRole::Pod => follow::<Pod>(&cluster, &plan, teller, tasks),
            KubernetesRole::Service => follow::<Service>(&cluster, &plan, teller, tasks),
            KubernetesRole::Endpoints => follow::<Endpoints>(&cluster, &plan, teller, tasks),
            KubernetesRole::EndpointSlice => {
                follow::<EndpointSlice>(&cluster, &plan, teller, tasks);
            }
            KubernetesRole::Ingress => follow::<Ingress>(&cluster, &plan, teller, tasks),
        }
    }

    fn cluster_of(&self, config: &KubernetesSdConfig) -> Result<Arc<Cluster>, String> {
        let identity = identity(config);
        if identity == KubernetesSdConfig::default() {
            return match &self.own {
                OwnCluster::Known(cluster) => Ok(Arc::clone(cluster)),
                OwnCluster::Unknown(reason) => Err(reason.clone()),
                OwnCluster::None => Err("kubernetes_sd_configs: not supported in `hearth up` \
                                         without api_server or kubeconfig_file; name one of \
                                         them, or run the Scraper in a cluster"
                    .to_owned()),
            };
        }
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|(_, cluster)| cluster.strong_count() > 0);
        let known = named.iter().find(|(known, _)| *known == identity);
        if let Some(cluster) = known.and_then(|(_, cluster)| cluster.upgrade()) {
            return Ok(cluster);
        }
        let told = |error: &dyn std::fmt::Display| format!("kubernetes_sd_configs: {error}");
        let access = ClusterAccess::of_config(&identity).map_err(|error| told(&error))?;
        let access = access.ok_or("kubernetes_sd_configs: HTTP settings need an api_server")?;
        let cluster = Arc::new(Cluster::new(access).map_err(|error| told(&error))?);
        named.push((identity, Arc::downgrade(&cluster)));
        Ok(cluster)
    }
}

/// What of a configuration says which cluster is meant, and who asks.
fn identity(config: &KubernetesSdConfig) -> KubernetesSdConfig {
    let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    KubernetesSdConfig {
        api_server: set(&config.api_server),
        kubeconfig_file: set(&config.kubeconfig_file),
        role: None,
        namespaces: None,
        selectors: Vec::new(),
        attach_metadata: None,
        ..config.clone()
    }
}

fn follow<T: TargetObject>(
    cluster: &Arc<Cluster>,
    plan: &Plan,
    teller: Teller,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(Source::<T>::new(cluster, plan).run(teller));
}

fn complain(reason: String, teller: Teller, tasks: &mut JoinSet<()>) {
    tasks.spawn(async move {
        teller.tell(News::Trouble(Some(reason))).await;
    });
}
