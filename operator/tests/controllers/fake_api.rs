//! An API server in memory: routes, faults, a log of what was asked.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::fake_objects::{Change, Key, Objects};

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With this status.
    Code(u16),
    /// Never answers.
    Hang,
}

/// What was asked, and how it was answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path: String,
}

impl Asked {
    /// A change of something a user sees: not the Lease, not a token, not an event.
    pub fn writes(&self) -> bool {
        let apart = ["/leases", "/token", "/events"];
        self.method != Method::GET && !apart.iter().any(|part| self.path.contains(part))
    }
}

type Chooser = Box<dyn FnMut(&Asked) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    objects: Objects,
    log: Vec<Asked>,
    chooser: Option<Chooser>,
    missing: BTreeSet<String>,
    down: bool,
}

/// The server. Clones are the same one.
#[derive(Clone, Default)]
pub struct FakeApi {
    state: Arc<Mutex<State>>,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl FakeApi {
    pub fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Each request asks `chooser` whether it fails.
    pub fn fail(&self, chooser: impl FnMut(&Asked) -> Option<Fault> + Send + 'static) {
        self.with(|state| state.chooser = Some(Box::new(chooser)));
    }

    pub fn heal(&self) {
        self.with(|state| state.chooser = None);
    }

    /// Kinds whose definitions are missing, by plural.
    pub fn missing(&self, plurals: &[&str]) {
        self.with(|state| state.missing = plurals.iter().map(|p| (*p).to_owned()).collect());
    }

    pub fn log(&self) -> Vec<Asked> {
        self.with(|state| state.log.clone())
    }

    /// Requests that change something, since the last call.
    pub fn take_writes(&self) -> Vec<Asked> {
        self.with(|state| std::mem::take(&mut state.log))
            .into_iter()
            .filter(Asked::writes)
            .collect()
    }

    pub fn with_objects<T>(&self, act: impl FnOnce(&mut Objects) -> T) -> T {
        self.with(|state| act(&mut state.objects))
    }

    /// The one object of this plural and name.
    pub fn find(&self, plural: &str, name: &str) -> Option<Value> {
        self.with_objects(|objects| {
            let wanted = |key: &&Key| key.0.ends_with(&format!("/{plural}")) && key.2 == name;
            let key = objects.all.keys().find(wanted)?.clone();
            objects.get(&key).cloned()
        })
    }

    /// Changes the one object of this plural and name by a merge patch.
    pub fn edit(&self, plural: &str, name: &str, patch: Value) {
        self.with_objects(|objects| {
            let wanted = |key: &&Key| key.0.ends_with(&format!("/{plural}")) && key.2 == name;
            let key = objects.all.keys().find(wanted).expect("it is there").clone();
            objects.merge(&key, &patch);
        });
    }

    /// Deletes the one object of this plural and name.
    pub fn delete(&self, plural: &str, name: &str) {
        self.with_objects(|objects| {
            let wanted = |key: &&Key| key.0.ends_with(&format!("/{plural}")) && key.2 == name;
            let key = objects.all.keys().find(wanted).expect("it is there").clone();
            objects.delete(&key, false);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let path = decoded(parts.uri.path());
        let watch = query.contains("watch=true");
        let asked = Asked { method: parts.method.clone(), path: path.clone() };
        let fault = self.with(|state| {
            state.log.push(asked.clone());
            if state.down { Some(Fault::Hang) } else { state.chooser.as_mut()?(&asked) }
        });
        match fault {
            Some(Fault::Hang) => std::future::pending::<()>().await,
            Some(Fault::Code(code)) => return failure(code, "as the test wants it"),
            None => {}
        }
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let Some(route) = Route::of(&path) else { return failure(404, "no such path") };
        let plural = route.collection.rsplit('/').next().unwrap_or_default().to_owned();
        if self.with(|state| state.missing.contains(&plural)) {
            return failure(404, "the server could not find the requested resource");
        }
        if watch {
            return self.watch(&route, &query);
        }
        self.with(|state| act(&mut state.objects, &parts.method, &route, &query, body))
    }

    fn watch(&self, route: &Route, query: &str) -> Answer {
        let (sender, receiver) = mpsc::unbounded_channel();
        let since: u64 =
            parameter(query, "resourceVersion").and_then(|v| v.parse().ok()).unwrap_or(0);
        self.with_objects(|objects| {
            for change in &objects.history {
                let version = change.object["metadata"]["resourceVersion"].as_str().unwrap();
                if version.parse::<u64>().unwrap() > since {
                    let _ = sender.send(change.clone());
                }
            }
            objects.watchers.push(sender);
        });
        let route = route.clone();
        let query = query.to_owned();
        let lines = futures::stream::unfold(receiver, |mut receiver| async move {
            Some((receiver.recv().await?, receiver))
        })
        .filter_map(move |change: Change| {
            let fits = change.collection == route.collection
                && (route.namespace.is_empty() || route.namespace == change.namespace)
                && selected(&change.object, &query);
            let line = json!({"type": change.kind, "object": change.object}).to_string() + "\n";
            async move { fits.then(|| Ok(Frame::data(Bytes::from(line)))) }
        });
        Response::new(StreamBody::new(lines).boxed_unsync())
    }
}

#[derive(Clone, Debug)]
struct Route {
    collection: String,
    namespace: String,
    name: String,
    subresource: String,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let group = match *parts.first()? {
            "api" => parts.drain(..2).collect::<Vec<_>>().join("/"),
            "apis" => parts.drain(..3).collect::<Vec<_>>().join("/"),
            _ => return None,
        };
        let namespaced = parts.first() == Some(&"namespaces") && parts.len() > 2;
        let namespace = if namespaced { parts.drain(..2).nth(1)? } else { "" };
        let part = |at: usize| (*parts.get(at).unwrap_or(&"")).to_owned();
        Some(Self {
            collection: format!("/{group}/{}", part(0)),
            namespace: namespace.to_owned(),
            name: part(1),
            subresource: part(2),
        })
    }

    fn key(&self) -> Key {
        (self.collection.clone(), self.namespace.clone(), self.name.clone())
    }
}

fn act(objects: &mut Objects, method: &Method, route: &Route, query: &str, body: Value) -> Answer {
    let key = route.key();
    if route.subresource == "token" {
        return success(&json!({"spec": {"audiences": []}, "status": {
            "token": "a token", "expirationTimestamp": "2026-11-22T14:00:00Z"
        }}));
    }
    match *method {
        Method::GET if route.name.is_empty() => list(objects, route, query),
        Method::GET => objects.get(&key).map_or_else(|| failure(404, "not found"), success),
        Method::POST => {
            let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let key = (key.0, key.1, name);
            if objects.get(&key).is_some() {
                return failure(409, "already exists");
            }
            success(&objects.set(&key, body))
        }
        Method::PUT => match conflict(objects, &key, &body) {
            Some(failed) => failed,
            None => success(&objects.set(&key, body)),
        },
        Method::PATCH => patch(objects, route, query, body),
        Method::DELETE => {
            let orphan = body["propagationPolicy"] == "Orphan";
            let gone = objects.delete(&key, orphan);
            gone.map_or_else(|| failure(404, "not found"), |gone| success(&gone))
        }
        _ => failure(405, "no such method"),
    }
}

fn patch(objects: &mut Objects, route: &Route, query: &str, body: Value) -> Answer {
    let key = route.key();
    let status = route.subresource == "status";
    if let Some(failed) = conflict(objects, &key, &body) {
        return failed;
    }
    let manager = parameter(query, "fieldManager").unwrap_or_default();
    let applies = body["apiVersion"].is_string() && query.contains("force=true");
    if applies {
        if status && objects.get(&key).is_none() {
            return failure(404, "not found");
        }
        return success(&objects.apply(&key, &manager, status, &body));
    }
    if objects.get(&key).is_none() {
        return failure(404, "not found");
    }
    success(&objects.merge(&key, &body))
}

/// 409 where the version or the uid in a body is not the object's.
fn conflict(objects: &Objects, key: &Key, body: &Value) -> Option<Answer> {
    let live = objects.get(key);
    for field in ["resourceVersion", "uid"] {
        let wanted = &body["metadata"][field];
        let has = live.map_or(&Value::Null, |live| &live["metadata"][field]);
        if !wanted.is_null() && wanted != has {
            return Some(failure(409, "the object has been modified"));
        }
    }
    None
}

fn list(objects: &Objects, route: &Route, query: &str) -> Answer {
    let items = objects.all.iter().filter(|(key, object)| {
        key.0 == route.collection
            && (route.namespace.is_empty() || route.namespace == key.1)
            && selected(object, query)
    });
    let items: Vec<&Value> = items.map(|(_, object)| object).collect();
    let version = objects.version().max(1).to_string();
    success(&json!({
        "kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items
    }))
}

fn selected(object: &Value, query: &str) -> bool {
    let labels = parameter(query, "labelSelector").is_none_or(|selector| {
        let (label, value) = selector.split_once('=').unwrap();
        object["metadata"]["labels"][label] == value
    });
    let fields = parameter(query, "fieldSelector").is_none_or(|selector| {
        let name = selector.strip_prefix("metadata.name=").unwrap();
        object["metadata"]["name"] == name
    });
    labels && fields
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(decoded(found))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn success(object: &Value) -> Answer {
    Response::new(Full::new(Bytes::from(object.to_string())).boxed_unsync())
}

fn failure(code: u16, message: &str) -> Answer {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "message": message, "reason": reason
    });
    let mut answer = success(&status);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    answer
}
