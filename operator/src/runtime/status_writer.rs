//! Writes a status where it changes, and says so.

use crds::status::CommonStatus;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, Request};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::runtime::apply::{Applicable, built, told};
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::context::{Context, field_manager};
use crate::runtime::custody;
use crate::runtime::error::ReconcileError;
use crate::runtime::status::{self, Holds};
use crate::settings::ObjectName;

/// Writes the whole status of an object, by server-side apply; no request where it is as before, or
/// where another operator was faster.
/// Conditions that turned are told as events, and the time to Programmed is counted.
///
/// # Errors
/// What the API server says.
pub async fn write<K: Applicable>(
    context: &Context,
    cache: &Cache<K>,
    object: &K,
    status: &(impl Serialize + Sync),
) -> Result<(), ReconcileError> {
    let kind = K::kind(&());
    let name = name_of(object);
    let doing = format!("write the status of {kind} {name}");
    let unwritable = |error: serde_json::Error| ReconcileError::Refused {
        reason: "Unwritable",
        message: format!("could not {doing}: {error}"),
    };
    let mut after = serde_json::to_value(status).map_err(unwritable)?;
    after["operator"] = json!(custody::name(&context.settings));
    let before = status_of(object);
    programmed(context, object, &after);
    if before == after || taken(context, cache, &name) {
        return Ok(());
    }
    // The uid keeps a status from landing on a later object of the same name.
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": kind,
        "metadata": {"name": name.name, "namespace": name.namespace, "uid": object.uid()},
        "status": after,
    });
    let params = PatchParams::apply(&field_manager(&kind)).force();
    let request = Request::new(K::url_path(&(), object.namespace().as_deref()))
        .patch_subresource("status", &name.name, &params, &Patch::Apply(&patch))
        .map_err(|error| built(&doing, &error))?;
    let answer = context.client.request::<K>(request).await;
    told(context, &kind, answer.as_ref().err());
    cache.put(answer.map_err(ReconcileError::api(doing))?);
    tell(context, object, &common(&before), &common(&after)).await;
    Ok(())
}

/// Tells in the status of an object that its reconcile did not get through; everything else in the
/// status stays as it was.
///
/// # Errors
/// What the API server says.
pub async fn write_failure<K: Applicable>(
    context: &Context,
    cache: &Cache<K>,
    object: &K,
    error: &ReconcileError,
) -> Result<(), ReconcileError> {
    let mut whole = status_of(object);
    let told = (error.passes(), error.reason(), error.to_string());
    let common = status::after_failure(
        Some(&common(&whole)),
        object.meta().generation,
        (told.0, told.1, &told.2),
        context.clock.now(),
    );
    let fields = serde_json::to_value(&common).unwrap_or_default();
    for (field, value) in fields.as_object().into_iter().flatten() {
        whole[field] = value.clone();
    }
    write(context, cache, object, &whole).await
}

/// The operator that looks after an object, by its status.
pub fn operator<K: Serialize>(object: &K) -> Option<String> {
    common(&status_of(object)).operator
}

/// Whether the newest state of an object bears the name of another operator that is not gone.
fn taken<K: Applicable>(context: &Context, cache: &Cache<K>, name: &ObjectName) -> bool {
    let recorded = cache.get(name).and_then(|object| operator(object.as_ref()));
    let other = custody::other(recorded.as_deref(), &context.settings.namespace);
    other.is_some_and(|other| {
        let sight = context.custody.known(other);
        !sight.is_some_and(|sight| custody::is_gone(&sight, context.clock.now()))
    })
}

/// The generation that an object's status speaks of.
pub fn observed<K: Serialize>(object: &K) -> Option<i64> {
    common(&status_of(object)).observed_generation
}

/// The status as it stands; an empty object where there is none.
fn status_of<K: Serialize>(object: &K) -> Value {
    let whole = serde_json::to_value(object).unwrap_or_default();
    let status = whole.get("status").filter(|status| status.is_object());
    status.cloned().unwrap_or_else(|| Value::Object(Map::new()))
}

fn common(status: &Value) -> CommonStatus {
    serde_json::from_value(status.clone()).unwrap_or_default()
}

/// Programmed where the kind has it, else Ready, says that a generation runs.
fn programmed<K: Applicable>(context: &Context, object: &K, status: &Value) {
    let common = common(status);
    let said = status::holds(&common, "Programmed").or(status::holds(&common, "Ready"));
    if let (Some(Holds::True), Some(generation)) = (said, common.observed_generation) {
        let name = name_of(object);
        context.metrics.generation_programmed(&K::kind(&()), &name, generation);
    }
}

/// Events for what turned.
async fn tell<K: Applicable>(
    context: &Context,
    object: &K,
    before: &CommonStatus,
    after: &CommonStatus,
) {
    for condition in &after.conditions {
        let known = before.conditions.iter().find(|known| known.type_ == condition.type_);
        let same = |known: &_| same_word(known, condition);
        if known.is_some_and(same) {
            continue;
        }
        let (reason, message) = (condition.reason.as_str(), condition.message.as_str());
        match (condition.type_.as_str(), condition.status.as_str()) {
            ("Ready", "True") => context.events.normal(object, reason, message).await,
            ("Stalled", "True") => context.events.warning(object, reason, message).await,
            // These say the same as others, or what is usual on the way.
            ("Ready" | "Stalled" | "Reconciling" | "Programmed", _) | (_, "True" | "Unknown") => {}
            ("Healthy", _) if known.is_none() => {}
            _ if stalled_says(after, reason) => {}
            _ => context.events.warning(object, reason, message).await,
        }
    }
}

fn same_word(
    known: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition,
    now: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition,
) -> bool {
    known.status == now.status && known.reason == now.reason
}

fn stalled_says(common: &CommonStatus, reason: &str) -> bool {
    common.conditions.iter().any(|c| c.type_ == "Stalled" && c.reason == reason)
}
