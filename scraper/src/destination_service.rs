//! A destination in the same process: the store's router as a service.

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use tower::{Service, ServiceExt};

use crate::destination::WriteDestination;

/// Bytes of an answer: a receiver's reason is short.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Calls a service, for example an axum `Router`, with the very bytes a socket would carry.
pub struct ServiceDestination<S> {
    service: S,
    path: http::Uri,
}

impl<S> ServiceDestination<S> {
    /// Posts to `path` of the service.
    pub fn new(service: S, path: http::Uri) -> Self {
        Self { service, path }
    }
}

impl<S, Out> WriteDestination for ServiceDestination<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<Out>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: std::fmt::Display,
    S::Future: Send,
    Out: BodyExt + Send + 'static,
    Out::Data: Send,
    Out::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn write(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, String>> {
        let service = self.service.clone();
        let (mut parts, body) = request.into_parts();
        parts.uri = self.path.clone();
        let request = http::Request::from_parts(parts, Full::new(body));
        Box::pin(async move {
            let answer = service.oneshot(request).await.map_err(|error| error.to_string())?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok(http::Response::from_parts(parts, body))
        })
    }
}
