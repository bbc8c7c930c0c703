//! How an API server is reached, and by whom.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use protocol::http_config::{Authorization, HttpClientConfig, TlsConfig};
use protocol::scrape_config_discovery::KubernetesSdConfig;
use reqwest::Url;

use crate::http_client::Bearer;
use crate::kubernetes::kubeconfig;

/// Where a pod finds its service account.
pub const SERVICE_ACCOUNT_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Why a cluster cannot be reached at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Not started in a pod.
    #[error(
        "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; give \
         a kubeconfig"
    )]
    NotInCluster,
    /// The address of the API server.
    #[error("api server {url:?}: {reason}")]
    Server {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The kubeconfig.
    #[error("kubeconfig: {0}")]
    Kubeconfig(String),
    /// The settings of the EKS cluster, or what AWS answered.
    #[error("eks: {0}")]
    Eks(String),
    /// The client's own settings.
    #[error("{0}")]
    Client(String),
}

/// An API server's address and the credentials for it.
#[derive(Clone)]
pub struct ClusterAccess {
    /// The base of all paths; ends in a slash only if the path is empty.
    pub server: Url,
    /// Credentials, authorities and proxy.
    pub http: HttpClientConfig,
    /// Mints tokens where they are no file's content.
    pub bearer: Option<Arc<dyn Bearer>>,
    /// The namespace the process runs in, where it runs in this cluster.
    pub own_namespace: Option<String>,
}

impl fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAccess")
            .field("server", &self.server.as_str())
            .finish_non_exhaustive()
    }
}

impl ClusterAccess {
    /// The cluster that the process runs in; `home` holds `token`, `ca.crt` and `namespace`, and is
    /// [`SERVICE_ACCOUNT_DIR`] where the pod mounts its service account the usual way.
    pub fn in_cluster(home: &Path) -> Result<Self, AccessError> {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (Some(host), Some(port)) =
            (read("KUBERNETES_SERVICE_HOST"), read("KUBERNETES_SERVICE_PORT"))
        else {
            return Err(AccessError::NotInCluster);
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Self::with_home(&format!("https://{host}:{port}"), home)
    }

    /// The same for an API server at another address.
    pub fn with_home(server: &str, home: &Path) -> Result<Self, AccessError> {
        let file = |name: &str| Some(home.join(name).display().to_string());
        let http = HttpClientConfig {
            authorization: Some(Authorization {
                credentials_file: file("token"),
                ..Authorization::default()
            }),
            tls_config: Some(TlsConfig { ca_file: file("ca.crt"), ..TlsConfig::default() }),
            ..HttpClientConfig::default()
        };
        let namespace = std::fs::read_to_string(home.join("namespace")).unwrap_or_default();
        let namespace = namespace.trim();
        let own_namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
        Ok(Self { server: server_url(server)?, http, bearer: None, own_namespace })
    }

    /// The cluster of a kubeconfig's current context. All must stand in the text itself: files that
    /// it names are refused, since whoever wrote it does not own this machine's files.
    pub fn from_kubeconfig(text: &str) -> Result<Self, AccessError> {
        kubeconfig::access(text, None)
    }

    /// The cluster that a job itself names by `kubeconfig_file` or `api_server`; `None` where it
    /// names none.
    pub fn of_config(config: &KubernetesSdConfig) -> Result<Option<Self>, AccessError> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(file) = set(&config.kubeconfig_file) {
            let path = Path::new(&file);
            let text = std::fs::read_to_string(path)
                .map_err(|error| AccessError::Kubeconfig(format!("{file}: {error}")))?;
            return kubeconfig::access(&text, path.parent()).map(Some);
        }
        let Some(server) = set(&config.api_server) else { return Ok(None) };
        let http = config.http_client();
        Ok(Some(Self { server: server_url(&server)?, http, bearer: None, own_namespace: None }))
    }
}

/// Reads an address; no query, no fragment.
pub fn server_url(text: &str) -> Result<Url, AccessError> {
    let fault =
        |reason: &str| AccessError::Server { url: text.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|error| fault(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(fault("must begin with https:// and name a host"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(fault("must hold a host, a port and a path only"));
    }
    Ok(url)
}
