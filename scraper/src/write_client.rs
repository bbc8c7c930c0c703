//! Samples to one request, and its answer to what is next.
//!
//! Pure. 2.0 first; a receiver that does not know it (415, or success without the `-Written`
//! headers) gets 1.0 from then on.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use protocol::labels::Labels;
use protocol::remote_write::decode::decode;
use protocol::remote_write::encode::encode;
use protocol::remote_write::{
    DECODED_BYTES_MAX, SAMPLES_WRITTEN_HEADER, VERSION_HEADER, Version, compress, decompress,
};
use protocol::sample::{Sample, TimeSeries};

use crate::scraped::ScrapedSample;

/// The first wait after a failed delivery; doubles each time.
pub const BACKOFF_MIN: Duration = Duration::from_millis(30);
/// The longest wait, unless the receiver asks for more.
pub const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// The longest wait that a receiver can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);
/// Bytes of a receiver's reason that are kept.
const REASON_BYTES_MAX: usize = 512;

/// How the collector names itself.
pub const USER_AGENT: &str = concat!("hearth/", env!("CARGO_PKG_VERSION"));

/// What an answer means for the batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All of it was written.
    Delivered,
    /// Some of it was written, the rest never will be.
    Partial {
        /// What was not written.
        refused: u64,
        /// In the receiver's words.
        reason: String,
    },
    /// Send the same samples as 1.0.
    FallBack,
    /// Send it again, not before the wait the receiver asks for.
    Retry {
        /// Longer than the usual back-off, if set.
        after: Option<Duration>,
        /// In the receiver's words.
        reason: String,
    },
    /// None of it ever will be written.
    Refused(String),
}

/// One series a label set, each with its samples in order of time.
pub fn series_of(samples: &[ScrapedSample]) -> Vec<TimeSeries> {
    let mut places: HashMap<&Labels, usize> = HashMap::with_capacity(samples.len());
    let mut series: Vec<TimeSeries> = Vec::with_capacity(samples.len());
    for sample in samples {
        let at = *places.entry(&sample.labels).or_insert(series.len());
        if at == series.len() {
            series.push(TimeSeries { labels: sample.labels.clone(), ..TimeSeries::default() });
        }
        let one = &mut series[at];
        one.samples.push(Sample { timestamp_ms: sample.timestamp_ms, value: sample.value });
        one.exemplars.extend(sample.exemplar.as_deref().cloned());
        if let Some(metadata) = &sample.metadata {
            one.metadata = Some(metadata.as_ref().clone());
        }
    }
    for one in &mut series {
        one.samples.sort_by_key(|sample| sample.timestamp_ms);
        one.exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
    }
    series
}

/// The body that carries these samples.
pub fn body_of(samples: &[ScrapedSample], version: Version) -> Bytes {
    Bytes::from(compress(&encode(&series_of(samples), version)))
}

/// The body of 2.0 as one of 1.0; `Err`: it does not read.
pub fn body_as_v1(body: &[u8]) -> Result<Bytes, String> {
    let message = decompress(body, DECODED_BYTES_MAX).map_err(|error| error.to_string())?;
    let decoded = decode(&message, Version::V2).map_err(|error| error.to_string())?;
    Ok(Bytes::from(compress(&encode(&decoded.series, Version::V1))))
}

/// The request around a body. Its URI is `/`: the destination knows the real one.
pub fn request_of(body: Bytes, version: Version, attempt: u32) -> Request<Bytes> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(header::CONTENT_TYPE, version.content_type())
        .header(header::CONTENT_ENCODING, "snappy")
        .header(header::USER_AGENT, USER_AGENT)
        .header(VERSION_HEADER, version.header());
    if attempt > 0 {
        request = request.header("retry-attempt", attempt);
    }
    request.body(body).expect("constant headers make a valid request")
}

/// What the answer to a batch of `samples` samples means.
pub fn verdict(version: Version, samples: u64, answer: &Response<Bytes>, now_ms: i64) -> Verdict {
    let status = answer.status();
    let written = written_samples(answer.headers());
    if status.is_success() {
        return match (version, written) {
            // A 1.0 receiver that swallowed a message it could not read.
            (Version::V2, None) => Verdict::FallBack,
            (Version::V2, Some(written)) if written < samples => {
                Verdict::Partial { refused: samples - written, reason: reason_of(answer) }
            }
            _ => Verdict::Delivered,
        };
    }
    if version == Version::V2 && status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return Verdict::FallBack;
    }
    // A token that has just expired or a permission that is just being given is no reason to lose
    // samples: they wait, bounded, and the reason is told.
    let is_passing = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
    );
    if status.is_server_error() || is_passing {
        let after = retry_after(answer.headers(), now_ms);
        return Verdict::Retry { after, reason: reason_of(answer) };
    }
    match written {
        Some(written) if written > 0 => {
            let refused = samples.saturating_sub(written);
            Verdict::Partial { refused, reason: reason_of(answer) }
        }
        _ => Verdict::Refused(reason_of(answer)),
    }
}

/// The wait before the next attempt, the first one being 0.
pub fn backoff(attempt: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(1u32 << attempt.min(16)).min(BACKOFF_MAX)
}

fn written_samples(headers: &HeaderMap) -> Option<u64> {
    headers.get(SAMPLES_WRITTEN_HEADER)?.to_str().ok()?.trim().parse().ok()
}

fn reason_of(answer: &Response<Bytes>) -> String {
    let body = answer.body();
    let text = String::from_utf8_lossy(&body[..body.len().min(REASON_BYTES_MAX)]);
    match text.trim() {
        "" => format!("HTTP status {}", answer.status()),
        text => format!("HTTP status {}: {text}", answer.status()),
    }
}

fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let wait_ms = crate::http_date::parse_ms(text)?.saturating_sub(now_ms);
            Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests;
