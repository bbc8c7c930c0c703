//! TLS for the server; certificates are read again.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use world::tasks::run_blocking;
use world::world::World;

use crate::settings::TlsFiles;

/// Between two looks at the files: certificates change days before they end.
const POLL: Duration = Duration::from_secs(10);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key do not go together.
    #[error("certificate {} and key {}: {error}", files.certificate.display(), files.key.display())]
    Pair {
        /// Which.
        files: TlsFiles,
        /// What is wrong with them.
        error: rustls::Error,
    },
}

/// Holds the certificate that is in force.
pub struct TlsReloader {
    files: TlsFiles,
    acceptor: RwLock<TlsAcceptor>,
}

impl TlsReloader {
    /// Reads the files, and again whenever what they hold has changed. Files that are wrong later
    /// on leave the certificate in force that was.
    pub fn start(world: &World, files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let content = read(&files)?;
        let acceptor = RwLock::new(acceptor(&files, &content)?);
        let reloader = Arc::new(Self { files, acceptor });
        let watching = reloader.clone().watch(world.clone(), content);
        world.tasks.spawn("certificate reload", watching.boxed());
        Ok(reloader)
    }

    /// With the certificate in force now.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn watch(self: Arc<Self>, world: World, mut held: Content) {
        loop {
            if let Either::Left(_) = select(world.tasks.stopping(), world.clock.sleep(POLL)).await {
                return;
            }
            let files = self.files.clone();
            let found = run_blocking(world.tasks.as_ref(), move || read(&files)).await;
            let changed = match found {
                Ok(found) if found == held => continue,
                found => found.and_then(|content| Ok((acceptor(&self.files, &content)?, content))),
            };
            match changed {
                Ok((acceptor, content)) => {
                    held = content;
                    *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    tracing::info!(certificate = %self.files.certificate.display(), "certificate reloaded");
                }
                Err(error) => {
                    tracing::warn!(%error, "certificate not reloaded, the last one stays");
                }
            }
        }
    }
}

/// The bytes of both files.
#[derive(PartialEq, Eq)]
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Certificates lie where the operator mounts them, outside the data directory and so outside the
/// world's disk.
#[allow(clippy::disallowed_methods, reason = "mounted files, not the store's own data")]
fn read(files: &TlsFiles) -> Result<Content, TlsError> {
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .map_err(|error| TlsError::File { path: path.clone(), reason: error.to_string() })
    };
    Ok(Content { certificate: read(&files.certificate)?, key: read(&files.key)? })
}

fn acceptor(files: &TlsFiles, content: &Content) -> Result<TlsAcceptor, TlsError> {
    let fault = |path: &PathBuf, reason: String| TlsError::File { path: path.clone(), reason };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content.certificate).collect();
    let chain = chain.map_err(|error| fault(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(fault(&files.certificate, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&content.key)
        .map_err(|error| fault(&files.key, error.to_string()))?;
    let pair = |error| TlsError::Pair { files: files.clone(), error };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
