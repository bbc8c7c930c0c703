//! Clients that trust one certificate authority.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::runtime::error::ReconcileError;

/// Longest time for a connection to come about; in a cluster it takes milliseconds.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Longest time for a whole request.
const REQUEST_PATIENCE: Duration = Duration::from_secs(20);
/// Clients kept at most: one a Store and its rotations; the oldest certificates go first.
const CLIENTS_MAX: usize = 64;

/// Clients by the certificates that they trust.
#[derive(Debug, Default)]
pub struct HttpsClients {
    clients: Mutex<BTreeMap<String, reqwest::Client>>,
}

impl HttpsClients {
    /// The client that trusts only these certificates, PEM.
    ///
    /// # Errors
    /// If the text holds no certificate.
    pub fn trusting(&self, ca_pem: &str) -> Result<reqwest::Client, ReconcileError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(ca_pem) {
            return Ok(client.clone());
        }
        let wrong = |message: String| ReconcileError::Remote { reason: "InvalidCa", message };
        let certificates = reqwest::Certificate::from_pem_bundle(ca_pem.as_bytes())
            .map_err(|error| wrong(format!("ca.crt cannot be read: {error}")))?;
        if certificates.is_empty() {
            return Err(wrong("ca.crt holds no certificate in PEM".to_owned()));
        }
        let client = reqwest::Client::builder()
            .tls_certs_only(certificates)
            .https_only(true)
            .no_proxy()
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(REQUEST_PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(format!("no client from ca.crt: {error}")))?;
        if clients.len() >= CLIENTS_MAX {
            clients.pop_first();
        }
        clients.insert(ca_pem.to_owned(), client.clone());
        Ok(client)
    }
}
