//! A Kubernetes client over our own HTTP client.
//!
//! So the API server is asked with the same settings, token files and rotating certificates as any
//! other server, and nothing is repeated behind the watches' back: they have their own back-offs.

use std::sync::Arc;

use http::{Request, Response};
use kube::client::Body;
use tower::BoxError;

use crate::http_client::HttpClient;

/// `server` is the base of all paths, without a slash at its end. Needs a tokio runtime.
pub fn client(server: &str, http: Arc<HttpClient>, default_namespace: &str) -> kube::Client {
    let server: Arc<str> = Arc::from(server);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (server, http) = (Arc::clone(&server), Arc::clone(&http));
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let url = format!("{server}{path}");
            let body = body.collect_bytes().await?;
            let response = http.send(&url, Request::from_parts(parts, body)).await?;
            Ok::<_, BoxError>(Response::from(response))
        }
    });
    kube::Client::new(service, default_namespace)
}
