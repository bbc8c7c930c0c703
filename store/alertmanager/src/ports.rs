//! What an alert manager asks of the store around it.

use futures::future::BoxFuture;
use protocol::alertmanager_config::secret::SecretRef;

/// Why a value could not be had; the text names what is missing, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// Secret values of the workspace.
pub trait SecretsPort: Send + Sync + 'static {
    /// The value behind a `secret://` reference, asked for at the moment of sending.
    fn secret(&self, reference: &SecretRef) -> BoxFuture<'_, Result<String, PortError>>;
}

/// The process's own credentials at AWS.
pub trait CredentialsPort: Send + Sync + 'static {
    /// Credentials to sign with, valid now.
    fn credentials(&self) -> BoxFuture<'_, Result<protocol::sigv4::Credentials, PortError>>;
}
