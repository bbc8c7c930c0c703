//! Hostile bytes for `operator`.

use std::sync::atomic::{AtomicUsize, Ordering};

use check::patience::Patience;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use operator::control::error::{ControlError, retry_after};
use operator::foreign_rules::conversion::rule_file;
use operator::webhook::review;
use serde_json::Value;

/// Questions after which a run of unit tests ends: some evaluations, so that the fuzzer is quick.
const QUESTIONS_MAX: usize = 200;

/// What an API server asks the webhook. Whatever can be read gets an answer that can be sent.
pub fn admission_review(bytes: &[u8]) {
    let Ok(request) = review::read(bytes) else { return };
    let asked = AtomicUsize::new(0);
    let patience = Patience::until(move || asked.fetch_add(1, Ordering::Relaxed) > QUESTIONS_MAX);
    let answer = review::answer(&request, &patience);
    assert_eq!(answer.uid, request.uid);
    serde_json::to_vec(&answer.into_review()).expect("an answer is plain data");
}

/// A PrometheusRule, or Rules of GMP. What it becomes is a rule file that can be judged.
pub fn foreign_rules(bytes: &[u8]) {
    let Ok(object) = serde_json::from_slice::<Value>(bytes) else { return };
    if let Ok(text) = rule_file(&object) {
        let _ = check::specs::rule_file(&text);
    }
}

/// What a store, or whoever stands in its place, answers: a status, a `Retry-After`, a body.
pub fn store_answer(bytes: &[u8]) {
    let Some((head, body)) = bytes.split_at_checked(2) else { return };
    let status = StatusCode::from_u16(u16::from_le_bytes([head[0], head[1]]));
    let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(first) {
        headers.insert(header::RETRY_AFTER, value);
    }
    let _ = retry_after(&headers);
    let error = ControlError::from_answer(status.unwrap_or(StatusCode::OK), &headers, body);
    assert!(!error.to_string().is_empty() && !error.reason().is_empty());
}
