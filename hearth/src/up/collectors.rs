//! The collectors of `hearth up`: one a Scraper manifest.
//!
//! They write to the store's router, in process: the same path and the same bytes as over a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, Uri};
use bytes::Bytes;
use check::manifest::{ObjectKey, SecretValues};
use crds::scraper::{RemoteWriteDestination, ScraperSpec};
use futures::future::BoxFuture;
use protocol::scrape_config::ScrapeConfiguration;
use scraper::collector::{Collector, CollectorOptions};
use scraper::destination::WriteDestination;
use scraper::status::CollectorStatus;
use store::principal::Principal;
use tower::ServiceExt as _;

/// Answers of a remote write receiver: an error text at most.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Where a collector writes, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path of the store's own router.
    Local(String),
    /// A URL, and a bearer token.
    Remote(String, Option<String>),
}

/// Everything that runs, and what it runs.
pub struct Collectors {
    router: axum::Router,
    client: reqwest::Client,
    running: BTreeMap<ObjectKey, (ScraperSpec, Target, Collector)>,
}

impl Collectors {
    /// None runs yet.
    pub fn new(router: axum::Router) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().build()?;
        Ok(Self { router, client, running: BTreeMap::new() })
    }

    /// Starts, changes and stops until exactly `wanted` runs.
    pub async fn apply(&mut self, wanted: Vec<(&ObjectKey, &ScraperSpec, Target)>) -> Vec<String> {
        let mut problems = Vec::new();
        let gone: Vec<ObjectKey> = self
            .running
            .keys()
            .filter(|key| !wanted.iter().any(|(wanted, ..)| wanted == key))
            .cloned()
            .collect();
        for key in gone {
            if let Some((_, _, collector)) = self.running.remove(&key) {
                collector.apply(ScrapeConfiguration::default()).await;
                collector.shutdown().await;
            }
        }
        for (key, spec, target) in wanted {
            let same = self.running.get(key).map(|(s, t, _)| (s == spec, *t == target));
            if same == Some((true, true)) {
                continue;
            }
            let configuration = match ScrapeConfiguration::parse(&spec.scrape_configuration) {
                Ok(configuration) => configuration,
                Err(faults) => {
                    problems.extend(faults.iter().map(|fault| format!("{key}: {fault}")));
                    continue;
                }
            };
            if let Some((running, _, collector)) = self.running.get_mut(key)
                && same == Some((false, true))
            {
                collector.apply(configuration).await;
                *running = spec.clone();
                continue;
            }
            if let Some((_, _, collector)) = self.running.remove(key) {
                collector.shutdown().await;
            }
            let collector = Collector::start(
                format!("{}/{}", key.namespace, key.name),
                configuration,
                self.destination(&target),
                CollectorOptions::default(),
            );
            self.running.insert(key.clone(), (spec.clone(), target, collector));
        }
        problems
    }

    fn destination(&self, target: &Target) -> Arc<dyn WriteDestination> {
        match target {
            Target::Local(path) => {
                Arc::new(InProcess { router: self.router.clone(), path: path.clone() })
            }
            Target::Remote(url, token) => Arc::new(OverHttp {
                client: self.client.clone(),
                url: url.clone(),
                token: token.clone(),
            }),
        }
    }

    /// How each collector fares.
    pub fn status(&self) -> Vec<(&ObjectKey, CollectorStatus)> {
        self.running.iter().map(|(key, (_, _, collector))| (key, collector.status())).collect()
    }

    /// Stops all; what waits is sent first.
    pub async fn shutdown(self) {
        let ends = self.running.values().map(|(_, _, collector)| collector.shutdown());
        futures::future::join_all(ends).await;
    }
}

/// The remote receiver of a manifest, its token taken from the Secrets of its namespace.
pub fn remote_target(
    key: &ObjectKey,
    remote: &RemoteWriteDestination,
    secrets: &[(&ObjectKey, &SecretValues)],
) -> Result<Target, String> {
    let Some(authorization) = &remote.authorization else {
        return Ok(Target::Remote(remote.url.clone(), None));
    };
    let reference = &authorization.credentials;
    let values = secrets
        .iter()
        .find(|(at, _)| at.namespace == key.namespace && at.name == reference.name)
        .ok_or_else(|| format!("{key}: there is no Secret {:?}", reference.name))?;
    let token = values.1.0.get(&reference.key).ok_or_else(|| {
        format!("{key}: Secret {:?} has no key {:?}", reference.name, reference.key)
    })?;
    let token = String::from_utf8(token.clone())
        .map_err(|_| format!("{key}: the token in Secret {:?} is not text", reference.name))?;
    Ok(Target::Remote(remote.url.clone(), Some(token.trim().to_owned())))
}

struct InProcess {
    router: axum::Router,
    path: String,
}

impl WriteDestination for InProcess {
    fn write(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        let mut request = request.map(Body::from);
        Box::pin(async move {
            *request.uri_mut() =
                self.path.parse::<Uri>().map_err(|error| format!("{}: {error}", self.path))?;
            request.extensions_mut().insert(Principal::internal("up"));
            let response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (head, body) = response.into_parts();
            let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX);
            let body = body.await.map_err(|error| error.to_string())?;
            Ok(Response::from_parts(head, body))
        })
    }
}

struct OverHttp {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl WriteDestination for OverHttp {
    fn write(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            if let Some(token) = &self.token {
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                    .map_err(|_| "the token holds bytes that no header may hold".to_owned())?;
                value.set_sensitive(true);
                head.headers.insert("authorization", value);
            }
            let sent = self.client.post(&self.url).headers(head.headers).body(body).send().await;
            // The URL may hold a secret, and the reader knows it anyway.
            let response = sent.map_err(|error| error.without_url().to_string())?;
            let mut answer = Response::builder().status(response.status());
            if let Some(headers) = answer.headers_mut() {
                headers.clone_from(response.headers());
            }
            let body = response.bytes().await.map_err(|error| error.without_url().to_string())?;
            answer.body(body).map_err(|error| error.to_string())
        })
    }
}
