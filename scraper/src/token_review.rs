//! The port to whoever knows whose a token is.
//!
//! In a cluster that is the Kubernetes API server, asked and remembered by what serves the store
//! too; the collector only knows these words.

use futures::future::BoxFuture;

/// Why nobody is let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// No token or a bad one.
    #[error("{0}")]
    Unauthenticated(String),
    /// Nobody can say whose it is: nobody comes in.
    #[error("{0}")]
    Unavailable(String),
}

/// Tells whose token it is, where it was made for the collector. Each answer comes within seconds.
pub trait TokenReviews: Send + Sync {
    /// The user's name, for example `system:serviceaccount:NAMESPACE:NAME`.
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<String, ReviewError>>;
}
