//! What has changed since one looked last.
//!
//! Bounded by what there is: a key that changes a thousand times stands here once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::kubernetes::object_meta::ObjectKey;

/// What a watch means to one who listens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// The objects that become groups of targets.
    Main,
    /// Those that lend labels.
    Pod,
    /// Those that lend labels.
    Service,
    /// Those that lend labels.
    Node,
    /// Those that lend labels.
    Namespace,
    /// Between deployments and pods.
    ReplicaSet,
    /// Between cron jobs and pods.
    Job,
}

/// Collects changes for one listener.
#[derive(Default)]
pub struct Inbox {
    changed: Mutex<BTreeSet<(Feed, ObjectKey)>>,
    wake: Notify,
}

impl Inbox {
    /// Notes changes, and wakes the listener.
    pub fn note(&self, feed: Feed, keys: impl IntoIterator<Item = ObjectKey>) {
        self.lock().extend(keys.into_iter().map(|key| (feed, key)));
        self.wake.notify_one();
    }

    /// Waits until something has changed; health of a watch counts.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes all changes out.
    pub fn take(&self) -> BTreeSet<(Feed, ObjectKey)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(Feed, ObjectKey)>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
