//! One cluster, shared by all jobs that look into it.

use std::sync::Arc;

use protocol::http_config::HttpClientConfig;

use crate::http_client::HttpClient;
use crate::kubernetes::cluster_access::{AccessError, ClusterAccess};
use crate::kubernetes::cluster_client;
use crate::kubernetes::object_meta::Watchable;
use crate::kubernetes::watch::Watch;
use crate::kubernetes::watch_loop::Selection;
use crate::kubernetes::watches::Watches;

/// A cluster's API and what is known of the cluster. Make one for a process and share it.
pub struct Cluster {
    access: ClusterAccess,
    client: kube::Client,
    proxy: bool,
    watches: Watches,
}

impl Cluster {
    /// Prepares requests; asks nothing yet. Needs a tokio runtime.
    pub fn new(access: ClusterAccess) -> Result<Self, AccessError> {
        // One connection for each watch: a connection that died in silence then costs one watch.
        let config = HttpClientConfig {
            enable_http2: Some(false),
            follow_redirects: Some(false),
            ..access.http.clone()
        };
        let http =
            HttpClient::with_bearer(&config, access.bearer.clone()).map_err(AccessError::Client)?;
        let namespace = access.own_namespace.as_deref().unwrap_or("default");
        let server = access.server.as_str().trim_end_matches('/');
        let client = cluster_client::client(server, Arc::new(http), namespace);
        Ok(Self::over(access, client))
    }

    /// The same over a client of one's own; the access then serves scrapes only.
    pub fn over(access: ClusterAccess, client: kube::Client) -> Self {
        Self { access, client, proxy: false, watches: Watches::default() }
    }

    /// Whether targets are reached through the API server's proxy instead of by their addresses.
    #[must_use]
    pub fn through_proxy(mut self, proxy: bool) -> Self {
        self.proxy = proxy;
        self
    }

    /// Whether targets are reached through the API server's proxy.
    pub fn is_proxy(&self) -> bool {
        self.proxy
    }

    /// For requests of other kinds to the same API server; nothing is retried.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Address and credentials.
    pub fn access(&self) -> &ClusterAccess {
        &self.access
    }

    /// A watch of these objects, shared by all who ask for the same. Needs a tokio runtime.
    pub fn watch<T: Watchable>(&self, selection: Selection) -> Arc<Watch<T>> {
        self.watches.get(&self.client, selection)
    }

    /// How many watches run.
    pub fn watch_count(&self) -> usize {
        self.watches.count()
    }
}
