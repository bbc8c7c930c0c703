//! An exporter and a destination for tests.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::future::BoxFuture;
use protocol::labels::Labels;
use protocol::remote_write::decode::decode;
use protocol::remote_write::{CONTENT_TYPE, DECODED_BYTES_MAX, Version, decompress};
use protocol::sample::TimeSeries;
use protocol::scrape_config::ScrapeConfiguration;
use scraper::destination::WriteDestination;
use tokio::sync::Notify;

/// What an exporter answers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: Option<&'static str>,
    pub encoding: Option<&'static str>,
    pub body: Vec<u8>,
    pub delay: Duration,
}

impl Reply {
    pub fn text(body: &str) -> Self {
        Self {
            status: 200,
            content_type: Some("text/plain; version=0.0.4"),
            encoding: None,
            body: body.as_bytes().to_vec(),
            delay: Duration::ZERO,
        }
    }
}

/// A real HTTP server on a port of its own.
pub struct Exporter {
    pub address: SocketAddr,
    reply: Arc<Mutex<Reply>>,
    requests: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Exporter {
    pub async fn start(reply: Reply) -> Self {
        let reply = Arc::new(Mutex::new(reply));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shown, seen) = (Arc::clone(&reply), Arc::clone(&requests));
        let answer = move |uri: axum::http::Uri, headers: HeaderMap| {
            seen.lock().unwrap().push((uri.to_string(), headers));
            let reply = shown.lock().unwrap().clone();
            async move {
                tokio::time::sleep(reply.delay).await;
                into_response(reply)
            }
        };
        let router = Router::new().route("/{*path}", get(answer.clone())).route("/", get(answer));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, reply, requests, task }
    }

    pub fn set(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    pub fn requests(&self) -> Vec<(String, HeaderMap)> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn into_response(reply: Reply) -> Response {
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    if let Some(content_type) = reply.content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    }
    if let Some(encoding) = reply.encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
    }
    response
}

/// Keeps every sample it is sent.
#[derive(Default)]
pub struct Inbox {
    state: Mutex<InboxState>,
    arrived: Notify,
}

#[derive(Default)]
struct InboxState {
    series: BTreeMap<Labels, Vec<(i64, f64)>>,
    raw: Vec<TimeSeries>,
    requests: usize,
    /// Answers given before the usual one.
    scripted: Vec<http::Response<Bytes>>,
    versions: Vec<Version>,
}

impl Inbox {
    /// The next requests get these answers, and their samples are not kept.
    pub fn script(&self, answers: Vec<http::Response<Bytes>>) {
        self.state.lock().unwrap().scripted = answers;
    }

    pub fn samples(&self) -> BTreeMap<Labels, Vec<(i64, f64)>> {
        self.state.lock().unwrap().series.clone()
    }

    pub fn versions(&self) -> Vec<Version> {
        self.state.lock().unwrap().versions.clone()
    }

    pub fn raw(&self) -> Vec<TimeSeries> {
        self.state.lock().unwrap().raw.clone()
    }

    /// The samples of one series.
    pub fn of(&self, series: &[(&str, &str)]) -> Vec<(i64, f64)> {
        let labels = Labels::from_pairs(series.iter().copied());
        self.state.lock().unwrap().series.get(&labels).cloned().unwrap_or_default()
    }

    /// Waits until the samples satisfy a condition.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let arrived = self.arrived.notified();
                if holds(self) {
                    return;
                }
                arrived.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
        assert!(waited.is_ok(), "never seen: {what}; samples: {:#?}", self.samples());
    }

    fn take(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let content_type = request.headers()[header::CONTENT_TYPE].to_str().unwrap();
        assert!(content_type.starts_with(CONTENT_TYPE));
        let version = Version::from_content_type(content_type).unwrap();
        let message = decompress(request.body(), DECODED_BYTES_MAX).unwrap();
        let decoded = decode(&message, version).unwrap();
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        state.versions.push(version);
        if !state.scripted.is_empty() {
            return state.scripted.remove(0);
        }
        let mut written = 0;
        for series in decoded.series {
            written += series.samples.len();
            let samples = series.samples.iter().map(|s| (s.timestamp_ms, s.value));
            state.series.entry(series.labels.clone()).or_default().extend(samples);
            state.raw.push(series);
        }
        let response = http::Response::builder().status(StatusCode::NO_CONTENT);
        let response = match version {
            Version::V1 => response,
            Version::V2 => response
                .header("x-prometheus-remote-write-samples-written", written)
                .header("x-prometheus-remote-write-histograms-written", 0)
                .header("x-prometheus-remote-write-exemplars-written", 0),
        };
        response.body(Bytes::new()).unwrap()
    }
}

impl WriteDestination for Inbox {
    fn write(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, String>> {
        Box::pin(async move {
            let response = self.take(request);
            self.arrived.notify_waiters();
            Ok(response)
        })
    }
}

pub fn configuration(text: &str) -> ScrapeConfiguration {
    ScrapeConfiguration::parse(text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}
