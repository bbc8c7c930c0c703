//! The one finalizer: there only where deletion has work to do.

use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, Request};
use serde_json::json;

use crate::runtime::apply::{Applicable, built, told};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::{Context, field_manager};
use crate::runtime::error::{ApiFault, ReconcileError};

/// Its name.
pub const FINALIZER: &str = "hearth.dev/cleanup";

/// Whether an object bears it.
pub fn bears<K: Applicable>(object: &K) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Puts it on or takes it off; no request where that is so already. Other finalizers stay.
///
/// # Errors
/// What the API server says; that the object is gone is no error when it is taken off.
pub async fn set<K: Applicable>(
    context: &Context,
    cache: &Cache<K>,
    object: &K,
    wanted: bool,
) -> Result<(), ReconcileError> {
    if bears(object) == wanted {
        return Ok(());
    }
    let kind = K::kind(&());
    let name = name_of(object);
    let doing = format!("write the finalizer of {kind} {name}");
    let others = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned();
    let finalizers: Vec<String> = others.chain(wanted.then(|| FINALIZER.to_owned())).collect();
    // The version keeps a finalizer that somebody adds meanwhile from getting lost.
    let patch = json!({"metadata": {
        "finalizers": finalizers,
        "resourceVersion": object.resource_version(),
    }});
    let manager = field_manager(&kind);
    let params = PatchParams { field_manager: Some(manager), ..PatchParams::default() };
    let request = Request::new(K::url_path(&(), object.namespace().as_deref()))
        .patch(&name.name, &params, &Patch::Merge(&patch))
        .map_err(|error| built(&doing, &error))?;
    let answer = context.client.request::<K>(request).await;
    told(context, &kind, answer.as_ref().err());
    match answer {
        Ok(written) => cache.put(written),
        Err(error) if !wanted && ApiFault::of(&error) == ApiFault::NotFound => {}
        Err(error) => return Err(ReconcileError::api(doing)(error)),
    }
    Ok(())
}
