//! The authority as this process knows it.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use crate::certificates::issuing::{IssueError, Leaf, leaf};
use crate::certificates::rotation::Signers;

/// The authority as this process knows it: filled from the Secret, by leader and followers alike.
#[derive(Debug)]
pub struct Authority {
    signers: watch::Sender<Option<Arc<Signers>>>,
}

impl Default for Authority {
    fn default() -> Self {
        Self { signers: watch::Sender::new(None) }
    }
}

impl Authority {
    /// The Secret says so.
    pub fn set(&self, signers: Signers) {
        self.signers.send_if_modified(|known| {
            let changed = known.as_deref() != Some(&signers);
            *known = Some(Arc::new(signers));
            changed
        });
    }

    /// The authorities; `None` before the Secret was read.
    pub fn current(&self) -> Option<Arc<Signers>> {
        self.signers.borrow().clone()
    }

    /// The same, now and whenever it changes.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Signers>>> {
        self.signers.subscribe()
    }

    /// What clients trust, PEM: for `ca.crt`, `caBundle`.
    ///
    /// # Errors
    /// If the Secret was not read yet.
    pub fn bundle(&self) -> Result<String, IssueError> {
        self.current().map(|signers| signers.bundle()).ok_or(IssueError::NoAuthority)
    }

    /// A server's certificate for these DNS names.
    ///
    /// # Errors
    /// If the Secret was not read yet, or a name is no DNS name.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<Leaf, IssueError> {
        let signers = self.current().ok_or(IssueError::NoAuthority)?;
        leaf(&signers.current, names, now)
    }
}
