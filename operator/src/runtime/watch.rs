//! One watch: fills a cache, with a back-off of its own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::runtime::backoff::Backoff;
use crate::runtime::cache::{Cache, name_of};
use crate::runtime::error::api_message;
use crate::runtime::events::Events;
use crate::runtime::metrics::{Metrics, WatchState};
use crate::settings::ObjectName;

/// Longest time a listing may keep us waiting for its next page: an API server that hangs is given
/// up and asked again.
const LISTING_PATIENCE: Duration = Duration::from_mins(1);

/// One watch.
pub struct Watch<K> {
    /// Where the objects go.
    pub cache: Arc<Cache<K>>,
    /// Its place among the watches of the cache.
    pub place: usize,
    /// Where it looks.
    pub api: Api<DeserializeGuard<K>>,
    /// The one namespace it covers; every one where `None`.
    pub namespace: Option<String>,
    /// What it selects.
    pub config: watcher::Config,
    /// Its back-off.
    pub backoff: Backoff,
    /// As metrics and health show it: `Store`, `Secret in shop`.
    pub title: String,
    /// The kind, for events about objects that cannot be understood.
    pub api_version: String,
    /// The same.
    pub kind: String,
    /// Where its state is told.
    pub metrics: Metrics,
    /// Where undecodable objects are told.
    pub events: Events,
}

/// What a listing has brought so far.
struct Listing<K> {
    objects: Vec<K>,
    undecodable: BTreeMap<ObjectName, String>,
}

impl<K> Watch<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Watches until the process ends.
    pub async fn run(self) {
        let mut failures = 0;
        loop {
            let problem = self.follow(&mut failures).await;
            failures += 1;
            let wait = self.backoff.wait(failures, &self.title);
            let WatchProblem { missing, message } = problem;
            if failures == 1 {
                tracing::warn!(watch = %self.title, missing, %message, "a watch failed");
            }
            self.metrics.watch(&self.title, WatchState::Down { missing, message });
            tokio::time::sleep(wait).await;
        }
    }

    /// Follows the stream until its first error.
    async fn follow(&self, failures: &mut u32) -> WatchProblem {
        let stream = watcher(self.api.clone(), self.config.clone());
        let mut stream = std::pin::pin!(stream);
        let mut listing = None;
        loop {
            // During a listing the API server owes an answer; later the client notices idle
            // connections itself.
            let patience = if listing.is_some() { LISTING_PATIENCE } else { Duration::MAX };
            match tokio::time::timeout(patience, stream.next()).await {
                Err(_) => return WatchProblem::new("no answer to a listing"),
                Ok(None) => return WatchProblem::new("the stream ended"),
                Ok(Some(Err(error))) => return WatchProblem::of(&error),
                Ok(Some(Ok(event))) => self.take(event, &mut listing, failures).await,
            }
        }
    }

    async fn take(
        &self,
        event: Event<DeserializeGuard<K>>,
        listing: &mut Option<Listing<K>>,
        failures: &mut u32,
    ) {
        match event {
            Event::Init => {
                *listing = Some(Listing { objects: Vec::new(), undecodable: BTreeMap::new() });
            }
            Event::InitApply(object) => {
                let object = self.decoded(object).await;
                if let Some(listing) = listing {
                    match object {
                        Ok(object) => listing.objects.push(object),
                        Err((name, error)) => {
                            listing.undecodable.insert(name, error);
                        }
                    }
                }
            }
            Event::InitDone => {
                if let Some(Listing { objects, undecodable }) = listing.take() {
                    let namespace = self.namespace.as_deref();
                    self.cache.replace(self.place, namespace, objects, undecodable);
                }
                *failures = 0;
                self.metrics.watch(&self.title, WatchState::Up);
            }
            Event::Apply(object) => match self.decoded(object).await {
                Ok(object) => self.cache.put(object),
                Err((name, error)) => self.cache.put_undecodable(name, error),
            },
            Event::Delete(object) => self.cache.remove(&name_of(&object)),
        }
        let (objects, undecodable) = self.cache.counts();
        self.metrics.objects(&self.title, objects, undecodable);
    }

    async fn decoded(&self, object: DeserializeGuard<K>) -> Result<K, (ObjectName, String)> {
        let name = name_of(&object);
        match object.0 {
            Ok(mut object) => {
                object.managed_fields_mut().clear();
                Ok(object)
            }
            Err(invalid) => {
                tracing::warn!(kind = %self.kind, %name, error = %invalid.error, "undecodable");
                let uid = invalid.metadata.uid.as_deref();
                let note = format!(
                    "this operator cannot read the object: {}. What ran before runs on; correct \
                     the object, or install the custom resource definitions of this version",
                    invalid.error
                );
                self.events.undecodable((&self.api_version, &self.kind), &name, uid, &note).await;
                Err((name, invalid.error))
            }
        }
    }
}

/// Why a watch does not run.
struct WatchProblem {
    /// The kind itself is not there: its custom resource definition is missing.
    missing: bool,
    message: String,
}

impl WatchProblem {
    fn new(message: &str) -> Self {
        Self { missing: false, message: message.to_owned() }
    }

    fn of(error: &watcher::Error) -> Self {
        let (code, message) = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => {
                let code = match error {
                    kube::Error::Api(status) => status.code,
                    _ => 0,
                };
                (code, api_message(error))
            }
            watcher::Error::WatchError(status) => (status.code, status.message.clone()),
            watcher::Error::NoResourceVersion => (0, error.to_string()),
        };
        Self { missing: code == 404, message }
    }
}
