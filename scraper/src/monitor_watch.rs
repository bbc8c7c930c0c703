//! Watches the monitors that a Scraper selects.
//!
//! Each kind and namespace has a stream of its own with a back-off of its own: what fails there
//! pauses nothing else. A kind that is not installed is looked for again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crds::scraper::Monitors;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_objects};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::monitor_selection::{admits, needs_namespace_labels, query, scopes};
use crate::monitors::MonitorKind;

/// How often a kind that is not installed is looked for.
const LOOK: Duration = Duration::from_secs(30);
/// How long after a failed look.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Objects of one kind and namespace scope: five times what a large cluster has.
const OBJECTS_MAX: usize = 10_000;

/// Which object.
pub type MonitorKey = (MonitorKind, String, String);

/// What is known of the monitors.
#[derive(Clone, Debug, Default)]
pub struct MonitorsFound {
    /// Those that are selected.
    pub objects: BTreeMap<MonitorKey, Arc<DynamicObject>>,
    /// Kinds that cannot be read, and why, with the cure.
    pub troubles: Vec<(MonitorKind, String)>,
    /// Whether every stream has said what there is, or why not.
    pub settled: bool,
}

/// The streams of one selection; they end with it.
pub struct MonitorWatch {
    monitors: Monitors,
    own_namespace: String,
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    _tasks: JoinSet<()>,
}

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    streams: Vec<Stream>,
    /// Labels by namespace; `None` before they are known.
    namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
    namespaces_needed: bool,
    namespaces_trouble: Option<String>,
}

struct Stream {
    kind: MonitorKind,
    objects: BTreeMap<(String, String), Arc<DynamicObject>>,
    listed: bool,
    trouble: Option<String>,
}

impl MonitorWatch {
    /// Starts one stream for each kind and namespace scope that is asked for.
    pub fn start(client: &Client, monitors: Monitors, own_namespace: &str) -> Self {
        let (changed, changes) = watch::channel(0);
        let shared = Arc::new(Shared { state: Mutex::default(), changed });
        let mut tasks = JoinSet::new();
        for kind in MonitorKind::ALL {
            let Some(selector) = kind.selector(&monitors) else { continue };
            let labels = selector.selector.as_ref().map(query).unwrap_or_default();
            for scope in scopes(selector, own_namespace) {
                let (listed, trouble) = (false, None);
                let stream = Stream { kind, objects: BTreeMap::new(), listed, trouble };
                let mut state = shared.state();
                state.streams.push(stream);
                let at = state.streams.len() - 1;
                let (client, shared) = (client.clone(), Arc::clone(&shared));
                tasks.spawn(run(client, kind, scope, labels.clone(), shared, at));
            }
            if needs_namespace_labels(selector) && !shared.state().namespaces_needed {
                shared.state().namespaces_needed = true;
                tasks.spawn(run_namespaces(client.clone(), Arc::clone(&shared)));
            }
        }
        let own_namespace = own_namespace.to_owned();
        Self { monitors, own_namespace, shared, changes, _tasks: tasks }
    }

    /// What it was started with.
    pub fn monitors(&self) -> &Monitors {
        &self.monitors
    }

    /// Returns when something has changed since the last call.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What is known now.
    pub fn found(&self) -> MonitorsFound {
        let state = self.shared.state();
        let mut found = MonitorsFound { settled: true, ..MonitorsFound::default() };
        let nothing = BTreeMap::new();
        for stream in &state.streams {
            found.settled &= stream.listed || stream.trouble.is_some();
            if let Some(trouble) = &stream.trouble {
                found.troubles.push((stream.kind, trouble.clone()));
            }
            let Some(selector) = stream.kind.selector(&self.monitors) else { continue };
            for ((namespace, name), object) in &stream.objects {
                let labels = state.namespaces.as_ref().and_then(|all| all.get(namespace));
                let labels = labels.unwrap_or(&nothing);
                if admits(selector, &self.own_namespace, namespace, labels) {
                    let key = (stream.kind, namespace.clone(), name.clone());
                    found.objects.insert(key, Arc::clone(object));
                }
            }
        }
        if state.namespaces_needed {
            found.settled &= state.namespaces.is_some() || state.namespaces_trouble.is_some();
            if let Some(trouble) = &state.namespaces_trouble {
                let kinds = MonitorKind::ALL.into_iter().filter(|kind| {
                    kind.selector(&self.monitors).is_some_and(needs_namespace_labels)
                });
                found.troubles.extend(kinds.map(|kind| (kind, trouble.clone())));
            }
        }
        found
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state());
        self.changed.send_modify(|version| *version += 1);
    }

    fn trouble(&self, at: usize, reason: String) {
        let kind = self.state().streams[at].kind.as_str();
        tracing::warn!(kind, reason, "monitors cannot be read");
        self.change(|state| state.streams[at].trouble = Some(reason));
    }
}

async fn run(
    client: Client,
    kind: MonitorKind,
    scope: Option<String>,
    labels: String,
    shared: Arc<Shared>,
    at: usize,
) {
    loop {
        match installed(&client, kind).await {
            Ok(true) => {}
            Ok(false) => {
                let resource = kind.resource();
                let told = format!("{} is not installed in this cluster", resource.api_version);
                shared.change(|state| {
                    let stream = &mut state.streams[at];
                    stream.objects.clear();
                    (stream.listed, stream.trouble) = (true, Some(told));
                });
                sleep(LOOK).await;
                continue;
            }
            Err(error) => {
                shared.trouble(at, format!("looking for the kind: {error}"));
                sleep(LOOK_AGAIN).await;
                continue;
            }
        }
        let api: Api<DynamicObject> = match &scope {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind.resource()),
            None => Api::all_with(client.clone(), &kind.resource()),
        };
        follow(api, &labels, scope.as_deref(), &shared, at).await;
    }
}

/// Whether the API server knows the kind.
async fn installed(client: &Client, kind: MonitorKind) -> Result<bool, kube::Error> {
    let resource = kind.resource();
    match client.list_api_group_resources(&resource.api_version).await {
        Ok(found) => Ok(found.resources.iter().any(|one| one.kind == resource.kind)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Follows one stream until the kind is gone.
async fn follow(
    api: Api<DynamicObject>,
    labels: &str,
    scope: Option<&str>,
    shared: &Shared,
    at: usize,
) {
    let config = watcher::Config::default().labels(labels);
    let mut events = watch_objects(api, config).default_backoff().boxed();
    let mut fresh: Option<BTreeMap<(String, String), Arc<DynamicObject>>> = None;
    loop {
        match events.try_next().await {
            Ok(None) => return,
            Ok(Some(Event::Init)) => fresh = Some(BTreeMap::new()),
            Ok(Some(Event::InitApply(object))) => {
                if let Some(fresh) = fresh.as_mut().filter(|fresh| fresh.len() < OBJECTS_MAX) {
                    let (key, object) = trimmed(object);
                    fresh.insert(key, object);
                }
            }
            Ok(Some(Event::InitDone)) => {
                let fresh = fresh.take().unwrap_or_default();
                let trouble = (fresh.len() >= OBJECTS_MAX)
                    .then(|| format!("more than {OBJECTS_MAX} objects: the rest is left out"));
                shared.change(|state| {
                    let stream = &mut state.streams[at];
                    (stream.objects, stream.listed, stream.trouble) = (fresh, true, trouble);
                });
            }
            Ok(Some(Event::Apply(object))) => {
                let (key, object) = trimmed(object);
                shared.change(|state| {
                    let stream = &mut state.streams[at];
                    if stream.objects.len() < OBJECTS_MAX || stream.objects.contains_key(&key) {
                        stream.objects.insert(key, object);
                    }
                });
            }
            Ok(Some(Event::Delete(object))) => {
                let key = (object.namespace().unwrap_or_default(), object.name_any());
                shared.change(|state| {
                    state.streams[at].objects.remove(&key);
                });
            }
            Err(error) => {
                let gone = code(&error) == Some(404);
                shared.trouble(at, explained(&error, scope));
                if gone {
                    return;
                }
            }
        }
    }
}

/// Only what becomes jobs is kept.
fn trimmed(mut object: DynamicObject) -> ((String, String), Arc<DynamicObject>) {
    object.metadata.managed_fields = None;
    object.metadata.annotations = None;
    if let Some(data) = object.data.as_object_mut() {
        data.retain(|field, _| field == "spec");
    }
    ((object.namespace().unwrap_or_default(), object.name_any()), Arc::new(object))
}

fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

fn explained(error: &watcher::Error, scope: Option<&str>) -> String {
    match (code(error), scope) {
        (Some(403), None) => format!(
            "not permitted in every namespace: put the Scraper into a namespace of \
             --wide-discovery-namespaces or select its own only ({error})"
        ),
        (Some(403), Some(namespace)) => format!(
            "not permitted in namespace {namespace}: give the collector's service account the \
             ClusterRole for discovery there ({error})"
        ),
        _ => error.to_string(),
    }
}

async fn run_namespaces(client: Client, shared: Arc<Shared>) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    let mut events = watch_objects(api, watcher::Config::default()).default_backoff().boxed();
    let mut fresh = BTreeMap::new();
    loop {
        match events.try_next().await {
            Ok(None) => return,
            Ok(Some(Event::Init)) => fresh = BTreeMap::new(),
            Ok(Some(Event::InitApply(namespace))) => {
                fresh.insert(namespace.name_any(), namespace.labels().clone());
            }
            Ok(Some(Event::InitDone)) => {
                let fresh = std::mem::take(&mut fresh);
                shared.change(|state| {
                    (state.namespaces, state.namespaces_trouble) = (Some(fresh), None);
                });
            }
            Ok(Some(Event::Apply(namespace))) => shared.change(|state| {
                let all = state.namespaces.get_or_insert_default();
                all.insert(namespace.name_any(), namespace.labels().clone());
            }),
            Ok(Some(Event::Delete(namespace))) => shared.change(|state| {
                state.namespaces.get_or_insert_default().remove(&namespace.name_any());
            }),
            Err(error) => {
                let reason = format!("labels of namespaces: {}", explained(&error, None));
                tracing::warn!(reason, "namespaces cannot be read");
                shared.change(|state| state.namespaces_trouble = Some(reason));
            }
        }
    }
}
