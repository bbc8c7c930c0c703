//! What an alert manager asks for when it sends.

use std::sync::Arc;

use alertmanager::ports::{CredentialsPort, PortError, SecretsPort};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use protocol::alertmanager_config::secret::SecretRef;
use protocol::sigv4::Credentials;
use protocol::workspace::WorkspaceId;

use crate::catalog::Catalog;

/// The secrets of one workspace.
pub struct WorkspaceSecrets {
    /// Where they are kept.
    pub catalog: Arc<Catalog>,
    /// Whose.
    pub id: WorkspaceId,
}

impl SecretsPort for WorkspaceSecrets {
    fn secret(&self, reference: &SecretRef) -> BoxFuture<'_, Result<String, PortError>> {
        let SecretRef { name, key } = reference;
        let place = format!("secret://{name}/{key}");
        let value = match self.catalog.secret(&self.id, name, key) {
            None => Err(PortError(format!("there is no {place} in workspace {}", self.id))),
            Some(Err(error)) => Err(PortError(error.to_string())),
            Some(Ok(bytes)) => {
                String::from_utf8(bytes).map_err(|_| PortError(format!("{place} is no UTF-8 text")))
            }
        };
        ready(value).boxed()
    }
}

/// The process's credentials at AWS: handed in at the start.
pub struct ProcessCredentials(pub Option<Credentials>);

impl CredentialsPort for ProcessCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, PortError>> {
        let missing = || {
            PortError(
                "the store has no credentials of its own at AWS; give the receiver an access key"
                    .to_owned(),
            )
        };
        ready(self.0.clone().ok_or_else(missing)).boxed()
    }
}
