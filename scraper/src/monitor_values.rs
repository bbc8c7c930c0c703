//! Secrets and ConfigMaps that monitors name, read one by one.
//!
//! Only those that are named are asked for, by name. They are looked at again every minute, so that
//! a rotated password is used.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use tokio::time::{Instant, timeout};

use crate::monitors::values::{ValueObject, ValueSource, Values};

/// How long a value counts.
const KEEP: Duration = Duration::from_mins(1);
/// How long a failure counts: what is missing is often just being made.
const KEEP_FAILED: Duration = Duration::from_secs(10);
/// For one object.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Objects that are held: far above what monitors name.
const HELD_MAX: usize = 2000;

/// Keys and texts of an object, or why there are none.
type Content = Result<BTreeMap<String, String>, String>;

/// The values that are held.
#[derive(Default)]
pub struct HeldValues {
    held: BTreeMap<ValueObject, (Instant, Content)>,
    /// Asked for since the last `begin`.
    asked: std::cell::RefCell<BTreeSet<ValueObject>>,
}

impl Values for HeldValues {
    fn value(&self, object: &ValueObject, key: &str) -> Result<String, String> {
        self.asked.borrow_mut().insert(object.clone());
        let (kind, name) = (object.source.as_str(), &object.name);
        match self.held.get(object) {
            None => Err(format!("{kind} {name:?} is not read yet")),
            Some((_, Err(reason))) => Err(reason.clone()),
            Some((_, Ok(content))) => content
                .get(key)
                .cloned()
                .ok_or_else(|| format!("{kind} {name:?} has no key {key:?}; add it")),
        }
    }
}

impl HeldValues {
    /// All jobs that take values are made anew: what they ask for from now on is what is held.
    pub fn begin(&self) {
        self.asked.borrow_mut().clear();
    }

    /// Reads what was asked for and is not held or too old, and forgets what nobody asked for.
    /// Says whether anything has changed, so that jobs have to be made again.
    pub async fn round(&mut self, client: &Client) -> bool {
        let asked = self.asked.borrow().clone();
        self.held.retain(|object, _| asked.contains(object));
        let mut changed = false;
        for object in asked.into_iter().take(HELD_MAX) {
            let old = self.held.get(&object);
            let is_due = old.is_none_or(|(since, content)| {
                since.elapsed() >= if content.is_ok() { KEEP } else { KEEP_FAILED }
            });
            if !is_due {
                continue;
            }
            let found = read(client, &object).await;
            // A secret that cannot be asked for right now stays what it was.
            let is_new = match (&found, old) {
                (Ok(content), Some((_, Ok(held)))) => content != held,
                (Err(Asked::NoAnswer(_)), Some((_, Ok(_)))) => false,
                _ => true,
            };
            let held = self.held.remove(&object).map(|(_, content)| content);
            let content = match (found, held) {
                (Ok(content), _) => Ok(content),
                (Err(Asked::NoAnswer(_)), Some(Ok(content))) => Ok(content),
                (Err(Asked::NoAnswer(reason) | Asked::Refused(reason)), old) => {
                    changed |= old != Some(Err(reason.clone()));
                    self.held.insert(object, (Instant::now(), Err(reason)));
                    continue;
                }
            };
            changed |= is_new;
            self.held.insert(object, (Instant::now(), content));
        }
        changed
    }
}

enum Asked {
    /// The API server says no.
    Refused(String),
    /// The API server says nothing.
    NoAnswer(String),
}

async fn read(client: &Client, object: &ValueObject) -> Result<BTreeMap<String, String>, Asked> {
    let ValueObject { source, namespace, name } = object;
    let answer = match source {
        ValueSource::Secret => {
            let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
            let found = timeout(ASK_TIMEOUT, api.get(name)).await;
            found.map(|found| found.map(secret_content))
        }
        ValueSource::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            let found = timeout(ASK_TIMEOUT, api.get(name)).await;
            found.map(|found| found.map(|map| map.data.unwrap_or_default()))
        }
    };
    let (kind, resource) = match source {
        ValueSource::Secret => ("Secret", "secrets"),
        ValueSource::ConfigMap => ("ConfigMap", "configmaps"),
    };
    match answer {
        Err(_) => Err(Asked::NoAnswer(format!("{kind} {name:?}: no answer in {ASK_TIMEOUT:?}"))),
        Ok(Ok(content)) => Ok(content),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Asked::Refused(format!(
            "{kind} {name:?} does not exist in namespace {namespace:?}; create it"
        ))),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(Asked::Refused(format!(
            "{kind} {name:?} may not be read; in namespace {namespace:?} bind the service account {} to a \
             Role with `get` on {resource}, resourceNames [{name}]",
            asker(&status.message)
        ))),
        Ok(Err(error)) => Err(Asked::NoAnswer(format!("{kind} {name:?}: {error}"))),
    }
}

/// Who was refused, by the API server's words: `... User "system:serviceaccount:NS:NAME" cannot`.
fn asker(message: &str) -> &str {
    let account = message.split("User \"system:serviceaccount:").nth(1);
    let account = account.and_then(|rest| rest.split('"').next());
    account.unwrap_or("of the collector")
}

/// Values that are no text cannot be used and are left out.
fn secret_content(secret: Secret) -> BTreeMap<String, String> {
    let data = secret.data.unwrap_or_default().into_iter();
    data.filter_map(|(key, bytes)| Some((key, String::from_utf8(bytes.0).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_refused_is_named() {
        let words = "secrets \"a\" is forbidden: User \"system:serviceaccount:shop:all-scraper\" \
                     cannot get resource \"secrets\" in API group \"\" in the namespace \"shop\"";
        assert_eq!(asker(words), "shop:all-scraper");
        assert_eq!(asker("forbidden"), "of the collector");
    }
}
