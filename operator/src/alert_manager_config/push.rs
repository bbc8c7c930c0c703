//! A definition's Secrets: read here, pushed to the store.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Secret;
use protocol::workspace::WorkspaceId;

use crate::alert_manager_config::references::References;
use crate::control::client::ControlClient;
use crate::control::error::ControlError;
use crate::control::secrets::{self, PushedSecrets, Values};
use crate::runtime::apply::find;
use crate::runtime::context::Context;
use crate::runtime::error::{ApiFault, ReconcileError};
use crate::settings::ObjectName;
use crate::workspace::trouble::Unresolved;

/// Reads the Secrets that a definition refers to, of its own namespace, and of each only the keys
/// that it names.
///
/// # Errors
/// `Ok(Err(..))`: a Secret or a key is missing, or may not be read. `Err`: the API server does not
/// answer.
pub async fn read(
    context: &Context,
    namespace: &str,
    references: &References,
) -> Result<Result<BTreeMap<String, Values>, Unresolved>, ReconcileError> {
    let mut all = BTreeMap::new();
    for (secret, keys) in references {
        let name = ObjectName { namespace: namespace.to_owned(), name: secret.clone() };
        let found = match find::<Secret>(context, &name).await {
            Ok(found) => found,
            Err(ReconcileError::Api { fault: ApiFault::Forbidden, message, .. }) => {
                return Ok(Err(forbidden(&name, &message)));
            }
            Err(error) => return Err(error),
        };
        match chosen(&name, found, keys) {
            Ok(values) => drop(all.insert(secret.clone(), values)),
            Err(unresolved) => return Ok(Err(unresolved)),
        }
    }
    Ok(Ok(all))
}

fn forbidden(name: &ObjectName, message: &str) -> Unresolved {
    let message = format!(
        "the operator may not read Secret {name}: {message}; grant its service account `get` on \
         Secrets of that namespace"
    );
    Unresolved::waits("SecretForbidden", message)
}

fn chosen<'a>(
    name: &ObjectName,
    found: Option<Secret>,
    keys: impl IntoIterator<Item = &'a String>,
) -> Result<Values, Unresolved> {
    let Some(found) = found else {
        let message = format!("there is no Secret {name}: make it, or correct the reference");
        return Err(Unresolved::waits("SecretNotFound", message));
    };
    let mut data = found.data.unwrap_or_default();
    let mut values = Values::new();
    for key in keys {
        let Some(value) = data.remove(key) else {
            let message = format!("Secret {name} has no key {key:?}: add it");
            return Err(Unresolved::waits("SecretKeyNotFound", message));
        };
        values.insert(key.clone(), value.0);
    }
    Ok(values)
}

/// Pushes what differs from what was pushed last, and removes what is no longer referred to.
///
/// `takes` says whether something of another owner may be taken over.
pub async fn push(
    pushed: &Mutex<PushedSecrets>,
    client: &ControlClient,
    id: &WorkspaceId,
    all: &BTreeMap<String, Values>,
    takes: impl Fn(&str) -> bool,
) -> Result<(), ControlError> {
    let known = || pushed.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, values) in all {
        if !known().differs(id, name, client.owner(), values) {
            continue;
        }
        match secrets::put(client, id, name, values).await {
            Err(ControlError::Conflict { owner: Some(other), .. }) if takes(&other) => {
                secrets::delete(&client.acting_for(other), id, name).await?;
                secrets::put(client, id, name, values).await?;
            }
            result => result?,
        }
        known().remember(id, name, client.owner(), values);
    }
    let names = known().names(id);
    for name in names.iter().filter(|name| !all.contains_key(*name)) {
        secrets::delete(client, id, name).await?;
        known().forget(id, name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn only_the_keys_referred_to_are_taken_and_a_missing_one_is_named() {
        let name = ObjectName { namespace: "team".into(), name: "hooks".into() };
        let data = ["url", "other"].map(|key| (key.to_owned(), ByteString(key.into())));
        let secret = Secret { data: Some(data.into()), ..Secret::default() };
        let keys = |key: &str| [key.to_owned()];
        let values = chosen(&name, Some(secret.clone()), &keys("url")).expect("there");
        assert_eq!(values, Values::from([("url".to_owned(), b"url".to_vec())]));
        let missing = chosen(&name, Some(secret), &keys("token")).expect_err("not there");
        assert_eq!(missing.reason, "SecretKeyNotFound");
        assert!(missing.message.contains("team/hooks") && missing.message.contains("token"));
        assert_eq!(chosen(&name, None, &keys("x")).expect_err("none").reason, "SecretNotFound");
    }
}
