//! The port to whoever knows tokens and rights.
//!
//! In a cluster that is the Kubernetes API server (TokenReview, SubjectAccessReview); the store
//! only knows these words.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

/// The API group of our resources.
pub const GROUP: &str = "hearth.dev";

/// Somebody whose token was found good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// For example `system:serviceaccount:team-a:grafana`.
    pub user: String,
    /// May be empty.
    pub uid: String,
    /// For example `system:serviceaccounts:team-a`.
    pub groups: Vec<String>,
    /// What else the API server said, to be handed back to it as it is.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What somebody wants to do, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attributes {
    /// Something with objects of [`GROUP`].
    Resource {
        /// For example `workspaces`.
        resource: &'static str,
        /// For example `query`; empty for the object itself.
        subresource: &'static str,
        /// For example `get`.
        verb: &'static str,
        /// Empty for all namespaces.
        namespace: String,
        /// Empty for all objects.
        name: String,
    },
    /// Something with a path of the process.
    Path {
        /// For example `/metrics`.
        path: &'static str,
        /// For example `get`.
        verb: &'static str,
    },
}

/// What came of a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Yes.
    Yes(T),
    /// No, and the reason, which may be empty.
    No(String),
    /// There was no answer, and why.
    Unknown(String),
}

/// Judges tokens and rights. Each answer comes within seconds, or is [`Verdict::Unknown`].
pub trait Reviews: Send + Sync + 'static {
    /// Whose token this is, where it was made for this audience.
    fn token<'a>(&'a self, token: &'a str, audience: &'a str) -> BoxFuture<'a, Verdict<Identity>>;

    /// Whether that one may do this.
    fn access<'a>(
        &'a self,
        identity: &'a Identity,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Verdict<()>>;
}
