//! One watch and one cache a kind, shared by all.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::Resource;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::DeserializeGuard;
use kube::runtime::watcher;
use serde::de::DeserializeOwned;

use crate::runtime::backoff::Backoff;
use crate::runtime::cache::Cache;
use crate::runtime::events::Events;
use crate::runtime::metrics::Metrics;
use crate::runtime::watch::Watch;

/// The label that all children bear.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=hearth-operator";

/// What of a kind is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selection {
    /// Only objects with these labels, in `kubectl`'s words.
    pub labels: Option<String>,
    /// Only objects with these fields: `metadata.name=x`.
    pub fields: Option<String>,
    /// Only this namespace, whatever the operator looks at else.
    pub namespace: Option<String>,
    /// The cluster may do without the kind: then nothing waits for it.
    pub optional: bool,
}

impl Selection {
    /// The operator's own children of a kind.
    pub fn managed() -> Self {
        Self { labels: Some(MANAGED.to_owned()), ..Self::default() }
    }

    /// A kind that the cluster may do without.
    pub fn optional() -> Self {
        Self { optional: true, ..Self::default() }
    }
}

type Key = (TypeId, String, Selection);

/// The watches of the process. Asking twice for the same gives the same cache; the first asking
/// starts the watch.
pub struct Watches {
    client: kube::Client,
    namespaces: BTreeSet<String>,
    metrics: Metrics,
    events: Events,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    caches: BTreeMap<Key, Arc<dyn Any + Send + Sync>>,
    tasks: tokio::task::JoinSet<()>,
}

impl Watches {
    /// No watch yet. `namespaces` bounds what is looked at; everything where empty.
    pub fn new(
        client: kube::Client,
        namespaces: BTreeSet<String>,
        metrics: Metrics,
        events: Events,
    ) -> Self {
        Self { client, namespaces, metrics, events, running: Mutex::default() }
    }

    /// The cache of a kind that lives in namespaces.
    pub fn namespaced<K>(&self, selection: Selection) -> Arc<Cache<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let apis = |namespace: Option<&str>| match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        self.cache(&K::kind(&()), &K::api_version(&()), true, selection, apis)
    }

    /// The cache of a kind that lives outside namespaces.
    pub fn cluster<K>(&self, selection: Selection) -> Arc<Cache<K>>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let apis = |_: Option<&str>| Api::all(self.client.clone());
        self.cache(&K::kind(&()), &K::api_version(&()), false, selection, apis)
    }

    /// The cache of a kind known by name only; it lives in namespaces.
    pub fn dynamic(
        &self,
        resource: &ApiResource,
        selection: Selection,
    ) -> Arc<Cache<DynamicObject>> {
        let apis = |namespace: Option<&str>| match namespace {
            Some(ns) => Api::namespaced_with(self.client.clone(), ns, resource),
            None => Api::all_with(self.client.clone(), resource),
        };
        self.cache(&resource.kind, &resource.api_version, true, selection, apis)
    }

    fn cache<K>(
        &self,
        kind: &str,
        api_version: &str,
        namespaced: bool,
        selection: Selection,
        api: impl Fn(Option<&str>) -> Api<DeserializeGuard<K>>,
    ) -> Arc<Cache<K>>
    where
        K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let key = (TypeId::of::<K>(), format!("{api_version} {kind}"), selection.clone());
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let known = running.caches.get(&key).cloned();
        if let Some(cache) = known.and_then(|cache| cache.downcast::<Cache<K>>().ok()) {
            return cache;
        }
        let places = self.places(namespaced, &selection);
        let cache = Arc::new(Cache::new(places.len()));
        running.caches.insert(key, cache.clone());
        for (place, namespace) in places.into_iter().enumerate() {
            let title = title(kind, namespace.as_deref(), &selection);
            self.metrics.watch_begins(&title, selection.optional);
            let watch = Watch {
                cache: cache.clone(),
                place,
                api: api(namespace.as_deref()),
                namespace,
                config: config(&selection),
                backoff: if selection.optional { Backoff::OPTIONAL_WATCH } else { Backoff::WATCH },
                title,
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                metrics: self.metrics.clone(),
                events: self.events.clone(),
            };
            running.tasks.spawn(watch.run());
        }
        cache
    }

    /// The namespaces to watch, each by a watch of its own; `None` is all of them.
    fn places(&self, namespaced: bool, selection: &Selection) -> Vec<Option<String>> {
        match &selection.namespace {
            Some(namespace) => vec![Some(namespace.clone())],
            None if namespaced && !self.namespaces.is_empty() => {
                self.namespaces.iter().cloned().map(Some).collect()
            }
            None => vec![None],
        }
    }
}

fn config(selection: &Selection) -> watcher::Config {
    let Selection { labels, fields, namespace: _, optional: _ } = selection;
    let mut config = watcher::Config::default();
    config.label_selector.clone_from(labels);
    config.field_selector.clone_from(fields);
    config
}

fn title(kind: &str, namespace: Option<&str>, selection: &Selection) -> String {
    let mut title = kind.to_owned();
    for selector in [&selection.labels, &selection.fields].into_iter().flatten() {
        title.push_str(&format!(" ({selector})"));
    }
    if let Some(namespace) = namespace {
        title.push_str(&format!(" in {namespace}"));
    }
    title
}
