//! The finalizer of objects that leave something in a store.

use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, Request};
use serde_json::json;

use crate::runtime::apply::{Applicable, built, told};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::{Context, field_manager};
use crate::runtime::error::{ApiFault, ReconcileError};

/// Keeps an object until what it stands for is removed.
pub const FINALIZER: &str = "hearth.dev/cleanup";

/// An annotation that lets an object go although its store cannot be asked any more.
pub const ORPHAN: &str = "hearth.dev/orphan";

/// Whether the object bears the finalizer.
pub fn has<K: Applicable>(object: &K) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Whether the object is to be let go, whatever it leaves behind.
pub fn is_orphan<K: Applicable>(object: &K) -> bool {
    object.annotations().get(ORPHAN).is_some_and(|value| value == "true")
}

/// Makes the finalizer be there or not; no request where it is so already.
///
/// # Errors
/// What the API server says; that the object is gone is no error.
pub async fn set<K: Applicable>(
    context: &Context,
    cache: &Cache<K>,
    object: &K,
    wanted: bool,
) -> Result<(), ReconcileError> {
    if has(object) == wanted {
        return Ok(());
    }
    let kind = K::kind(&());
    let name = name_of(object);
    let doing = format!("write the finalizer of {kind} {name}");
    let others = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER);
    let mut finalizers: Vec<&str> = others.map(String::as_str).collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    // The version keeps a finalizer that somebody else added meanwhile.
    let patch = json!({"metadata": {
        "resourceVersion": object.resource_version(),
        "finalizers": finalizers,
    }});
    let params =
        PatchParams { field_manager: Some(field_manager(&kind)), ..PatchParams::default() };
    let request = Request::new(K::url_path(&(), object.namespace().as_deref()))
        .patch(&name.name, &params, &Patch::Merge(&patch))
        .map_err(|error| built(&doing, &error))?;
    let answer = context.client.request::<K>(request).await;
    told(context, &kind, answer.as_ref().err());
    match answer {
        // The last finalizer of an object that is being deleted: it is gone now.
        Ok(live) if live.meta().deletion_timestamp.is_some() && live.finalizers().is_empty() => {
            Ok(())
        }
        Ok(live) => {
            cache.put(live);
            Ok(())
        }
        Err(error) if !wanted && ApiFault::of(&error) == ApiFault::NotFound => Ok(()),
        Err(error) => Err(ReconcileError::api(doing)(error)),
    }
}

/// The store cannot be asked to remove what the object stands for.
pub fn waits(why: &str) -> ReconcileError {
    ReconcileError::Remote {
        reason: "StoreUnreachable",
        message: format!(
            "cannot be removed from its Store: {why}; it goes as soon as the Store answers. If \
             that Store never comes back, let go with the annotation {ORPHAN}: \"true\""
        ),
    }
}
