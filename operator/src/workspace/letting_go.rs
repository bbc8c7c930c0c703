//! How objects that leave something in a store are let go.

use kube::ResourceExt as _;

use crate::runtime::apply::Applicable;
use crate::runtime::error::ReconcileError;

/// An annotation that lets an object go although its store cannot be asked any more.
pub const ORPHAN: &str = "hearth.dev/orphan";

/// Whether the object is to be let go, whatever it leaves behind.
pub fn is_orphan<K: Applicable>(object: &K) -> bool {
    object.annotations().get(ORPHAN).is_some_and(|value| value == "true")
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
