//! The cluster a collector lives in: address, credentials.
//!
//! Its own Scraper object, monitors' Secrets and token reviews are asked here, with the
//! service-account token of a mounted folder. Discovery may look at another cluster.

use std::path::{Path, PathBuf};

use kube::config::KubeConfigOptions;
use kube::{Client, Config};

/// Where Kubernetes mounts a pod's own credentials.
pub const HOME_DEFAULT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Why the API server cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither a mounted token nor a kubeconfig.
    #[error(
        "no credentials for Kubernetes: {} has no token, and {reason}; \
         mount a service-account token there (--home) or set KUBECONFIG",
        home.display()
    )]
    NoCredentials {
        /// The folder of `--home`.
        home: PathBuf,
        /// What is wrong with the kubeconfig.
        reason: String,
    },
    /// A pod knows where its API server is.
    #[error("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name no API server: {0}")]
    NoServer(String),
    /// Of the client's parts, for example the certificates.
    #[error("the client for Kubernetes: {0}")]
    Client(#[from] kube::Error),
}

/// A client for the API server at home. Token and certificate are read again as they rotate.
pub async fn client(home: &Path) -> Result<Client, HomeError> {
    // One provider in the whole process; whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let token = home.join("token");
    if tokio::fs::metadata(&token).await.is_err() {
        let config = Config::from_kubeconfig(&KubeConfigOptions::default()).await;
        let config = config.map_err(|error| HomeError::NoCredentials {
            home: home.to_owned(),
            reason: error.to_string(),
        })?;
        return Ok(Client::try_from(config)?);
    }
    let mut config = Config::new(server()?);
    config.auth_info.token_file = Some(token.display().to_string());
    config.root_cert_file = Some(home.join("ca.crt"));
    Ok(Client::try_from(config)?)
}

fn server() -> Result<http::Uri, HomeError> {
    let read =
        |name: &str| std::env::var(name).map_err(|error| HomeError::NoServer(error.to_string()));
    let (host, port) = (read("KUBERNETES_SERVICE_HOST")?, read("KUBERNETES_SERVICE_PORT")?);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let url = format!("https://{host}:{port}");
    url.parse().map_err(|error: http::uri::InvalidUri| HomeError::NoServer(error.to_string()))
}
