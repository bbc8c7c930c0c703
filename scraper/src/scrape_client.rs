//! Asks a target for its metrics over HTTP.

use std::io::Write;
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use protocol::labels::Labels;
use protocol::scrape_config_resolve::{ResolvedJob, ScrapeProtocol};

use crate::error_chain::chain;
use crate::exposition::Dialect;
use crate::http_client::HttpClient;
use crate::negotiation::{accept_header, dialect_of};
use crate::scrape_outcome::Answer;

/// Bytes of an uncompressed body where the job sets no limit: far above any exporter, below what
/// hurts.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// Gets the answer of a target. Tests put an exporter of their own here.
pub trait Fetch: Send + Sync {
    /// One scrape; gives up after `timeout`.
    fn fetch<'a>(&'a self, url: &'a str, timeout: Duration) -> BoxFuture<'a, Answer>;

    /// The same where it matters how the target was found: `discovered` are its labels before
    /// relabelling.
    fn fetch_discovered<'a>(
        &'a self,
        url: &'a str,
        discovered: &'a Labels,
        timeout: Duration,
    ) -> BoxFuture<'a, Answer> {
        let _ = discovered;
        self.fetch(url, timeout)
    }
}

/// The scrapes of one job over HTTP.
pub struct ScrapeClient {
    http: HttpClient,
    accept: HeaderValue,
    compression: bool,
    body_limit: Option<u64>,
    fallback: Option<Dialect>,
}

impl ScrapeClient {
    /// Prepares requests by the job's settings. `Err`: why they cannot be made, in words.
    pub fn new(job: &ResolvedJob) -> Result<Self, String> {
        Self::over(job, HttpClient::new(&job.http)?)
    }

    /// The same over a client with other credentials.
    pub fn over(job: &ResolvedJob, http: HttpClient) -> Result<Self, String> {
        let accept = accept_header(&job.protocols, job.escaping);
        Ok(Self {
            http,
            accept: HeaderValue::from_str(&accept).map_err(|error| error.to_string())?,
            compression: job.enable_compression,
            body_limit: job.limits.body_size,
            fallback: job.fallback_protocol.and_then(dialect_of_protocol),
        })
    }

    async fn ask(&self, url: &str, time: Duration) -> Result<Answer, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, self.accept.clone());
        let encoding = if self.compression { "gzip" } else { "identity" };
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        if let Ok(seconds) = HeaderValue::from_str(&time.as_secs_f64().to_string()) {
            headers.insert("x-prometheus-scrape-timeout-seconds", seconds);
        }
        let mut response = self.http.get(url, headers).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("server returned HTTP status {}", response.status()));
        }
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = text(header::CONTENT_TYPE).unwrap_or("").to_owned();
        let gzip = text(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let mut body = BodyReader::new(gzip, self.body_limit);
        while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
            if !body.push(&chunk)? {
                return Ok(Answer::TooLarge(body.limit));
            }
        }
        let Some(body) = body.finish()? else {
            return Ok(Answer::TooLarge(self.body_limit.unwrap_or(BODY_BYTES_MAX)));
        };
        if body.is_empty() {
            return Ok(Answer::Body(body, Dialect::Text));
        }
        let dialect = dialect_of(&content_type, self.fallback)?;
        Ok(Answer::Body(body, dialect))
    }
}

impl Fetch for ScrapeClient {
    fn fetch<'a>(&'a self, url: &'a str, timeout: Duration) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            match tokio::time::timeout(timeout, self.ask(url, timeout)).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(reason)) => Answer::Failed(reason),
                Err(_) => Answer::Failed(format!("no answer within {} s", timeout.as_secs_f64())),
            }
        })
    }
}

fn dialect_of_protocol(protocol: ScrapeProtocol) -> Option<Dialect> {
    match protocol {
        ScrapeProtocol::PrometheusProto => None,
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => {
            Some(Dialect::Text)
        }
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
            Some(Dialect::OpenMetrics)
        }
    }
}

/// Collects a body, inflating as it comes, and stops at the limit.
struct BodyReader {
    sink: Sink,
    limit: u64,
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

/// A buffer that refuses to grow to its limit: a body of exactly the limit fails, as in Prometheus.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    full: bool,
}

impl BodyReader {
    fn new(gzip: bool, limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(BODY_BYTES_MAX);
        let bounded = Bounded { bytes: Vec::new(), limit, full: false };
        let sink = if gzip {
            Sink::Gzip(Box::new(MultiGzDecoder::new(bounded)))
        } else {
            Sink::Plain(bounded)
        };
        Self { sink, limit }
    }

    /// Whether the body is still within its limit.
    fn push(&mut self, chunk: &[u8]) -> Result<bool, String> {
        let written = match &mut self.sink {
            Sink::Plain(bounded) => bounded.write_all(chunk),
            Sink::Gzip(decoder) => decoder.write_all(chunk),
        };
        let full = match &self.sink {
            Sink::Plain(bounded) => bounded.full,
            Sink::Gzip(decoder) => decoder.get_ref().full,
        };
        match written {
            _ if full => Ok(false),
            Ok(()) => Ok(true),
            Err(error) => Err(format!("gzip: {error}")),
        }
    }

    /// The whole body; `None` where the last bytes reached the limit.
    fn finish(self) -> Result<Option<Vec<u8>>, String> {
        let bounded = match self.sink {
            Sink::Plain(bounded) => bounded,
            Sink::Gzip(mut decoder) => {
                if let Err(error) = decoder.try_finish()
                    && !decoder.get_ref().full
                {
                    return Err(format!("gzip: {error}"));
                }
                std::mem::replace(
                    decoder.get_mut(),
                    Bounded { bytes: Vec::new(), limit: 0, full: true },
                )
            }
        };
        Ok((!bounded.full).then_some(bounded.bytes))
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.full || (self.bytes.len() + bytes.len()) as u64 >= self.limit {
            self.full = !bytes.is_empty();
            return Err(std::io::Error::other("the body is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
