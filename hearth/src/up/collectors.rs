//! The collectors of `hearth up`: one a Scraper manifest.
//!
//! They write to the store's router, in process: the same path and the same bytes as over a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{Request, Uri};
use bytes::Bytes;
use check::manifest::{ObjectKey, SecretValues};
use crds::scraper::{RemoteWriteDestination, ScraperSpec};
use http_body_util::Full;
use protocol::http_config::{Authorization, HttpClientConfig};
use protocol::secret::Secret;
use protocol::workspace::WorkspaceId;
use scraper::collector::{Collector, CollectorOptions};
use scraper::destination::WriteDestination;
use scraper::destination_http::HttpDestination;
use scraper::destination_service::ServiceDestination;
use scraper::scraper_spec;
use scraper::status::CollectorStatus;
use store::principal::Principal;
use tower::ServiceExt as _;

/// Where a collector writes, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A workspace of the store in here.
    Local(WorkspaceId),
    /// A URL, and a bearer token.
    Remote(String, Option<String>),
}

/// Everything that runs, and what it runs.
pub struct Collectors {
    router: axum::Router,
    running: BTreeMap<ObjectKey, (ScraperSpec, Target, Collector)>,
}

impl Collectors {
    /// None runs yet.
    pub fn new(router: axum::Router) -> Self {
        Self { router, running: BTreeMap::new() }
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
                collector.retire().await;
            }
        }
        for (key, spec, target) in wanted {
            let same = self.running.get(key).map(|(s, t, _)| (s == spec, *t == target));
            if same == Some((true, true)) {
                continue;
            }
            let configuration = match scraper_spec::configuration(spec) {
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
            let destination = match self.destination(&target) {
                Ok(destination) => destination,
                Err(reason) => {
                    problems.push(format!("{key}: {reason}"));
                    continue;
                }
            };
            if let Some((_, _, collector)) = self.running.remove(key) {
                collector.shutdown().await;
            }
            let collector = Collector::start(
                format!("{}/{}", key.namespace, key.name),
                configuration,
                destination,
                CollectorOptions::default(),
            );
            self.running.insert(key.clone(), (spec.clone(), target, collector));
        }
        problems
    }

    fn destination(&self, target: &Target) -> Result<Arc<dyn WriteDestination>, String> {
        Ok(match target {
            Target::Local(id) => {
                let path = format!("/workspaces/{id}/api/v1/remote_write");
                let path = path.parse::<Uri>().map_err(|error| format!("{path}: {error}"))?;
                // Inside the process nobody has to prove who it is.
                let identify = |mut request: Request<Full<Bytes>>| {
                    request.extensions_mut().insert(Principal::internal("up"));
                    request
                };
                let service = self.router.clone().map_request(identify);
                Arc::new(ServiceDestination::new(service, path))
            }
            Target::Remote(url, token) => {
                let authorization = token.as_ref().map(|token| Authorization {
                    credentials: Some(Secret::new(token.clone())),
                    ..Authorization::default()
                });
                let config = HttpClientConfig { authorization, ..HttpClientConfig::default() };
                Arc::new(HttpDestination::new(url, &config)?)
            }
        })
    }

    /// How each collector fares, and where it writes.
    pub fn status(&self) -> Vec<(&ObjectKey, &Target, CollectorStatus)> {
        let each = self.running.iter();
        each.map(|(key, (_, target, collector))| (key, target, collector.status())).collect()
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
