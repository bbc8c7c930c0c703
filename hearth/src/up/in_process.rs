//! The store's control API inside the same process.
//!
//! The very router that the server serves, called as a tower service: the same bytes, no socket.

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use operator::control::transport::{NoAnswer, Transport};
use store::principal::Principal;
use tower::ServiceExt as _;

/// Answers of the control API: a definition of 1 MiB in base64 and room to spare.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Calls the router as a part of this process, which may act for any owner.
pub struct InProcess {
    router: axum::Router,
}

impl InProcess {
    /// Calls `router`.
    pub fn new(router: axum::Router) -> Self {
        Self { router }
    }
}

impl Transport for InProcess {
    fn call(
        &self,
        owner: &str,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Principal::internal(owner));
        let router = self.router.clone();
        Box::pin(async move {
            let response = match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await;
            let body = body.map_err(|error| NoAnswer(error.to_string()))?;
            Ok(Response::from_parts(parts, body))
        })
    }
}
