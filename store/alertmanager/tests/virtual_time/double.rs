//! A world in memory under virtual time, and an inbox.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use alertmanager::ports::{CredentialsPort, PortError, SecretsPort};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use protocol::alertmanager_config::secret::SecretRef;
use protocol::sigv4::Credentials;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use world::bucket::{Bucket, BucketError, ObjectMeta, Put};
use world::clock::Clock;
use world::commit_log::{CommitLog, LogError, LogRecord, Position, StreamName};
use world::disk::{DirEntry, Disk, DiskFile};
use world::outbox::{Outbox, OutboxError, OutboxRequest, OutboxResponse};
use world::random::Random;
use world::tasks::{TaskHandle, Tasks};
use world::world::World;

/// 2026-11-20T12:00:00Z, a Friday.
pub const START_MS: i64 = 1_795_176_000_000;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under a lock")
}

/// What outlives a crash, and what the receivers saw.
#[derive(Clone)]
pub struct Scene {
    pub log: Arc<MemoryLog>,
    pub inbox: Arc<Inbox>,
    begun: Instant,
}

/// One life of the process.
pub struct Life {
    pub world: World,
    tasks: Arc<TokioTasks>,
}

impl Scene {
    pub fn new() -> Self {
        Self { log: Arc::default(), inbox: Arc::default(), begun: Instant::now() }
    }

    pub fn start(&self) -> Life {
        let tasks =
            Arc::new(TokioTasks { aborts: Mutex::default(), stopping: watch::channel(false).0 });
        let inbox = Outgoing { inbox: Arc::clone(&self.inbox), begun: self.begun };
        let world = World {
            clock: Arc::new(VirtualClock { begun: self.begun }),
            random: Arc::new(Counter(AtomicU64::new(1))),
            tasks: Arc::clone(&tasks) as Arc<dyn Tasks>,
            disk: Arc::new(Nothing),
            bucket: Arc::new(Nothing),
            log: Arc::clone(&self.log) as Arc<dyn CommitLog>,
            outbox: Arc::new(inbox),
        };
        Life { world, tasks }
    }

    /// Seconds since the scene began.
    pub fn now_s(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

impl Life {
    /// The process is gone between two instructions.
    pub fn crash(self) {
        for abort in locked(&self.tasks.aborts).drain(..) {
            abort.abort();
        }
    }
}

struct VirtualClock {
    begun: Instant,
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        START_MS + self.begun.elapsed().as_millis() as i64
    }

    fn steady(&self) -> Duration {
        self.begun.elapsed()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(wait).boxed()
    }
}

struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let seed = self.0.fetch_add(1, Ordering::Relaxed);
            *byte = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        }
    }
}

struct TokioTasks {
    aborts: Mutex<Vec<AbortHandle>>,
    stopping: watch::Sender<bool>,
}

impl Tasks for TokioTasks {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        let handle = tokio::spawn(task);
        let abort = handle.abort_handle();
        locked(&self.aborts).push(abort.clone());
        TaskHandle::new(Box::new(move || abort.abort()), handle.map(drop).boxed())
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        work();
        futures::future::ready(()).boxed()
    }

    fn stopping(&self) -> BoxFuture<'static, ()> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // A dropped sender means the scene is over: wait for ever, tasks are aborted.
            if stopping.wait_for(|stop| *stop).await.is_err() {
                futures::future::pending::<()>().await;
            }
        }
        .boxed()
    }

    fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

/// A log whose records are durable at once, unless it is told to fail.
#[derive(Default)]
pub struct MemoryLog {
    records: Mutex<Vec<(StreamName, Position, Bytes)>>,
    next: AtomicU64,
    pub failing: AtomicBool,
}

impl MemoryLog {
    pub fn len(&self) -> usize {
        locked(&self.records).len()
    }

    pub fn texts(&self) -> Vec<String> {
        let records = locked(&self.records);
        records.iter().map(|(_, _, payload)| String::from_utf8_lossy(payload).into()).collect()
    }
}

impl CommitLog for MemoryLog {
    fn append(
        &self,
        stream: &StreamName,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Position, LogError>> {
        if self.failing.load(Ordering::Relaxed) {
            let error = LogError::Unavailable("told to fail".to_owned());
            return futures::future::ready(Err(error)).boxed();
        }
        let position = Position(self.next.fetch_add(1, Ordering::Relaxed));
        locked(&self.records).push((stream.clone(), position, payload));
        futures::future::ready(Ok(position)).boxed()
    }

    fn replay(
        &self,
        stream: &StreamName,
        visit: &mut dyn FnMut(LogRecord) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        for (name, position, payload) in locked(&self.records).iter() {
            if name == stream {
                visit(LogRecord { position: *position, payload: payload.clone() })?;
            }
        }
        Ok(())
    }

    fn streams(&self) -> Vec<StreamName> {
        Vec::new()
    }

    fn trim(&self, stream: &StreamName, upto: Position) {
        locked(&self.records).retain(|(name, at, _)| name != stream || *at > upto);
    }

    fn pinned_bytes(&self) -> u64 {
        0
    }
}

/// One request that a receiver saw.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub at_s: f64,
    pub request: OutboxRequest,
    pub status: u16,
}

impl Delivered {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.request.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.request.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// `1.5 firing a,b` - when, status, names of the alerts.
    pub fn line(&self) -> String {
        let json = self.json();
        let alerts = json["alerts"].as_array().expect("alerts");
        let name = |alert: &serde_json::Value| {
            let name = alert["labels"]["alertname"].as_str().unwrap_or("?").to_owned();
            let over = alert["status"] == "resolved";
            if over { format!("-{name}") } else { name }
        };
        let names: Vec<String> = alerts.iter().map(name).collect();
        let status = json["status"].as_str().unwrap_or("?");
        format!("{} {status} {}", self.at_s, names.join(","))
    }
}

/// What the receivers saw, and how they answer: 200 unless told otherwise.
#[derive(Default)]
pub struct Inbox {
    pub seen: Mutex<Vec<Delivered>>,
    pub answers: Mutex<VecDeque<u16>>,
    /// The receiver takes the message, and the answer never comes back.
    pub mute: AtomicBool,
}

impl Inbox {
    pub fn answer(&self, statuses: &[u16]) {
        locked(&self.answers).extend(statuses);
    }

    pub fn all(&self) -> Vec<Delivered> {
        locked(&self.seen).clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.all().iter().map(Delivered::line).collect()
    }

    /// What came since the last call.
    pub fn take(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *locked(&self.seen));
        seen.iter().map(Delivered::line).collect()
    }
}

struct Outgoing {
    inbox: Arc<Inbox>,
    begun: Instant,
}

impl Outbox for Outgoing {
    fn send(&self, request: OutboxRequest) -> BoxFuture<'_, Result<OutboxResponse, OutboxError>> {
        let status = locked(&self.inbox.answers).pop_front().unwrap_or(200);
        let at_s = self.begun.elapsed().as_millis() as f64 / 1000.0;
        locked(&self.inbox.seen).push(Delivered { at_s, request, status });
        if self.inbox.mute.load(Ordering::Relaxed) {
            return futures::future::pending().boxed();
        }
        let body = Bytes::from_static(b"answer of the double");
        futures::future::ready(Ok(OutboxResponse { status, headers: Vec::new(), body })).boxed()
    }
}

/// Secrets and credentials that every workspace knows.
pub struct Keys;

impl SecretsPort for Keys {
    fn secret(&self, reference: &SecretRef) -> BoxFuture<'_, Result<String, PortError>> {
        let value = match (reference.name.as_str(), reference.key.as_str()) {
            ("hooks", "url") => Ok("http://inbox/secret-path".to_owned()),
            ("hooks", "token") => Ok("t0ken".to_owned()),
            _ => Err(PortError(format!("{reference} is not known"))),
        };
        futures::future::ready(value).boxed()
    }
}

impl CredentialsPort for Keys {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, PortError>> {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: Some("token".to_owned()),
        };
        futures::future::ready(Ok(credentials)).boxed()
    }
}

/// Disk and bucket: an alert manager has no business with either.
struct Nothing;

impl Disk for Nothing {
    fn create_new(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        unreachable!("no disk")
    }
    fn open(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        unreachable!("no disk")
    }
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        unreachable!("no disk")
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        unreachable!("no disk")
    }
    fn link_new(&self, _: &Path, _: &Path) -> io::Result<()> {
        unreachable!("no disk")
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        unreachable!("no disk")
    }
    fn remove_dir_all(&self, _: &Path) -> io::Result<()> {
        unreachable!("no disk")
    }
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        unreachable!("no disk")
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        unreachable!("no disk")
    }
    fn list(&self, _: &Path) -> io::Result<Vec<DirEntry>> {
        unreachable!("no disk")
    }
    fn describe(&self, _: &Path) -> PathBuf {
        unreachable!("no disk")
    }
}

impl Bucket for Nothing {
    fn put_new(&self, _: &str, _: Bytes) -> BoxFuture<'_, Result<Put, BucketError>> {
        unreachable!("no bucket")
    }
    fn get(&self, _: &str) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        unreachable!("no bucket")
    }
    fn get_range(&self, _: &str, _: u64, _: u64) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        unreachable!("no bucket")
    }
    fn get_tail(&self, _: &str, _: u64) -> BoxFuture<'_, Result<(Bytes, u64), BucketError>> {
        unreachable!("no bucket")
    }
    fn list(&self, _: &str) -> BoxFuture<'_, Result<Vec<ObjectMeta>, BucketError>> {
        unreachable!("no bucket")
    }
    fn delete(&self, _: &str) -> BoxFuture<'_, Result<(), BucketError>> {
        unreachable!("no bucket")
    }
}
