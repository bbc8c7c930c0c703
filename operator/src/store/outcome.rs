//! What a reconcile of a Store tells.                    (pure)

use crds::status::CommonStatus;
use crds::store::{Store, StoreStatus};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::jiff::Timestamp;

use crate::runtime::cache::name_of;
use crate::runtime::rollout::Rollout;
use crate::runtime::status::{Progress, Said, common};
use crate::runtime::volume::{self, VolumeStep};
use crate::store::names;

/// A fault of the spec: what runs is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One CamelCase word.
    pub reason: String,
    /// The culprit and the cure.
    pub message: String,
}

/// What a reconcile saw.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What of the spec cannot be followed.
    pub fault: Option<Fault>,
    /// How far the StatefulSet is; `None` before there is one.
    pub rollout: Option<Rollout>,
    /// Why its pod is not ready.
    pub trouble: Option<String>,
    /// The volume's claim.
    pub claim: Option<&'a PersistentVolumeClaim>,
    /// What is done about the volume.
    pub volume: VolumeStep,
    /// The image of the ready pod.
    pub image: Option<String>,
}

/// The status of a Store.
pub fn status(store: &Store, seen: &Seen<'_>, now: Timestamp) -> StoreStatus {
    let name = name_of(store);
    let before: Option<&CommonStatus> = store.status.as_ref().map(|status| &status.common);
    let own = vec![accepted(seen), programmed(seen), healthy(seen)];
    let secret = store.spec.tls.as_ref().map(|tls| tls.secret_name.clone());
    let version = seen.image.as_deref().map(tag).map(str::to_owned);
    let known = store.status.as_ref().and_then(|status| status.version.clone());
    StoreStatus {
        common: common(before, store.metadata.generation, &progress(seen), own, now),
        endpoint: Some(names::url(&name)),
        audience: Some(names::audience(&name)),
        ca_secret_name: Some(secret.unwrap_or_else(|| names::tls_secret(&name.name))),
        volume_capacity: volume::capacity(seen.claim),
        version: version.or(known),
    }
}

fn progress(seen: &Seen<'_>) -> Progress {
    if let Some(Fault { reason, message }) = &seen.fault {
        return Progress::stalled(reason, message.clone());
    }
    match seen.rollout {
        Some(rollout) if rollout.done => {}
        _ => {
            let waits = "waiting for the pod of the store to be ready".to_owned();
            let message = seen.trouble.clone().unwrap_or(waits);
            return Progress::reconciling("RollingOut", message);
        }
    }
    match &seen.volume {
        VolumeStep::Grow { from, to, .. } => {
            Progress::reconciling("VolumeGrowing", format!("the volume grows from {from} to {to}"))
        }
        VolumeStep::Growing { to, has } => {
            Progress::reconciling("VolumeGrowing", format!("the volume grows from {has} to {to}"))
        }
        VolumeStep::Fine | VolumeStep::Refused { .. } => Progress::ready("the store answers"),
    }
}

fn accepted(seen: &Seen<'_>) -> Said {
    match &seen.fault {
        None => Said::yes("Accepted", "Accepted", "the spec can be followed"),
        Some(Fault { reason, message }) => Said::no("Accepted", reason, message.clone()),
    }
}

fn programmed(seen: &Seen<'_>) -> Said {
    if let Some(fault) = &seen.fault {
        let message = "the newest spec cannot be followed; what ran before runs on";
        return Said::no("Programmed", &fault.reason, message);
    }
    if seen.rollout.is_some_and(|rollout| rollout.done) {
        return Said::yes("Programmed", "Programmed", "the pod runs as the spec says");
    }
    Said::no("Programmed", "RollingOut", "the pod does not run as the spec says yet")
}

fn healthy(seen: &Seen<'_>) -> Said {
    if seen.rollout.is_some_and(|rollout| rollout.ready > 0) {
        return Said::yes("Healthy", "Answers", "the store answers its readiness probe");
    }
    let message = seen.trouble.clone().unwrap_or_else(|| "no pod of it is ready".to_owned());
    Said::no("Healthy", "NotReady", message)
}

/// The tag of an image, without its digest; the whole name where there is none.
fn tag(image: &str) -> &str {
    let bare = image.split_once('@').map_or(image, |(bare, _)| bare);
    match bare.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag,
        _ => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::status::{Holds, holds};

    fn seen(done: bool, ready: i32) -> Seen<'static> {
        Seen {
            fault: None,
            rollout: Some(Rollout { wanted: 1, ready, done }),
            trouble: None,
            claim: None,
            volume: VolumeStep::Fine,
            image: None,
        }
    }

    fn said(seen: &Seen<'_>, type_: &str) -> Option<Holds> {
        let store = Store::new("main", crds::store::StoreSpec::default());
        holds(&status(&store, seen, Timestamp::UNIX_EPOCH).common, type_)
    }

    #[test]
    fn a_store_is_ready_when_its_newest_pod_is() {
        assert_eq!(said(&seen(true, 1), "Ready"), Some(Holds::True));
        assert_eq!(said(&seen(false, 1), "Ready"), Some(Holds::False));
        assert_eq!(said(&seen(false, 1), "Healthy"), Some(Holds::True), "the old pod answers");
        assert_eq!(said(&seen(false, 0), "Healthy"), Some(Holds::False));
    }

    #[test]
    fn a_fault_stalls_and_says_that_the_old_runs_on() {
        let fault = Fault { reason: "VolumeCannotShrink".into(), message: "no".into() };
        let seen = Seen { fault: Some(fault), ..seen(true, 1) };
        assert_eq!(said(&seen, "Stalled"), Some(Holds::True));
        assert_eq!(said(&seen, "Reconciling"), None);
        assert_eq!(said(&seen, "Accepted"), Some(Holds::False));
        assert_eq!(said(&seen, "Healthy"), Some(Holds::True));
    }

    #[test]
    fn the_version_is_the_tag() {
        assert_eq!(tag("localhost/hearth:dev"), "dev");
        assert_eq!(tag("registry:5000/hearth"), "registry:5000/hearth");
        assert_eq!(tag("ghcr.io/x/hearth:0.1.0@sha256:abc"), "0.1.0");
    }
}
