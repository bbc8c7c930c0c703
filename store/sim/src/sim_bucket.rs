//! A bucket in memory that survives its processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use world::bucket::{Bucket, BucketError, ObjectMeta, Put};

use crate::executor::Executor;
use crate::faults::BucketFaults;
use crate::seeded_random::SeededRandom;

/// Each request takes up to so long there, and again back.
const WAY_MICROS_MAX: u64 = 20_000;

/// Objects, whose requests take time, fail, and lose their replies.
pub struct SimBucket {
    executor: Arc<Executor>,
    dice: SeededRandom,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    faults: BucketFaults,
}

impl SimBucket {
    /// An empty bucket.
    pub fn new(seed: u64, executor: Arc<Executor>) -> Self {
        let dice = SeededRandom::new(seed, "bucket");
        Self { executor, dice, state: Mutex::default() }
    }

    /// How requests fail from now on.
    pub fn set_faults(&self, faults: BucketFaults) {
        self.lock().faults = faults;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request: the way there, the work, the way back.
    fn request<'a, T: Send + 'a>(
        &'a self,
        changes: bool,
        work: impl FnOnce(&mut BTreeMap<String, Bytes>) -> Result<T, BucketError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, BucketError>> {
        Box::pin(async move {
            let way = || Duration::from_micros(self.dice.below(WAY_MICROS_MAX));
            self.executor.sleep(way()).await;
            let faults = self.lock().faults;
            if self.dice.chance(faults.request) {
                return Err(BucketError::Unavailable("simulated fault".to_owned()));
            }
            let answer = work(&mut self.lock().objects);
            self.executor.sleep(way()).await;
            if changes && self.dice.chance(faults.lost_reply) {
                return Err(BucketError::Unavailable("simulated lost reply".to_owned()));
            }
            answer
        })
    }
}

fn find<'a>(objects: &'a BTreeMap<String, Bytes>, name: &str) -> Result<&'a Bytes, BucketError> {
    objects.get(name).ok_or_else(|| BucketError::NotFound(name.to_owned()))
}

impl Bucket for SimBucket {
    fn put_new(&self, name: &str, content: Bytes) -> BoxFuture<'_, Result<Put, BucketError>> {
        let name = name.to_owned();
        self.request(true, move |objects| {
            if objects.contains_key(&name) {
                return Ok(Put::Exists);
            }
            objects.insert(name, content);
            Ok(Put::Created)
        })
    }

    fn get(&self, name: &str) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        let name = name.to_owned();
        self.request(false, move |objects| find(objects, &name).cloned())
    }

    fn get_range(
        &self,
        name: &str,
        offset: u64,
        len: u64,
    ) -> BoxFuture<'_, Result<Bytes, BucketError>> {
        let name = name.to_owned();
        self.request(false, move |objects| {
            let content = find(objects, &name)?;
            let end = offset.saturating_add(len);
            if end > content.len() as u64 {
                return Err(BucketError::OutOfRange { name, offset, end });
            }
            Ok(content.slice(offset as usize..end as usize))
        })
    }

    fn get_tail(&self, name: &str, len: u64) -> BoxFuture<'_, Result<(Bytes, u64), BucketError>> {
        let name = name.to_owned();
        self.request(false, move |objects| {
            let content = find(objects, &name)?;
            let from = content.len().saturating_sub(len as usize);
            Ok((content.slice(from..), content.len() as u64))
        })
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<ObjectMeta>, BucketError>> {
        let prefix = prefix.to_owned();
        self.request(false, move |objects| {
            let from = objects.range(prefix.clone()..);
            let found = from.take_while(|(name, _)| name.starts_with(&prefix));
            let metas = found.map(|(name, content)| ObjectMeta {
                name: name.clone(),
                len: content.len() as u64,
            });
            Ok(metas.collect())
        })
    }

    fn delete(&self, name: &str) -> BoxFuture<'_, Result<(), BucketError>> {
        let name = name.to_owned();
        self.request(true, move |objects| {
            objects.remove(&name);
            Ok(())
        })
    }
}
