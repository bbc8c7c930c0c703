//! The authority's Secret: read by all, written by the leader.
//!
//! A Secret that is gone or cannot be read is written again as this process knows it, so that
//! nobody has to trust anything new. Who wants a new authority says so by the annotation
//! `hearth.dev/rotate`: the time that the authority must not be older than.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use tokio::sync::Notify;

use crate::certificates::issuing::authority;
use crate::certificates::rotation::{Schedule, Signers, Step, after, step};
use crate::runtime::backoff::Backoff;
use crate::runtime::cache::Cache;
use crate::runtime::context::Context;
use crate::runtime::error::{ApiFault, ReconcileError};
use crate::runtime::watches::Selection;
use crate::settings::ObjectName;

/// The Secret's name.
pub const SECRET: &str = "hearth-operator-ca";
/// The key that holds all authorities with their dates, JSON.
const STATE: &str = "authorities.json";
/// The annotation by which a newer authority is asked for.
const ROTATE: &str = "hearth.dev/rotate";
/// Longest time between two looks at the calendar.
const LOOK: Duration = Duration::from_hours(1);

/// Keeps the process's authority as the Secret says, and, while it leads, the Secret in date.
pub async fn keep(context: Arc<Context>) {
    let cache = context.watches.namespaced::<Secret>(Selection {
        namespace: Some(context.settings.namespace.clone()),
        fields: Some(format!("metadata.name={SECRET}")),
        ..Selection::default()
    });
    let reader = context.clone();
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    cache.listen(move |_, after| {
        if let Some(signers) = after.and_then(signers) {
            reader.authority.set(signers);
        }
        notify.notify_one();
    });
    cache.wait_synced().await;
    let mut leadership = context.leadership();
    let mut failures = 0;
    loop {
        if leadership.wait_for(|leads| *leads).await.is_err() {
            return;
        }
        let wait = match advance(&context, &cache).await {
            Ok(until) => {
                failures = 0;
                let wait = until.duration_since(context.clock.now());
                LOOK.min(wait.try_into().unwrap_or_default())
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, "the certificate authority is not in order");
                Backoff::WATCH.wait(failures, &SECRET)
            }
        };
        tokio::select! {
            biased;
            _ = leadership.wait_for(|leads| !*leads) => {}
            () = changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Takes the steps that are due; when the next one is.
async fn advance(context: &Context, cache: &Cache<Secret>) -> Result<Timestamp, ReconcileError> {
    let namespace = context.settings.namespace.clone();
    let name = ObjectName { namespace, name: SECRET.to_owned() };
    loop {
        let live = cache.get(&name);
        let lying = live.as_deref().and_then(signers);
        let is_lost = lying.is_none();
        let known = lying.or_else(|| context.authority.current().map(|held| (*held).clone()));
        let now = context.clock.now();
        let overlap = context.settings.authority_overlap;
        let wanted_after = live.as_deref().and_then(wanted_after);
        let due = step(known.as_ref(), Schedule { overlap, wanted_after }, now);
        if let (Step::Keep { until }, false) = (due, is_lost) {
            return Ok(until);
        }
        let made = authority(&context.settings.install, now)
            .map_err(|error| refused(error.to_string()))?;
        let next = after(known, due, made, now);
        tracing::info!(step = ?due, is_lost, current = ?next.current, "the authority's Secret is written");
        write(context, cache, live.as_deref(), &next).await?;
    }
}

async fn write(
    context: &Context,
    cache: &Cache<Secret>,
    live: Option<&Secret>,
    signers: &Signers,
) -> Result<(), ReconcileError> {
    let namespace = &context.settings.namespace;
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let doing = format!("write Secret {namespace}/{SECRET}");
    let mut secret = secret(signers)?;
    secret.metadata.namespace = Some(namespace.clone());
    let answer = match live {
        None => api.create(&PostParams::default(), &secret).await,
        Some(live) => {
            // The version keeps two leaders from signing with two authorities.
            secret.metadata.resource_version = live.resource_version();
            api.patch(SECRET, &PatchParams::default(), &Patch::Merge(&secret)).await
        }
    };
    crate::runtime::apply::told(context, "Secret", answer.as_ref().err());
    match answer {
        Ok(written) => cache.put(written),
        Err(error) if ApiFault::of(&error) == ApiFault::Conflict => {
            // Somebody else was first, and the watch may lag: what lies there counts.
            let found = api.get(SECRET).await.map_err(ReconcileError::api(doing))?;
            cache.put(found);
        }
        Err(error) => return Err(ReconcileError::api(doing)(error)),
    }
    Ok(())
}

fn secret(signers: &Signers) -> Result<Secret, ReconcileError> {
    let state = serde_json::to_string(signers).map_err(|error| refused(error.to_string()))?;
    let data = [
        ("tls.crt", signers.current.certificate.clone()),
        ("tls.key", signers.current.key.clone()),
        ("ca.crt", signers.bundle()),
        (STATE, state),
    ];
    let labels = [
        ("app.kubernetes.io/name", "hearth-operator"),
        ("app.kubernetes.io/part-of", "hearth"),
        ("app.kubernetes.io/managed-by", "hearth-operator"),
    ];
    let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let bytes = |(key, text): (&str, String)| (key.to_owned(), ByteString(text.into_bytes()));
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            labels: Some(labels.into_iter().map(text).collect()),
            ..ObjectMeta::default()
        },
        data: Some(data.into_iter().map(bytes).collect()),
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    })
}

/// The time after which somebody wants the authority to have taken its place; words that are no
/// time ask for nothing.
fn wanted_after(secret: &Secret) -> Option<Timestamp> {
    let text = secret.annotations().get(ROTATE)?;
    let time = text.parse();
    if let Err(error) = &time {
        tracing::warn!(%error, text, "the annotation {ROTATE} of Secret {SECRET} is no time");
    }
    time.ok()
}

/// The authorities in the Secret; a Secret that cannot be read counts as none, and is replaced.
fn signers(secret: &Secret) -> Option<Signers> {
    let state = &secret.data.as_ref()?.get(STATE)?.0;
    serde_json::from_slice(state).ok()
}

fn refused(message: String) -> ReconcileError {
    ReconcileError::Refused { reason: "NoAuthority", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let now = "2026-11-22T13:00:00Z".parse().unwrap();
        let current = authority("hearth", now).unwrap();
        let next = Some(authority("hearth", now).unwrap());
        let written = Signers { current, next, previous: None };
        let secret = secret(&written).unwrap();
        assert_eq!(signers(&secret), Some(written));
        assert!(!format!("{:?}", signers(&secret)).contains("PRIVATE KEY"));
    }
}
