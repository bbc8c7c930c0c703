//! A world in memory for the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, mem};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use world::bucket::{Bucket, BucketError, ObjectMeta, Put};
use world::clock::Clock;
use world::commit_log::{CommitLog, LogError, LogRecord, Position, StreamName};
use world::disk::{DirEntry, Disk, DiskFile};
use world::outbox::{Outbox, OutboxError, OutboxRequest, OutboxResponse};
use world::random::Random;
use world::tasks::{TaskHandle, Tasks};
use world::world::World;

/// The parts of the world that tests turn.
#[derive(Clone, Default)]
pub struct TestWorld {
    pub clock: Arc<TestClock>,
    pub log: Arc<TestLog>,
    pub bucket: Arc<TestBucket>,
    random: Arc<TestRandom>,
}

impl TestWorld {
    pub fn at(now_ms: i64) -> Self {
        let world = Self::default();
        world.clock.0.store(now_ms, Ordering::Relaxed);
        world
    }

    pub fn world(&self) -> World {
        World {
            clock: self.clock.clone(),
            random: self.random.clone(),
            tasks: Arc::new(Inline),
            disk: Arc::new(NoDisk),
            bucket: self.bucket.clone(),
            log: self.log.clone(),
            outbox: Arc::new(NoOutbox),
        }
    }
}

#[derive(Default)]
pub struct TestClock(pub AtomicI64);

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.now_ms().max(0) as u64)
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.0.fetch_add(wait.as_millis() as i64, Ordering::Relaxed);
        ready(()).boxed()
    }
}

#[derive(Default)]
struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            *byte = ((next ^ next >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
        }
    }
}

struct Inline;

impl Tasks for Inline {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) -> TaskHandle {
        futures::executor::block_on(task);
        TaskHandle::new(Box::new(|| {}), ready(()).boxed())
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        work();
        ready(()).boxed()
    }

    fn stopping(&self) -> BoxFuture<'static, ()> {
        std::future::pending().boxed()
    }

    fn stop(&self) {}
}

#[derive(Default)]
pub struct TestLog {
    records: Mutex<Vec<(StreamName, LogRecord)>>,
    next: AtomicU64,
    trimmed: Mutex<BTreeMap<StreamName, Position>>,
    broken: Mutex<bool>,
}

impl TestLog {
    pub fn set_broken(&self, broken: bool) {
        *self.broken.lock().unwrap() = broken;
    }

    pub fn is_broken(&self) -> bool {
        *self.broken.lock().unwrap()
    }

    pub fn len(&self) -> usize {
        self.records.lock().unwrap().len()
    }

    pub fn damage_last(&self) {
        let mut records = self.records.lock().unwrap();
        let (_, last) = records.last_mut().unwrap();
        let mut payload = last.payload.to_vec();
        payload.pop();
        last.payload = payload.into();
    }
}

impl CommitLog for TestLog {
    fn append(
        &self,
        stream: &StreamName,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Position, LogError>> {
        if *self.broken.lock().unwrap() {
            return ready(Err(LogError::Unavailable("disk full".into()))).boxed();
        }
        let position = Position(self.next.fetch_add(1, Ordering::Relaxed));
        let record = LogRecord { position, payload };
        self.records.lock().unwrap().push((stream.clone(), record));
        ready(Ok(position)).boxed()
    }

    fn replay(
        &self,
        stream: &StreamName,
        visit: &mut dyn FnMut(LogRecord) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let records = self.records.lock().unwrap().clone();
        records.into_iter().filter(|(s, _)| s == stream).try_for_each(|(_, record)| visit(record))
    }

    fn streams(&self) -> Vec<StreamName> {
        let streams: BTreeSet<_> =
            self.records.lock().unwrap().iter().map(|(s, _)| s.clone()).collect();
        streams.into_iter().collect()
    }

    fn trim(&self, stream: &StreamName, upto: Position) {
        self.trimmed.lock().unwrap().insert(stream.clone(), upto);
        let keep = |(s, record): &(StreamName, LogRecord)| s != stream || record.position > upto;
        self.records.lock().unwrap().retain(keep);
    }

    fn pinned_bytes(&self) -> u64 {
        self.records.lock().unwrap().iter().map(|(_, r)| r.payload.len() as u64).sum()
    }
}

#[derive(Default)]
pub struct TestBucket {
    pub objects: Mutex<BTreeMap<String, Bytes>>,
    /// Requests until it breaks, and whether the put that fails is stored all the same.
    fault: Mutex<Option<(u32, bool)>>,
}

impl TestBucket {
    pub fn set_broken(&self, broken: bool) {
        *self.fault.lock().unwrap() = broken.then_some((0, false));
    }

    pub fn fail_after(&self, requests: u32, stored: bool) {
        *self.fault.lock().unwrap() = Some((requests, stored));
    }

    pub fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn check(&self) -> Result<(), BucketError> {
        match &mut *self.fault.lock().unwrap() {
            Some((0, _)) => Err(BucketError::Unavailable("no such host".into())),
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn find(&self, name: &str) -> Result<Bytes, BucketError> {
        self.check()?;
        let objects = self.objects.lock().unwrap();
        objects.get(name).cloned().ok_or_else(|| BucketError::NotFound(name.into()))
    }
}

impl Bucket for TestBucket {
    fn put_new(&self, name: &str, content: Bytes) -> BoxFuture<'_, Result<Put, BucketError>> {
        if *self.fault.lock().unwrap() == Some((0, true)) {
            self.objects.lock().unwrap().entry(name.into()).or_insert(content.clone());
        }
        let put = self.check().map(|()| {
            let mut objects = self.objects.lock().unwrap();
            if objects.contains_key(name) {
                return Put::Exists;
            }
            objects.insert(name.into(), content);
            Put::Created
        });
        ready(put).boxed()
    }

    fn get(&self, name: &str) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        ready(self.find(name)).boxed()
    }

    fn get_range(
        &self,
        name: &str,
        offset: u64,
        len: u64,
    ) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        let found = self.find(name).and_then(|object| {
            let end = offset.saturating_add(len);
            if end > object.len() as u64 {
                return Err(BucketError::OutOfRange { name: name.into(), offset, end });
            }
            Ok(object.slice(offset as usize..end as usize))
        });
        ready(found).boxed()
    }

    fn get_tail(&self, name: &str, len: u64) -> BoxFuture<'_, Result<(Bytes, u64), BucketError>> {
        let found = self.find(name).map(|object| {
            let from = (object.len() as u64).saturating_sub(len);
            (object.slice(from as usize..), object.len() as u64)
        });
        ready(found).boxed()
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<ObjectMeta>, BucketError>> {
        let listed = self.check().map(|()| {
            let objects = self.objects.lock().unwrap();
            let fitting = objects.iter().filter(|(name, _)| name.starts_with(prefix));
            let meta = |(name, object): (&String, &Bytes)| ObjectMeta {
                name: name.clone(),
                len: object.len() as u64,
            };
            fitting.map(meta).collect()
        });
        ready(listed).boxed()
    }

    fn delete(&self, name: &str) -> BoxFuture<'_, Result<(), BucketError>> {
        let deleted = self.check().map(|()| drop(self.objects.lock().unwrap().remove(name)));
        ready(deleted).boxed()
    }
}

struct NoDisk;

fn no_disk<T>() -> io::Result<T> {
    Err(io::Error::other("a database never touches the disk itself"))
}

impl Disk for NoDisk {
    fn create_new(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        no_disk()
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        no_disk()
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        no_disk()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        no_disk()
    }

    fn link_new(&self, _: &Path, _: &Path) -> io::Result<()> {
        no_disk()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        no_disk()
    }

    fn remove_dir_all(&self, _: &Path) -> io::Result<()> {
        no_disk()
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        no_disk()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        no_disk()
    }

    fn list(&self, _: &Path) -> io::Result<Vec<DirEntry>> {
        no_disk()
    }

    fn describe(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

/// Bytes as text, for golden files.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The inverse of [`hex`].
pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.trim().chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

struct NoOutbox;

impl Outbox for NoOutbox {
    fn send(&self, request: OutboxRequest) -> BoxFuture<'_, Result<OutboxResponse, OutboxError>> {
        let reason = "a database sends nothing".into();
        let unreachable = OutboxError::Unreachable { host: request.url, reason };
        ready(Err(unreachable)).boxed()
    }
}

#[test]
fn randomness_repeats() {
    let draw = || {
        let world = TestWorld::default();
        let mut bytes = [0; 16];
        world.random.fill(&mut bytes);
        mem::take(&mut bytes)
    };
    assert_eq!(draw(), draw());
}
