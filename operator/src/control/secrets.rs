//! Values of Secrets, pushed write-only.
//!
//! They cannot be read back to compare, so what was pushed is remembered by its hash: never the
//! values themselves, and for no longer than the process lives.

use std::collections::BTreeMap;

use http::Method;
use protocol::amp_api::scalars::Blob;
use protocol::amp_api::secrets::PutSecretRequest;
use protocol::workspace::WorkspaceId;
use sha2::{Digest as _, Sha256};

use crate::control::client::{ControlClient, escaped};
use crate::control::error::ControlError;

/// Values by key.
pub type Values = BTreeMap<String, Vec<u8>>;

/// What was pushed, by its workspace and the secret's name.
#[derive(Debug, Default)]
pub struct PushedSecrets {
    pushed: BTreeMap<(WorkspaceId, String), [u8; 32]>,
}

impl PushedSecrets {
    /// Whether these values of this owner are still to be pushed.
    pub fn differs(&self, id: &WorkspaceId, name: &str, owner: &str, values: &Values) -> bool {
        self.pushed.get(&(id.clone(), name.to_owned())) != Some(&fingerprint(owner, values))
    }

    /// Remembers that they were.
    pub fn remember(&mut self, id: &WorkspaceId, name: &str, owner: &str, values: &Values) {
        self.pushed.insert((id.clone(), name.to_owned()), fingerprint(owner, values));
    }

    /// Forgets a secret, so that it is pushed again.
    pub fn forget(&mut self, id: &WorkspaceId, name: &str) {
        self.pushed.remove(&(id.clone(), name.to_owned()));
    }

    /// The names of what was pushed into a workspace.
    pub fn names(&self, id: &WorkspaceId) -> Vec<String> {
        let of_it = self.pushed.keys().filter(|(at, _)| at == id);
        of_it.map(|(_, name)| name.clone()).collect()
    }
}

/// Pushes one secret.
pub async fn put(
    client: &ControlClient,
    id: &WorkspaceId,
    name: &str,
    values: &Values,
) -> Result<(), ControlError> {
    let data = values.iter().map(|(key, value)| (key.clone(), Blob::from(value.clone())));
    let request = PutSecretRequest { data: data.collect(), string_data: BTreeMap::new() };
    client.tell(Method::PUT, &path(id, name), &request).await
}

/// Removes one secret.
pub async fn delete(
    client: &ControlClient,
    id: &WorkspaceId,
    name: &str,
) -> Result<(), ControlError> {
    client.remove(&path(id, name)).await
}

fn path(id: &WorkspaceId, name: &str) -> String {
    format!("/workspaces/{id}/hearth/secrets/{}", escaped(name))
}

fn fingerprint(owner: &str, values: &Values) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(owner.as_bytes());
    for (key, value) in values {
        part(key.as_bytes());
        part(value);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_value_or_owner_is_pushed_again_and_the_same_is_not() {
        let id: WorkspaceId = "ws-1".parse().expect("an id");
        let values = |text: &str| Values::from([("key".to_owned(), text.into())]);
        let mut pushed = PushedSecrets::default();
        assert!(pushed.differs(&id, "a", "up/x", &values("1")));
        pushed.remember(&id, "a", "up/x", &values("1"));
        assert!(!pushed.differs(&id, "a", "up/x", &values("1")));
        assert!(pushed.differs(&id, "a", "up/x", &values("2")));
        assert!(pushed.differs(&id, "a", "up/y", &values("1")));
        assert_eq!(pushed.names(&id), ["a"]);
        pushed.forget(&id, "a");
        assert!(pushed.differs(&id, "a", "up/x", &values("1")));
    }
}
