//! A server's certificate that renews itself.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::certificates::issuing::{IssueError, Leaf};
use crate::certificates::rotation::renewal;
use crate::runtime::context::Context;

/// Longest time between two looks at the calendar.
const LOOK: Duration = Duration::from_hours(1);

/// The certificate of a server in this process, always in date; lies nowhere but in memory.
#[derive(Debug, Default)]
pub struct ServingCertificate {
    current: RwLock<Option<Arc<CertifiedKey>>>,
}

impl ServingCertificate {
    /// Whether there is one.
    pub fn ready(&self) -> bool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// A server configuration that always shows the newest one.
    ///
    /// # Errors
    /// If the crypto provider lacks the default protocol versions.
    pub fn server_config(self: &Arc<Self>) -> Result<rustls::ServerConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Keeps a certificate for these DNS names until the process ends: a new one whenever the
    /// authority changes or two thirds of its life are over.
    pub async fn keep(self: Arc<Self>, context: Arc<Context>, names: Vec<String>) {
        let mut authority = context.authority.subscribe();
        let mut due = None;
        let mut signer = String::new();
        loop {
            let now = context.clock.now();
            let current = authority.borrow_and_update().clone();
            if let Some(signers) = current
                && (signers.current.common_name != signer || due.is_none_or(|due| now >= due))
            {
                match context.authority.issue(&names, now).and_then(|leaf| certified(&leaf)) {
                    Ok((key, leaf_due)) => {
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
                            Some(Arc::new(key));
                        due = Some(leaf_due);
                        signer.clone_from(&signers.current.common_name);
                    }
                    Err(error) => tracing::error!(%error, "no serving certificate"),
                }
            }
            tokio::select! {
                biased;
                changed = authority.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

impl ResolvesServerCert for ServingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn certified(leaf: &Leaf) -> Result<(CertifiedKey, k8s_openapi::jiff::Timestamp), IssueError> {
    let refused =
        |message: String| IssueError::Refused { names: "this server".to_owned(), message };
    let certificates = CertificateDer::pem_slice_iter(leaf.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refused(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes())
        .map_err(|error| refused(error.to_string()))?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| refused(error.to_string()))?;
    Ok((CertifiedKey::new(certificates, signing), renewal(leaf.not_before, leaf.not_after)))
}
