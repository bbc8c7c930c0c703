//! Objects that lend their labels to targets of others.

use std::sync::Arc;

use protocol::scrape_config_discovery::AttachMetadata;

use crate::kubernetes::object::{Job, Namespace, Node, Pod, ReplicaSet};
use crate::kubernetes::object_meta::ObjectKey;
use crate::kubernetes::object_network::Service;

/// What is known of other objects at the moment.
pub trait Related {
    /// Which of them lend labels.
    fn attach(&self) -> AttachMetadata;
    /// A pod.
    fn pod(&self, key: &ObjectKey) -> Option<Arc<Pod>>;
    /// A service.
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>>;
    /// A node by its name.
    fn node(&self, name: &str) -> Option<Arc<Node>>;
    /// A namespace by its name.
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>>;
    /// A replica set.
    fn replica_set(&self, key: &ObjectKey) -> Option<Arc<ReplicaSet>>;
    /// A job.
    fn job(&self, key: &ObjectKey) -> Option<Arc<Job>>;
}
