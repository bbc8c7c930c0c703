//! A scripted API server in memory.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use serde_json::{Value, json};

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What it does with requests for a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers with this status.
    Refuse(u16),
    /// Never answers.
    Hang,
}

#[derive(Default)]
struct State {
    version: u64,
    /// By plural, namespace and name.
    objects: BTreeMap<(String, String, String), Value>,
    watchers: Vec<Watcher>,
    moods: HashMap<String, Mood>,
    /// Versions below are forgotten.
    oldest: u64,
    requests: Vec<Asked>,
    /// Continuations that are refused as too old.
    expiring_pages: usize,
}

struct Watcher {
    plural: String,
    namespace: Option<String>,
    lines: UnboundedSender<Bytes>,
}

/// A request that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub plural: String,
    pub namespace: Option<String>,
    pub watch: bool,
    pub query: BTreeMap<String, String>,
}

/// The server; clones are the same server.
#[derive(Clone, Default)]
pub struct ApiServer(Arc<Mutex<State>>);

impl ApiServer {
    pub fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Creates or changes an object; its namespace may be empty.
    pub fn set(&self, plural: &str, yaml: &str) {
        let mut object: Value = protocol::yaml::parse(yaml).unwrap();
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let version = state.version.to_string();
        let meta = object["metadata"].as_object_mut().unwrap();
        meta.insert("resourceVersion".to_owned(), json!(version));
        let text = |name: &str| meta.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let key = (plural.to_owned(), text("namespace"), text("name"));
        let known = state.objects.insert(key.clone(), object.clone()).is_some();
        state.tell(&key, if known { "MODIFIED" } else { "ADDED" }, &object);
    }

    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let version = state.version.to_string();
        let key = (plural.to_owned(), namespace.to_owned(), name.to_owned());
        let mut object = state.objects.remove(&key).unwrap();
        object["metadata"]["resourceVersion"] = json!(version);
        state.tell(&key, "DELETED", &object);
    }

    /// Sets or clears the mood for a kind; open watches of it end.
    pub fn mood(&self, plural: &str, mood: Option<Mood>) {
        let mut state = self.0.lock().unwrap();
        match mood {
            Some(mood) => drop(state.moods.insert(plural.to_owned(), mood)),
            None => drop(state.moods.remove(plural)),
        }
        state.watchers.retain(|watcher| watcher.plural != plural);
    }

    /// Ends all watches, after a bookmark of the current version.
    pub fn end_watches(&self) {
        let mut state = self.0.lock().unwrap();
        state.version += 100;
        let version = state.version.to_string();
        for watcher in state.watchers.drain(..) {
            let object = json!({"kind": "X", "apiVersion": "v1",
                "metadata": {"resourceVersion": version}});
            let _ = watcher.lines.unbounded_send(line("BOOKMARK", &object));
        }
    }

    /// Changes an object behind the watches' back and forgets the past: they have to list again.
    pub fn lose_history(&self, change: impl FnOnce(&Self)) {
        self.0.lock().unwrap().watchers.clear();
        change(self);
        let mut state = self.0.lock().unwrap();
        state.oldest = state.version;
        state.watchers.clear();
    }

    /// The next continuations of lists are refused.
    pub fn expire_pages(&self, count: usize) {
        self.0.lock().unwrap().expiring_pages = count;
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().requests.clone()
    }

    pub fn count(&self, plural: &str, watch: bool) -> usize {
        let all = self.asked();
        all.iter().filter(|asked| asked.plural == plural && asked.watch == watch).count()
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let asked = asked(&request);
        let mood = {
            let mut state = self.0.lock().unwrap();
            state.requests.push(asked.clone());
            state.moods.get(&asked.plural).copied()
        };
        match mood {
            Some(Mood::Refuse(code)) => status(code, &format!("{} refused", asked.plural)),
            Some(Mood::Hang) => {
                tokio::time::sleep(Duration::from_hours(1000)).await;
                status(500, "hung")
            }
            None if asked.watch => self.0.lock().unwrap().watch(&asked),
            None => self.0.lock().unwrap().list(&asked),
        }
    }
}

impl State {
    fn tell(&mut self, key: &(String, String, String), kind: &str, object: &Value) {
        self.watchers.retain(|watcher| {
            let fits = watcher.plural == key.0
                && watcher.namespace.as_ref().is_none_or(|namespace| *namespace == key.1);
            !fits || watcher.lines.unbounded_send(line(kind, object)).is_ok()
        });
    }

    fn list(&mut self, asked: &Asked) -> Answer {
        let at: usize = asked.query.get("continue").map_or(0, |token| token.parse().unwrap());
        if at > 0 && self.expiring_pages > 0 {
            self.expiring_pages -= 1;
            return status(410, "the continuation is too old");
        }
        let limit = asked.query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
        let fits = |key: &(String, String, String)| {
            key.0 == asked.plural && asked.namespace.as_ref().is_none_or(|one| *one == key.1)
        };
        let all: Vec<&Value> =
            self.objects.iter().filter(|(key, _)| fits(key)).map(|(_, object)| object).collect();
        let page: Vec<&Value> = all.iter().skip(at).take(limit).copied().collect();
        let next = at + page.len();
        let token = if next < all.len() { next.to_string() } else { String::new() };
        let version = self.version.max(1).to_string();
        let list = json!({"kind": "List", "apiVersion": "v1", "items": page,
            "metadata": {"resourceVersion": version, "continue": token}});
        whole(200, &list)
    }

    fn watch(&mut self, asked: &Asked) -> Answer {
        let from: u64 = asked.query["resourceVersion"].parse().unwrap();
        if from < self.oldest {
            let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "code": 410, "reason": "Expired", "message": "too old resource version"});
            return whole(200, &json!({"type": "ERROR", "object": gone}));
        }
        let (lines, receiver) = unbounded();
        let namespace = asked.namespace.clone();
        // What happened since.
        for ((plural, ns, _), object) in &self.objects {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap();
            let is_new = version.parse::<u64>().unwrap() > from;
            if *plural == asked.plural && namespace.as_ref().is_none_or(|n| n == ns) && is_new {
                lines.unbounded_send(line("MODIFIED", object)).unwrap();
            }
        }
        self.watchers.push(Watcher { plural: asked.plural.clone(), namespace, lines });
        let frames = receiver.map(|line| Ok(hyper::body::Frame::data(line)));
        Response::new(StreamBody::new(frames).boxed_unsync())
    }
}

fn asked(request: &Request<Body>) -> Asked {
    let uri = request.uri();
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let rest = if parts[0] == "api" { &parts[2..] } else { &parts[3..] };
    let (namespace, plural) = match rest {
        ["namespaces", namespace, plural] => (Some((*namespace).to_owned()), *plural),
        [plural] => (None, *plural),
        other => panic!("a path that no watch asks for: {other:?}"),
    };
    let query = reqwest::Url::parse(&format!("http://x{uri}")).unwrap();
    let query: BTreeMap<String, String> =
        query.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let watch = query.get("watch").is_some_and(|watch| watch == "true");
    Asked { plural: plural.to_owned(), namespace, watch, query }
}

fn line(kind: &str, object: &Value) -> Bytes {
    format!("{}\n", json!({"type": kind, "object": object})).into()
}

fn status(code: u16, message: &str) -> Answer {
    whole(
        code,
        &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": "Test", "message": message}),
    )
}

fn whole(code: u16, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{body}\n"))).boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    answer
}
