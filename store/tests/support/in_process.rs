//! A whole store, called through its router.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use protocol::remote_write::Version;
use protocol::sample::{Sample, TimeSeries};
use serde_json::{Value, json};
use store::principal::Principal;
use store::settings::StoreSettings;
use store::store::{Store, StorePorts};
use tower::ServiceExt;
use world::real_world::RealWorld;
use world::world::World;

#[path = "reply.rs"]
pub mod reply;

use reply::Reply;

/// A store on a folder that goes with it.
pub struct InProcess {
    folder: Option<tempfile::TempDir>,
    world: Option<RealWorld>,
    pub store: Arc<Store>,
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl InProcess {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::open(folder).await
    }

    /// In a world that the test has changed.
    pub async fn start_in(change: impl FnOnce(&mut World)) -> Self {
        Self::start_with(StoreSettings::default(), StorePorts::default(), change).await
    }

    /// The same, with settings and ports.
    pub async fn start_with(
        settings: StoreSettings,
        ports: StorePorts,
        change: impl FnOnce(&mut World),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = RealWorld::open(folder.path()).await.expect("the folder opens");
        let mut changed = world.world.clone();
        change(&mut changed);
        let store = Store::open_with(changed, settings, ports).await.expect("the store opens");
        Self { folder: Some(folder), world: Some(world), store }
    }

    async fn open(folder: tempfile::TempDir) -> Self {
        let world = RealWorld::open(folder.path()).await.expect("the folder opens");
        let settings = StoreSettings::default();
        let store = Store::open(world.world.clone(), settings).await.expect("the store opens");
        Self { folder: Some(folder), world: Some(world), store }
    }

    /// The data directory.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().expect("there until it is stopped").path()
    }

    /// Stops the store and opens it again on the same folder.
    pub async fn restart(self) -> Self {
        self.restart_after(|_| {}).await
    }

    /// The same, with something done to the folder in between.
    pub async fn restart_after(mut self, between: impl FnOnce(&Path)) -> Self {
        self.store.shutdown().await;
        let folder = self.folder.take().expect("there until it is stopped");
        let world = self.world.take().expect("there until it is stopped");
        world.close().await;
        drop(self);
        between(folder.path());
        // Background tasks give up their clones of the world as they end.
        for _ in 0..1000 {
            match RealWorld::open(folder.path()).await {
                Ok(world) => {
                    let settings = StoreSettings::default();
                    let opened = Store::open(world.world.clone(), settings).await;
                    let store = opened.expect("the store opens again");
                    return Self { folder: Some(folder), world: Some(world), store };
                }
                Err(_) => tokio::task::yield_now().await,
            }
        }
        panic!("the data directory is still locked");
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.store.router().oneshot(request).await;
        Reply::read(response.expect("the router never fails")).await
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.send(request(method, path, body)).await
    }

    pub async fn call_as(&self, owner: &str, method: &str, path: &str, body: Value) -> Reply {
        let mut request = request(method, path, body);
        request.extensions_mut().insert(Principal::internal(owner));
        self.send(request).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    /// Makes a workspace that takes samples of any age, and gives its id.
    pub async fn workspace(&self, alias: &str) -> String {
        let hearth = json!({"outOfOrder": "unlimited", "retention": "unlimited"});
        let body = json!({"alias": alias, "hearth": hearth});
        let made = self.call("POST", "/workspaces", body).await.expect(202).json();
        made["workspaceId"].as_str().expect("an id").to_owned()
    }

    pub async fn write(&self, id: &str, series: &[TimeSeries]) -> Reply {
        self.write_as(Version::V2, id, series).await
    }

    pub async fn write_as(&self, version: Version, id: &str, series: &[TimeSeries]) -> Reply {
        let message = protocol::remote_write::encode::encode(series, version);
        let request = Request::post(format!("/workspaces/{id}/api/v1/remote_write"))
            .header("content-type", version.content_type())
            .header("content-encoding", "snappy")
            .body(Body::from(protocol::remote_write::compress(&message)))
            .expect("a request");
        self.send(request).await
    }

    /// The result of an instant query.
    pub async fn query(&self, id: &str, expr: &str, time: &str) -> Value {
        let path = format!("/workspaces/{id}/api/v1/query?time={time}&query={}", encoded(expr));
        self.get(&path).await.expect(200).json()["data"]["result"].clone()
    }
}

pub fn request(method: &str, path: &str, body: Value) -> Request<Body> {
    let body = match body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    Request::builder().method(method).uri(path).body(body).expect("a request")
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
pub fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: protocol::labels::Labels::from_pairs(labels.iter().copied()),
        samples: samples
            .iter()
            .map(|&(timestamp_ms, value)| Sample { timestamp_ms, value })
            .collect(),
        ..TimeSeries::default()
    }
}
