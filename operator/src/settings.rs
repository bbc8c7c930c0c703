//! What an operator is told when it starts.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use k8s_openapi::jiff::SignedDuration;

/// A namespaced object, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    /// Another object of the same namespace.
    pub fn beside(&self, name: String) -> Self {
        Self { namespace: self.namespace.clone(), name }
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            // Of a kind that lives outside namespaces.
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSettings {
    /// The name of the installation, in the owner of all that the operator makes in a store.
    pub install: String,
    /// Where the operator itself runs: its Lease, its certificate authority.
    pub namespace: String,
    /// The operator's own service account in that namespace.
    pub service_account: String,
    /// The image of stores and collectors that name none.
    pub image: String,
    /// The Store of Workspaces that name none.
    pub default_store: Option<ObjectName>,
    /// Namespaces whose Scrapers may discover in the whole cluster.
    pub wide_discovery_namespaces: BTreeSet<String>,
    /// Only these namespaces are looked at; all where empty.
    pub watch_namespaces: BTreeSet<String>,
    /// Metrics and health.
    pub listen: SocketAddr,
    /// The admission webhook, HTTPS; none where left out.
    pub webhook_listen: Option<SocketAddr>,
    /// The Service, in the operator's namespace, that leads to the webhook.
    pub webhook_service: String,
    /// The chart's ClusterRole of what collectors may discover.
    pub discovery_cluster_role: String,
    /// The chart's ClusterRole of what every collector needs.
    pub collector_cluster_role: String,
    /// The chart's ClusterRole of token and access reviews, for stores.
    pub review_cluster_role: String,
    /// How long a new certificate authority is trusted before it signs.
    pub authority_overlap: SignedDuration,
}
