//! Which operator looks after an object: the first one there.
//!
//! Two operators that watch the same namespaces would undo each other's work for ever. So each
//! writes its name into the status of what it looks after, and leaves alone what bears the name of
//! another one that is alive. Of an operator that is gone, its objects are taken over.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::Api;
use tokio::time::Instant;

use crate::runtime::error::api_message;
use crate::runtime::lease::LEASE;
use crate::settings::OperatorSettings;

/// An operator whose Lease was not renewed for this long is gone: ten times the Lease's own life,
/// so that an upgrade, a lost node or a clock that is off takes nothing away.
const GONE_AFTER: Duration = Duration::from_mins(10);
/// How long one look at another operator's Lease counts.
const LOOK: Duration = Duration::from_mins(1);
/// Longest time for that look.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);
/// Other operators remembered: people run two by mistake, never dozens.
const OTHERS_MAX: usize = 32;
/// When an object that another operator looks after is looked at again.
pub const AGAIN: Duration = Duration::from_mins(5);

/// What is known of another operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Its Lease, renewed then.
    Renewed(Timestamp),
    /// It has no Lease.
    NoLease,
    /// It could not be looked at, and why.
    Hidden(String),
}

/// The name in the status: `NAMESPACE/INSTALL`.
pub fn name(settings: &OperatorSettings) -> String {
    format!("{}/{}", settings.namespace, settings.install)
}

/// The namespace of the operator that a status names, where that is another one. In one namespace
/// only one leads, whatever it is called: there it is always us.
pub fn other<'a>(recorded: Option<&'a str>, own_namespace: &str) -> Option<&'a str> {
    let namespace = recorded?.split('/').next().filter(|namespace| !namespace.is_empty())?;
    (namespace != own_namespace).then_some(namespace)
}

/// Whether an operator is gone for good. One that cannot be seen is taken to be there.
pub fn is_gone(sight: &Sight, now: Timestamp) -> bool {
    let tolerated = SignedDuration::try_from(GONE_AFTER).unwrap_or(SignedDuration::MAX);
    match sight {
        Sight::Renewed(at) => now.duration_since(*at) > tolerated,
        Sight::NoLease => true,
        Sight::Hidden(_) => false,
    }
}

/// What is told of an object that another operator looks after.
pub fn complaint(other: &str, me: &str, sight: &Sight) -> String {
    let hidden = match sight {
        Sight::Hidden(why) => format!(
            "; whether that one is still there cannot be seen ({why}): if it is not, remove \
             status.operator of the object"
        ),
        Sight::Renewed(_) | Sight::NoLease => String::new(),
    };
    format!(
        "the operator {other} looks after this object, so {me} leaves it alone; let each watch \
         namespaces of its own (watchNamespaces), or uninstall one{hidden}"
    )
}

/// Sees other operators by their Leases.
pub struct Custody {
    client: kube::Client,
    seen: Mutex<BTreeMap<String, (Instant, Sight)>>,
}

impl Custody {
    /// Has seen nobody yet.
    pub fn new(client: kube::Client) -> Self {
        Self { client, seen: Mutex::default() }
    }

    /// What is known of the operator of a namespace; asks where that is old.
    pub async fn sight(&self, namespace: &str) -> Sight {
        if let Some(sight) = self.known(namespace) {
            return sight;
        }
        let api: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
        let sight = match tokio::time::timeout(LOOK_PATIENCE, api.get_opt(LEASE)).await {
            Ok(Ok(Some(lease))) => lease
                .spec
                .and_then(|spec| spec.renew_time)
                .map_or(Sight::NoLease, |renewed| Sight::Renewed(renewed.0)),
            Ok(Ok(None)) => Sight::NoLease,
            Ok(Err(error)) => Sight::Hidden(api_message(&error)),
            Err(_) => Sight::Hidden("the API server did not answer in time".to_owned()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= OTHERS_MAX {
            seen.retain(|_, (at, _)| at.elapsed() < LOOK);
        }
        if seen.len() < OTHERS_MAX {
            seen.insert(namespace.to_owned(), (Instant::now(), sight.clone()));
        }
        sight
    }

    /// What was seen lately, without a request.
    pub fn known(&self, namespace: &str) -> Option<Sight> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, sight) = seen.get(namespace)?;
        (at.elapsed() < LOOK).then(|| sight.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_there_keeps_an_object_until_it_is_gone() {
        assert_eq!(other(None, "a"), None, "nobody's");
        assert_eq!(other(Some("a/hearth"), "a"), None);
        assert_eq!(other(Some("a/renamed"), "a"), None, "one namespace has one leader");
        assert_eq!(other(Some("b/hearth"), "a"), Some("b"));
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let renewed = |ago| Sight::Renewed(now - SignedDuration::from_secs(ago));
        assert!(!is_gone(&renewed(0), now) && !is_gone(&renewed(600), now));
        assert!(!is_gone(&renewed(-30), now), "its clock is ahead");
        assert!(is_gone(&renewed(601), now) && is_gone(&Sight::NoLease, now));
        let hidden = Sight::Hidden("403".to_owned());
        assert!(!is_gone(&hidden, now));
        let said = complaint("b/hearth", "a/two", &hidden);
        assert!(
            said.contains("b/hearth looks after") && said.contains("status.operator"),
            "{said}"
        );
    }
}
