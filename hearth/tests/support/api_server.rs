//! An API server in memory: lists, watches, patches, counts.
//!
//! As much of Kubernetes as controllers need: no validation, no garbage collection, no rights.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// Longest wait for something that should come about by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server; clones are the same one.
#[derive(Clone)]
pub struct ApiServer {
    state: Arc<Mutex<State>>,
    version: watch::Sender<u64>,
}

/// Plural, namespace and name.
type Key = (String, String, String);

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    /// Plurals that the server knows, with their kinds.
    kinds: BTreeMap<String, (String, String)>,
    /// Version, plural, type and object.
    log: Vec<(u64, String, &'static str, Value)>,
    writes: Vec<String>,
    events: Vec<Value>,
}

/// The parts of a path.
struct Place {
    plural: String,
    namespace: String,
    name: Option<String>,
    sub: Option<String>,
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl ApiServer {
    /// Knows our kinds and Secrets, and what else is named.
    pub fn new() -> Self {
        let server = Self { state: Arc::default(), version: watch::Sender::new(0) };
        for kind in ["Store", "Workspace", "Scraper", "RuleGroup", "AlertManagerConfig"] {
            server.define("hearth.dev/v1alpha1", kind);
        }
        server.define("v1", "Secret");
        server.define("v1", "Namespace");
        server
    }

    /// Makes it know a kind.
    pub fn define(&self, api_version: &str, kind: &str) {
        let plural = plural(kind);
        self.with(|state| state.kinds.insert(plural, (api_version.to_owned(), kind.to_owned())));
    }

    /// A client of it.
    pub fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// `kubectl apply`: keeps status and bookkeeping, counts generations.
    pub fn apply(&self, manifest: Value) {
        let key = key_of(&manifest);
        self.with(|state| {
            let now = state.version + 1;
            let mut object = manifest;
            let before = state.objects.get(&key).cloned();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            match &before {
                None => {
                    object["metadata"]["uid"] = json!(format!("uid-{now}"));
                    object["metadata"]["generation"] = json!(1);
                    let made = text(&object["metadata"]["creationTimestamp"]);
                    if made.is_empty() {
                        let made = format!("2026-01-01T00:{:02}:{:02}Z", now / 60 % 60, now % 60);
                        object["metadata"]["creationTimestamp"] = json!(made);
                    }
                }
                Some(before) => {
                    for field in ["uid", "creationTimestamp", "finalizers", "deletionTimestamp"] {
                        if !before["metadata"][field].is_null() {
                            object["metadata"][field] = before["metadata"][field].clone();
                        }
                    }
                    let generation = before["metadata"]["generation"].as_u64().unwrap_or(1);
                    let changed = u64::from(before["spec"] != object["spec"]);
                    object["metadata"]["generation"] = json!(generation + changed);
                    if object["status"].is_null() && !before["status"].is_null() {
                        object["status"] = before["status"].clone();
                    }
                }
            }
            state.put(key, object, before.is_some());
        });
        self.tell();
    }

    /// `kubectl delete`: waits for finalizers.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        let key = (plural(kind), namespace.to_owned(), name.to_owned());
        self.with(|state| {
            let mut object = state.objects.get(&key).cloned().expect("it is there");
            object["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
            state.put(key.clone(), object, true);
            state.collect(&key);
        });
        self.tell();
    }

    /// An object as it is now.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (plural(kind), namespace.to_owned(), name.to_owned());
        self.with(|state| state.objects.get(&key).cloned())
    }

    /// Waits until an object, or its absence, is as wanted.
    pub async fn until(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut changes = self.version.subscribe();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                let object = self.get(kind, namespace, name).unwrap_or(Value::Null);
                if wanted(&object) {
                    return object;
                }
                changes.changed().await.expect("the server lives");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(object) => object,
            Err(tokio::time::error::Elapsed { .. }) => panic!(
                "not within {PATIENCE:?}; the last seen: {:#}",
                self.get(kind, namespace, name).unwrap_or(Value::Null)
            ),
        }
    }

    /// Writes since the last time this was asked, events left out.
    pub fn writes(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.writes))
    }

    /// Waits for an event of this reason.
    pub async fn until_event(&self, reason: &str) {
        let mut changes = self.version.subscribe();
        let seen = || self.with(|state| state.events.iter().any(|one| one["reason"] == reason));
        let waiting = changes.wait_for(|_| seen());
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "no event {reason}");
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let Some(place) = place(&path) else { return refused(404, "no such path") };
        if place.plural == "events" {
            let event: Value = serde_json::from_slice(&body).unwrap_or_default();
            self.with(|state| state.events.push(event.clone()));
            self.tell();
            return json_answer(StatusCode::CREATED, &event);
        }
        if !self.with(|state| state.kinds.contains_key(&place.plural)) {
            return refused(404, "the server could not find the requested resource");
        }
        match (parts.method, &place.name) {
            (Method::GET, None) if query.contains("watch=") => self.watch(&place, &query),
            (Method::GET, None) => self.list(&place),
            (Method::GET, Some(name)) => self.one(&place, name),
            (Method::PATCH, Some(name)) => {
                let patch = serde_json::from_slice(&body).expect("a patch");
                let answer = self.patch(&place, name, &patch);
                self.tell();
                answer
            }
            (method, _) => refused(405, &format!("{method} {path} is not in here")),
        }
    }

    fn one(&self, place: &Place, name: &str) -> Response<Body> {
        let key = (place.plural.clone(), place.namespace.clone(), name.to_owned());
        match self.with(|state| state.objects.get(&key).cloned()) {
            Some(object) => json_answer(StatusCode::OK, &object),
            None => refused(404, &format!("{} {name} not found", place.plural)),
        }
    }

    fn list(&self, place: &Place) -> Response<Body> {
        let answer = self.with(|state| {
            let (api_version, kind) = state.kinds[&place.plural].clone();
            let of_it = state.objects.iter().filter(|(key, _)| {
                key.0 == place.plural && (place.namespace.is_empty() || key.1 == place.namespace)
            });
            let items: Vec<Value> = of_it.map(|(_, object)| object.clone()).collect();
            let metadata = json!({"resourceVersion": state.version.to_string()});
            let kind = format!("{kind}List");
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": items})
        });
        json_answer(StatusCode::OK, &answer)
    }

    fn watch(&self, place: &Place, query: &str) -> Response<Body> {
        let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from: u64 = from.and_then(|from| from.parse().ok()).unwrap_or(0);
        let (server, plural, namespace) =
            (self.clone(), place.plural.clone(), place.namespace.clone());
        let changes = self.version.subscribe();
        let lines = stream::unfold((from, changes), move |(seen, mut changes)| {
            let (server, plural, namespace) = (server.clone(), plural.clone(), namespace.clone());
            async move {
                loop {
                    changes.mark_unchanged();
                    let (lines, now) = server.with(|state| {
                        let fits = |(at, kind, _, object): &&(u64, String, &str, Value)| {
                            *at > seen
                                && *kind == plural
                                && (namespace.is_empty()
                                    || object["metadata"]["namespace"] == namespace.as_str())
                        };
                        let line = |(_, _, type_, object): &(u64, String, &str, Value)| {
                            format!("{}\n", json!({"type": type_, "object": object}))
                        };
                        let lines: String = state.log.iter().filter(fits).map(line).collect();
                        (lines, state.version)
                    });
                    if !lines.is_empty() {
                        return Some((Ok::<_, std::io::Error>(Bytes::from(lines)), (now, changes)));
                    }
                    changes.changed().await.ok()?;
                }
            }
        });
        Response::new(Body::from_stream(lines))
    }

    fn patch(&self, place: &Place, name: &str, patch: &Value) -> Response<Body> {
        let key = (place.plural.clone(), place.namespace.clone(), name.to_owned());
        self.with(|state| {
            let sub = place.sub.as_deref().unwrap_or("metadata");
            state.writes.push(format!("{} {}/{name} {sub}", place.plural, place.namespace));
            let Some(mut object) = state.objects.get(&key).cloned() else {
                return refused(404, &format!("{} {name} not found", place.plural));
            };
            let version = &patch["metadata"]["resourceVersion"];
            if version.is_string() && *version != object["metadata"]["resourceVersion"] {
                return refused(409, "the object has been modified");
            }
            if place.sub.as_deref() == Some("status") {
                object["status"] = patch["status"].clone();
            } else {
                let finalizers = patch["metadata"]["finalizers"].clone();
                object["metadata"]["finalizers"] = finalizers;
            }
            state.put(key.clone(), object, true);
            let answer = json_answer(StatusCode::OK, &state.objects[&key]);
            state.collect(&key);
            answer
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self) {
        let version = self.with(|state| state.version);
        self.version.send_replace(version);
    }
}

impl State {
    fn put(&mut self, key: Key, mut object: Value, there: bool) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let type_ = if there { "MODIFIED" } else { "ADDED" };
        self.log.push((self.version, key.0.clone(), type_, object.clone()));
        self.objects.insert(key, object);
    }

    /// Removes an object that is being deleted and that no finalizer keeps.
    fn collect(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key) else { return };
        let metadata = &object["metadata"];
        let kept = metadata["finalizers"].as_array().is_some_and(|list| !list.is_empty());
        if metadata["deletionTimestamp"].is_string() && !kept {
            let mut object = self.objects.remove(key).expect("just seen");
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.log.push((self.version, key.0.clone(), "DELETED", object));
        }
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "Rules" => "rules".to_owned(),
        kind => format!("{}s", kind.to_ascii_lowercase()),
    }
}

fn key_of(object: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let kind = object["kind"].as_str().expect("a kind");
    (plural(kind), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn place(path: &str) -> Option<Place> {
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    let rest = match words.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let mut rest = rest.iter().map(|word| (*word).to_owned());
    let plural = rest.next()?;
    Some(Place { plural, namespace: namespace.to_owned(), name: rest.next(), sub: rest.next() })
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    let body = Body::from(body.to_string());
    Response::builder().status(status).body(body).expect("an answer")
}

fn refused(code: u16, message: &str) -> Response<Body> {
    let mut status = Map::new();
    status.insert("kind".into(), json!("Status"));
    status.insert("apiVersion".into(), json!("v1"));
    status.insert("metadata".into(), json!({}));
    status.insert("status".into(), json!("Failure"));
    status.insert("message".into(), json!(message));
    status.insert("reason".into(), json!(if code == 404 { "NotFound" } else { "Conflict" }));
    status.insert("code".into(), json!(code));
    json_answer(StatusCode::from_u16(code).expect("a status"), &Value::Object(status))
}
