//! The last steps of every answer: compression, headers, HEAD.

use std::io::Write as _;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_ENCODING, CONTENT_LENGTH,
    HeaderName, HeaderValue, VARY,
};
use http::request::Parts;
use http::{Method, StatusCode};
use protocol::amp_api::error::REQUEST_ID_HEADER;
use world::tasks::run_blocking;
use world::world::World;

use crate::http::answer::Answer;

/// Shorter bodies gain nothing by compression.
const GZIP_BYTES_MIN: usize = 1024;

/// Longer bodies are compressed off the async threads: this takes about a millisecond.
const GZIP_INLINE_BYTES_MAX: usize = 64 * 1024;

/// What of a request the last steps need.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    gzip: bool,
    head: bool,
}

impl Wanted {
    /// Looks at a request.
    pub fn of(parts: &Parts) -> Self {
        let accepted = parts.headers.get_all(ACCEPT_ENCODING).iter();
        let gzip = accepted.filter_map(|value| value.to_str().ok()).any(accepts_gzip);
        Self { gzip, head: parts.method == Method::HEAD }
    }
}

fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|choice| {
        let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
        let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

/// The answer to OPTIONS.
pub fn preflight() -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}

/// Turns an answer into a response.
pub async fn finish(world: &World, wanted: Wanted, request_id: &str, answer: Answer) -> Response {
    let Answer { status, mut headers, mut body } = answer;
    if wanted.gzip && !wanted.head && body.len() >= GZIP_BYTES_MIN {
        body = compressed(world, body).await;
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let fixed = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Accept, Accept-Encoding, Authorization, Content-Type, Origin",
        ),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "Date, x-amzn-RequestId"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID_HEADER), id);
    }
    if wanted.head {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        body = Bytes::new();
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

async fn compressed(world: &World, body: Bytes) -> Bytes {
    match body.len() <= GZIP_INLINE_BYTES_MAX {
        true => gzip(&body),
        false => run_blocking(world.tasks.as_ref(), move || gzip(&body)).await,
    }
}

fn gzip(body: &[u8]) -> Bytes {
    // Level 1: JSON of samples shrinks well even so, at a third of the time of the default.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_only_where_it_is_wanted() {
        for (header, wanted) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            assert_eq!(accepts_gzip(header), wanted, "{header}");
        }
    }
}
