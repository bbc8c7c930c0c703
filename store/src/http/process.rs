//! `/-/healthy`, `/-/ready`, `/metrics`.

use std::sync::Arc;

use http::StatusCode;

use crate::http::answer::Answer;
use crate::http::error::ApiError;
use crate::http::routes::ProcessAction;
use crate::metrics;
use crate::store::Store;

/// Answers a question about the process.
pub async fn answer(store: &Arc<Store>, action: ProcessAction) -> Answer {
    match action {
        ProcessAction::Healthy => Answer::text(StatusCode::OK, "Hearth is healthy.\n"),
        ProcessAction::Ready if store.is_ready() => {
            Answer::text(StatusCode::OK, "Hearth is ready.\n")
        }
        ProcessAction::Ready => {
            ApiError::Unavailable("hearth is opening its workspaces".to_owned()).text_answer()
        }
        ProcessAction::Metrics => {
            Answer::typed(StatusCode::OK, metrics::MEDIA_TYPE, metrics::text(store).await)
        }
    }
}
