//! An answer, read to its end.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Response};
use serde_json::Value;

/// Larger answers than any test asks for.
const ANSWER_BYTES_MAX: usize = 1 << 30;

#[allow(dead_code, reason = "each test file looks at what it needs")]
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl Reply {
    pub async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_BYTES_MAX).await.expect("a whole body").to_vec();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}
