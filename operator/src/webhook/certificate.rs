//! The webhook's certificate, from the operator's authority.
//!
//! Each replica issues its own and keeps it in memory: nothing to store, nothing to steal, and a
//! new authority is in force as soon as its Secret is read.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

use crate::certificates::issuing::Leaf;
use crate::certificates::rotation::renewal;
use crate::runtime::context::Context;
use crate::runtime::http::Waits;
use crate::settings::OperatorSettings;
use crate::webhook::server::Certificates;

/// Longest time between two looks at the calendar.
const LOOK: Duration = Duration::from_hours(1);

/// The names by which an API server calls the webhook.
pub fn names(settings: &OperatorSettings) -> Vec<String> {
    let service = format!("{}.{}.svc", settings.webhook_service, settings.namespace);
    vec![service.clone(), format!("{service}.cluster.local")]
}

/// A server's configuration from a certificate and its key.
///
/// # Errors
/// If they cannot be read or do not go together.
pub fn server_config(leaf: &Leaf) -> Result<Arc<ServerConfig>, String> {
    let chain = CertificateDer::pem_slice_iter(leaf.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("certificate: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes())
        .map_err(|error| format!("key: {error}"))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What readiness waits for: without a certificate every call of the API server would fail, and
/// the objects would get in unlooked at.
pub fn waits(certificates: Certificates) -> Waits {
    Arc::new(move || {
        let has_none = certificates.borrow().is_none();
        has_none.then(|| "the webhook has no certificate yet".to_owned())
    })
}

/// Keeps a good certificate in `certificates`: a new one when the authority changes and when two
/// thirds of the old one's life are over.
pub async fn keep(context: Arc<Context>, certificates: watch::Sender<Option<Arc<ServerConfig>>>) {
    let mut authority = context.authority.subscribe();
    let names = names(&context.settings);
    let (mut signer, mut due) = (String::new(), Timestamp::MIN);
    loop {
        let now = context.clock.now();
        let current = authority.borrow_and_update().clone();
        if let Some(signers) = current
            && (signers.current.common_name != signer || now >= due)
        {
            let made = context.authority.issue(&names, now).map_err(|error| error.to_string());
            match made.and_then(|leaf| Ok((server_config(&leaf)?, leaf))) {
                Ok((config, leaf)) => {
                    certificates.send_replace(Some(config));
                    signer.clone_from(&signers.current.common_name);
                    due = renewal(leaf.not_before, leaf.not_after);
                    tracing::info!(%due, "the webhook has a certificate");
                }
                Err(error) => tracing::warn!(error, "the webhook has no new certificate"),
            }
        }
        tokio::select! {
            biased;
            changed = authority.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
