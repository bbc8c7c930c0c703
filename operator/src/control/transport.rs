//! How a request reaches a store.
//!
//! `hearth up` calls the router in its own process, the operator calls over HTTPS; what is asked
//! and what is answered are the same bytes.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};

/// Names the owner that a request acts for; a store heeds it only from those who may.
pub const OWNER_HEADER: &str = "hearth-owner";

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// Carries requests to one store.
///
/// Bounds of time and size, retries and credentials are the transport's own affair.
pub trait Transport: Send + Sync + 'static {
    /// Sends `request`, whose URI is a path, in the name of `owner`.
    fn call(
        &self,
        owner: &str,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>>;
}
