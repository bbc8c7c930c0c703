//! Bodies, never larger than allowed.

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Largest body of a definition or of a form: 1 MiB of data as base64, and its framing.
pub const CONTROL_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Largest form of a query.
pub const FORM_BYTES_MAX: usize = 1024 * 1024;

/// Largest body of a remote write, compressed. Snappy never grows by more than a sixth.
pub const WRITE_BYTES_MAX: usize = 38 * 1024 * 1024;

/// Largest body of alerts posted to the alert manager.
pub const ALERTS_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Why there is no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// Too large; nothing of it was kept.
    #[error("the body exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// It ended early.
    #[error("the body could not be read: {0}")]
    Broken(String),
}

/// Reads a whole body. One that announces too much is refused before a byte is read.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, BodyFault> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > limit as u64) {
        return Err(BodyFault::TooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge { limit }),
        Err(error) => Err(BodyFault::Broken(error.to_string())),
    }
}
