//! Metrics and health over plain HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::runtime::context::Context;

/// What else is waited for, in one line; `None` where it is there.
pub type Waits = Arc<dyn Fn() -> Option<String> + Send + Sync>;

struct Told {
    context: Arc<Context>,
    waits: Vec<Waits>,
}

/// `/metrics`, `/-/healthy` and `/-/ready`.
pub fn router(context: Arc<Context>, waits: Vec<Waits>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(async || "healthy\n"))
        .route("/-/ready", get(ready))
        .with_state(Arc::new(Told { context, waits }))
}

async fn metrics(State(told): State<Arc<Told>>) -> Response {
    let type_ = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (type_, told.context.metrics.text()).into_response()
}

/// 503 with one line for each thing that is not there yet.
async fn ready(State(told): State<Arc<Told>>) -> Response {
    let mut pending = told.context.metrics.pending();
    if told.context.authority.current().is_none() {
        pending.push("the certificate authority is not there yet".to_owned());
    }
    pending.extend(told.waits.iter().filter_map(|waits| waits()));
    if pending.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, pending.join("\n") + "\n").into_response()
}
