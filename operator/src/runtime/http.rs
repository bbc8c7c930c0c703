//! Metrics and health over plain HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::runtime::context::Context;

/// What a part that the runtime does not know still waits for, in words.
pub type Pending = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// `/metrics`, `/-/healthy` and `/-/ready`; the latter also asks `part`.
pub fn router(context: Arc<Context>, part: Pending) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(async || "healthy\n"))
        .route("/-/ready", get(ready))
        .with_state((context, part))
}

async fn metrics(State((context, _)): State<(Arc<Context>, Pending)>) -> Response {
    let type_ = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (type_, context.metrics.text()).into_response()
}

/// 503 with one line for each thing that is not there yet.
async fn ready(State((context, part)): State<(Arc<Context>, Pending)>) -> Response {
    let mut pending = context.metrics.pending();
    if context.authority.current().is_none() {
        pending.push("the certificate authority is not there yet".to_owned());
    }
    pending.extend(part());
    if pending.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, pending.join("\n") + "\n").into_response()
}
