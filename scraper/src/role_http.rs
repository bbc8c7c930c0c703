//! What a collector answers: health, metrics, its report.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};

use crate::collector::Collector;
use crate::readiness::Readiness;
use crate::role_metrics;
use crate::role_report::{Told, report};
use crate::token_review::{ReviewError, TokenReviews};

/// What the answers are made of.
pub struct RoleState {
    /// Kept by the role.
    pub told: Mutex<Told>,
    /// Does the work.
    pub collector: Collector,
    /// Checks who asks for the report.
    pub reviews: Box<dyn TokenReviews>,
    /// The only user who may see the report.
    pub reader: Option<String>,
    /// Whether it was ready.
    pub readiness: Readiness,
}

impl RoleState {
    /// A copy of what the role knows.
    pub fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All routes.
pub fn router(state: Arc<RoleState>) -> Router {
    Router::new()
        .route("/-/healthy", get(|| async { "collector is healthy\n" }))
        .route("/-/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(state)
}

async fn ready(State(state): State<Arc<RoleState>>) -> Response {
    let undiscovered = || state.collector.undiscovered();
    match state.readiness.waits_for(&state.told(), undiscovered) {
        None => "collector is ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(state): State<Arc<RoleState>>) -> Response {
    let page = role_metrics::page(&state.told(), &state.collector.status());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response()
}

async fn status(State(state): State<Arc<RoleState>>, headers: HeaderMap) -> Response {
    match admit(&state, &headers).await {
        Ok(()) => Json(report(&state.told(), &state.collector.status())).into_response(),
        Err((code, reason)) => (code, format!("{reason}\n")).into_response(),
    }
}

async fn admit(state: &RoleState, headers: &HeaderMap) -> Result<(), (StatusCode, String)> {
    let Some(reader) = &state.reader else {
        let reason = "nobody may see the report: no --status-reader is given".to_owned();
        return Err((StatusCode::FORBIDDEN, reason));
    };
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("").trim();
    match state.reviews.user(token).await {
        Ok(user) if user == *reader => Ok(()),
        Ok(user) => {
            let reason = format!("{user:?} may not see the report, only {reader:?} may");
            Err((StatusCode::FORBIDDEN, reason))
        }
        Err(error @ ReviewError::Unauthenticated(_)) => {
            Err((StatusCode::UNAUTHORIZED, error.to_string()))
        }
        Err(error @ ReviewError::Unavailable(_)) => {
            Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
        }
    }
}
