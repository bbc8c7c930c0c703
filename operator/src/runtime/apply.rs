//! Server-side apply that writes only what changes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, Request};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::runtime::cache::{Cache, name_of};
use crate::runtime::compare;
use crate::runtime::context::Context;
use crate::runtime::error::{ApiFault, ReconcileError};
use crate::settings::ObjectName;

/// The label whose value tells the operator's children from everybody else's objects.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Its value.
const MANAGER: &str = "hearth-operator";

/// What may be applied.
pub trait Applicable: Resource<DynamicType = ()> + Serialize + DeserializeOwned
where
    Self: Clone + Debug + Send + Sync + 'static,
{
}

impl<K> Applicable for K where
    K: Resource<DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// What was applied last, and how the object looked right after: some fields come back written
/// another way, and must not be taken for drift for ever.
#[derive(Debug, Default)]
pub struct Applied {
    last: Mutex<BTreeMap<(String, ObjectName), (String, String)>>,
}

impl Applied {
    fn knows(&self, key: &(String, ObjectName), hash: &str, fingerprint: &str) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(key).is_some_and(|(h, f)| h == hash && f == fingerprint)
    }

    fn remember(&self, key: (String, ObjectName), hash: String, fingerprint: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(key, (hash, fingerprint));
    }

    fn forget(&self, key: &(String, ObjectName)) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Makes a child be as desired: no request where it already is, one server-side apply (forced,
/// under `manager`) where not. An object of the same name that is not the operator's is left alone.
///
/// `cache` is the cache of the managed objects of the kind. Answers the object as it is then.
///
/// # Errors
/// What the API server says; `NameTaken` where somebody else's object has the name.
pub async fn apply<K: Applicable>(
    context: &Context,
    manager: &str,
    cache: &Cache<K>,
    desired: &K,
) -> Result<K, ReconcileError> {
    let kind = K::kind(&());
    let name = name_of(desired);
    let doing = format!("apply {kind} {name}");
    let mut wanted = value(desired, &doing)?;
    let hash = compare::with_hash(&mut wanted);
    let key = (kind.to_string(), name.clone());
    let live = match cache.get(&name) {
        Some(live) => Some(live.as_ref().clone()),
        None => find(context, &name).await?,
    };
    if let Some(live) = live {
        if live.labels().get(MANAGED_BY).map(String::as_str) != Some(MANAGER) {
            return Err(taken(&kind, &name));
        }
        let seen = value(&live, &doing)?;
        let same = compare::bears(&seen, &hash)
            && (compare::holds(&seen, &wanted)
                || context.applied.knows(&key, &hash, &compare::fingerprint(&seen)));
        if same {
            return Ok(live);
        }
    }
    let params = PatchParams::apply(manager).force();
    let request = Request::new(K::url_path(&(), desired.namespace().as_deref()))
        .patch(&name.name, &params, &Patch::Apply(&wanted))
        .map_err(|error| built(&doing, &error))?;
    let answer = context.client.request::<K>(request).await;
    told(context, &kind, answer.as_ref().err());
    let live = answer.map_err(ReconcileError::api(doing.clone()))?;
    context.applied.remember(key, hash, compare::fingerprint(&value(&live, &doing)?));
    cache.put(live.clone());
    tracing::info!(%kind, %name, "applied");
    Ok(live)
}

/// The object of a name as the API server has it now; `None` where there is none.
///
/// # Errors
/// What the API server says.
pub async fn find<K: Applicable>(
    context: &Context,
    name: &ObjectName,
) -> Result<Option<K>, ReconcileError> {
    let doing = format!("read {} {name}", K::kind(&()));
    let namespace = Some(name.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let request = Request::new(K::url_path(&(), namespace))
        .get(&name.name, &kube::api::GetParams::default())
        .map_err(|error| built(&doing, &error))?;
    match context.client.request::<K>(request).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if ApiFault::of(&error) == ApiFault::NotFound => Ok(None),
        Err(error) => Err(ReconcileError::api(doing)(error)),
    }
}

/// Changes some fields of an object that somebody else made, by a merge patch under `manager`.
///
/// # Errors
/// What the API server says.
pub async fn merge<K: Applicable>(
    context: &Context,
    manager: &str,
    cache: &Cache<K>,
    name: &ObjectName,
    patch: &Value,
) -> Result<K, ReconcileError> {
    let kind = K::kind(&());
    let doing = format!("change {kind} {name}");
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let namespace = Some(name.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let request = Request::new(K::url_path(&(), namespace))
        .patch(&name.name, &params, &Patch::Merge(patch))
        .map_err(|error| built(&doing, &error))?;
    let answer = context.client.request::<K>(request).await;
    told(context, &kind, answer.as_ref().err());
    let changed = answer.map_err(ReconcileError::api(doing))?;
    cache.put(changed.clone());
    Ok(changed)
}

/// Deletes a child that the cache knows; nothing where it knows none. `params` says what becomes
/// of its own children.
///
/// # Errors
/// What the API server says; that it is already gone is no error.
pub async fn delete<K: Applicable>(
    context: &Context,
    cache: &Cache<K>,
    name: &ObjectName,
    params: DeleteParams,
) -> Result<(), ReconcileError> {
    let Some(live) = cache.get(name) else { return Ok(()) };
    let kind = K::kind(&());
    let doing = format!("delete {kind} {name}");
    let same = Preconditions { uid: live.uid(), ..Preconditions::default() };
    let params = params.preconditions(same);
    let request = Request::new(K::url_path(&(), live.namespace().as_deref()))
        .delete(&name.name, &params)
        .map_err(|error| built(&doing, &error))?;
    let answer = context.client.request_status::<K>(request).await;
    told(context, &kind, answer.as_ref().err());
    match answer {
        Ok(_) => {}
        Err(error) if ApiFault::of(&error) == ApiFault::NotFound => cache.remove(name),
        Err(error) => return Err(ReconcileError::api(doing)(error)),
    }
    context.applied.forget(&(kind.to_string(), name.clone()));
    tracing::info!(%kind, %name, "deleted");
    Ok(())
}

/// Counts a write.
pub fn told(context: &Context, kind: &str, error: Option<&kube::Error>) {
    let outcome = error.map_or("ok", |error| ApiFault::of(error).reason());
    context.metrics.wrote(kind, outcome);
}

fn taken(kind: &str, name: &ObjectName) -> ReconcileError {
    ReconcileError::Refused {
        reason: "NameTaken",
        message: format!(
            "{kind} {name} exists and is not this operator's: delete it or rename it, then this \
             goes on"
        ),
    }
}

fn value<K: Serialize>(object: &K, doing: &str) -> Result<Value, ReconcileError> {
    serde_json::to_value(object).map_err(|error| ReconcileError::Refused {
        reason: "Unwritable",
        message: format!("could not {doing}: {error}"),
    })
}

/// A request that cannot even be built.
pub fn built(doing: &str, error: &kube::core::request::Error) -> ReconcileError {
    let message = format!("could not {doing}: {error}");
    ReconcileError::Refused { reason: "Unwritable", message }
}
