//! A whole store on the simulated machine.
//!
//! Everything the store does, requests included, runs in tasks of the simulated process and dies
//! with it; callers live outside and see that no answer came.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures::channel::oneshot;
use http::Request;
use protocol::remote_write::{Version, compress, encode::encode};
use protocol::sample::{Sample, TimeSeries};
use serde_json::{Value, json};
use sim::oracle::Answer;
use sim::sim::{Booted, Sim};
use store::principal::Principal;
use store::settings::StoreSettings;
use store::store::Store;
use tower::ServiceExt;
use world::local_bucket::LocalBucket;
use world::world::World;

#[path = "../../../tests/support/reply.rs"]
pub mod reply;

use reply::Reply;

/// Where the blocks lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketKind {
    /// In the simulated object store.
    Apart,
    /// On the simulated disk, as in the embedded profile.
    OnDisk,
}

/// A store that runs, until its process ends.
pub struct Process {
    pub sim: Sim,
    pub store: Arc<Store>,
    booted: Booted,
    alive: AtomicBool,
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl Process {
    /// Boots the machine and opens the store; `Err` where something of the world failed.
    pub async fn start(sim: &Sim, bucket: BucketKind) -> Result<Arc<Self>, String> {
        let booted = sim.boot().map_err(|error| error.to_string())?;
        let opened = Self::open(sim, &booted, bucket).await;
        match opened {
            Ok(store) => {
                let (sim, alive) = (sim.clone(), AtomicBool::new(true));
                Ok(Arc::new(Self { sim, store, booted, alive }))
            }
            Err(error) => {
                sim.kill(&booted);
                Err(error)
            }
        }
    }

    async fn open(sim: &Sim, booted: &Booted, bucket: BucketKind) -> Result<Arc<Store>, String> {
        assert_eq!(booted.log.damage(), Vec::<String>::new(), "nobody damaged the log");
        let mut world = booted.world.clone();
        if bucket == BucketKind::OnDisk {
            world.bucket = Arc::new(local_bucket(&world)?);
        }
        let (sender, receiver) = oneshot::channel();
        booted.spawn(async move {
            let opened = Store::open(world, StoreSettings::default()).await;
            let _ = sender.send(opened.map_err(|error| error.to_string()));
        });
        let store = receiver.await.expect("nobody ends the process while it opens")?;
        while !store.is_ready() {
            sim.sleep(Duration::from_millis(1)).await;
        }
        Ok(store)
    }

    /// The power goes.
    pub fn crash(&self) {
        self.alive.store(false, Ordering::Relaxed);
        self.sim.crash(&self.booted);
    }

    /// The process is killed.
    pub fn kill(&self) {
        self.alive.store(false, Ordering::Relaxed);
        self.sim.kill(&self.booted);
    }

    /// Stops as on SIGTERM. What does not end by itself is killed.
    pub async fn shut_down(&self) {
        let (store, log) = (self.store.clone(), self.booted.log.clone());
        let (sender, receiver) = oneshot::channel();
        self.booted.spawn(async move {
            store.shutdown().await;
            log.close().await;
            let _ = sender.send(());
        });
        receiver.await.expect("nobody ends the process while it stops");
        self.kill();
    }

    /// Starts a task of the process.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.booted.spawn(task);
    }

    /// Whether nobody ended it yet.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// One exchange; nothing where the process ended first.
    pub async fn send(&self, request: Request<Body>) -> Option<Reply> {
        if !self.is_alive() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let router = self.store.router();
        self.booted.spawn(async move {
            let Ok(response) = router.oneshot(request).await;
            let _ = sender.send(Reply::read(response).await);
        });
        receiver.await.ok()
    }

    /// A request with a JSON body, or none.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Option<Reply> {
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        let request = Request::builder().method(method).uri(path).extension(Principal::outside());
        self.send(request.body(body).expect("a request")).await
    }

    /// The same, where the process is known to live.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call(method, path, body).await.expect("the process lives")
    }

    /// Makes a workspace and gives its id.
    pub async fn workspace(&self, extras: Value) -> String {
        let made = self.ask("POST", "/workspaces", json!({"hearth": extras})).await.expect(202);
        made.json()["workspaceId"].as_str().expect("an id").to_owned()
    }

    /// Remote write.
    pub async fn write(&self, id: &str, series: &[TimeSeries], version: Version) -> Option<Reply> {
        let request = Request::post(format!("/workspaces/{id}/api/v1/remote_write"))
            .header("content-type", version.content_type())
            .header("content-encoding", "snappy")
            .body(Body::from(compress(&encode(series, version))))
            .expect("a request");
        self.send(request).await
    }

    /// The data of a query; nothing where the process ended first.
    pub async fn query(&self, id: &str, expr: &str, at_ms: i64) -> Option<Result<Value, String>> {
        let form = format!("time={}.{:03}&query={}", at_ms / 1000, at_ms % 1000, encoded(expr));
        let request = Request::post(format!("/workspaces/{id}/api/v1/query"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .expect("a request");
        let reply = self.send(request).await?;
        Some(match reply.status {
            200 => Ok(reply.json()["data"]["result"].clone()),
            _ => Err(reply.text()),
        })
    }

    /// All samples of a workspace of the last 30 days; nothing where the process ended first.
    pub async fn read_all(&self, id: &str) -> Option<Result<Answer, String>> {
        use world::clock::Clock;
        let to_ms = self.sim.clock.now_ms() + 12 * 3_600_000;
        let found = self.query(id, "{__name__=~\".+\"}[30d]", to_ms).await?;
        Some(found.map(|result| answer_of(&result)))
    }

    /// What the databases could not read of the log.
    pub fn damage(&self) -> Vec<String> {
        let open = self.store.workspaces.open();
        open.iter().flat_map(|workspace| workspace.data.tsdb.log_damage().to_vec()).collect()
    }
}

fn local_bucket(world: &World) -> Result<LocalBucket, String> {
    LocalBucket::open(world.disk.clone(), world.tasks.clone()).map_err(|error| error.to_string())
}

/// Percent-encoded.
#[allow(dead_code, reason = "each test file uses the words it needs")]
pub fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// A matrix as cells.
fn answer_of(result: &Value) -> Answer {
    let mut answer = Answer::new();
    for series in result.as_array().expect("a matrix") {
        // The map of serde_json is sorted.
        let name = series["metric"].to_string();
        for pair in series["values"].as_array().expect("points") {
            let seconds = pair[0].as_f64().expect("a time");
            let value = pair[1].as_str().and_then(|text| text.parse().ok()).expect("a number");
            let at_ms = (seconds * 1000.0).round() as i64;
            let twice = answer.insert((name.clone(), at_ms), value);
            assert_eq!(twice, None, "{name} at {at_ms} was answered twice");
        }
    }
    answer
}

/// A series with numbers.
#[allow(dead_code, reason = "each test file uses the words it needs")]
pub fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let sample = |&(timestamp_ms, value): &(i64, f64)| Sample { timestamp_ms, value };
    TimeSeries {
        labels: protocol::labels::Labels::from_pairs(labels.iter().copied()),
        samples: samples.iter().map(sample).collect(),
        ..TimeSeries::default()
    }
}
