//! Flush, retention, merges, collection.
//!
//! Collection is the only code that destroys stored data. It deletes what no manifest names, after
//! a time of grace, and only after it has read the newest manifest once more.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::compaction_plan::expired;
use crate::error::TsdbError;
use crate::live::{Maintenance, NOTHING_UNFLUSHED};
use crate::manifest::{self, Manifest};
use crate::options::TsdbOptions;
use crate::tsdb::Tsdb;

/// Merges of one round: others wait for their turn, too.
const MERGES_MAX: usize = 8;

/// What a flush is decided by.
#[derive(Clone, Copy, Debug)]
pub struct HeadLoad {
    /// Bytes of samples in memory.
    pub sample_bytes: u64,
    /// Bytes in the log that a flush would give back.
    pub log_bytes: u64,
    /// Age of the oldest record in the log.
    pub age_ms: i64,
}

/// Whether the head is to be flushed.
pub fn flush_is_due(load: HeadLoad, options: &TsdbOptions) -> bool {
    load.log_bytes > 0
        && (load.sample_bytes > options.head_bytes_max
            || load.log_bytes > options.log_bytes_max
            || load.age_ms >= options.head_age_ms_max)
}

impl Tsdb {
    /// Does what is due at `now_ms`. Every part is tried; the first error is told.
    pub async fn maintain(&self, now_ms: i64) -> Result<(), TsdbError> {
        self.check_open()?;
        let mut guard = self.maintenance.lock().await;
        let m = &mut *guard;
        let flushed = if flush_is_due(self.load(now_ms), &self.options()) {
            self.flush_with(m).await
        } else {
            Ok(())
        };
        let expired = self.drop_expired(m, now_ms).await;
        let merged = self.merge_some(m, now_ms).await;
        let collected = self.collect(m, now_ms).await;
        flushed.and(expired).and(merged).and(collected)
    }

    fn load(&self, now_ms: i64) -> HeadLoad {
        let since_ms = self.unflushed_since_ms.load(Ordering::Relaxed);
        HeadLoad {
            sample_bytes: self.head.sample_bytes(),
            log_bytes: self.unflushed_bytes.load(Ordering::Relaxed),
            age_ms: if since_ms == NOTHING_UNFLUSHED { 0 } else { now_ms.saturating_sub(since_ms) },
        }
    }

    async fn drop_expired(&self, m: &mut Maintenance, now_ms: i64) -> Result<(), TsdbError> {
        let old = expired(&m.manifest.blocks, self.oldest_kept_ms(now_ms));
        if old.is_empty() {
            return Ok(());
        }
        let ids = old.into_iter().map(|at| m.manifest.blocks[at].id.clone()).collect();
        self.replace(m, ids, None, now_ms).await
    }

    async fn merge_some(&self, m: &mut Maintenance, now_ms: i64) -> Result<(), TsdbError> {
        for _ in 0..MERGES_MAX {
            if !self.merge_once(m, now_ms).await? {
                break;
            }
        }
        Ok(())
    }

    async fn collect(&self, m: &mut Maintenance, now_ms: i64) -> Result<(), TsdbError> {
        let grace_ms = self.options().grace_ms;
        let retired: Vec<String> = m
            .manifest
            .retired
            .iter()
            .filter(|block| is_over(block.since_ms, grace_ms, now_ms))
            .map(|block| block.id.clone())
            .collect();
        let orphans = self.orphans(m, grace_ms, now_ms).await?;
        if retired.is_empty() && orphans.is_empty() {
            return Ok(());
        }
        let newest = self.verify_newest(m).await?;
        let needed: BTreeSet<&str> = newest.blocks.iter().map(|block| block.id.as_str()).collect();
        for id in retired.iter().chain(&orphans) {
            assert!(!needed.contains(id.as_str()), "a block that counts is never collected");
            self.source.bucket.delete(&self.names.block(id)).await?;
            m.orphans.remove(id);
        }
        if !retired.is_empty() {
            let mut next = m.next();
            next.retired.retain(|block| !retired.contains(&block.id));
            self.commit(m, next).await?;
        }
        Ok(())
    }

    // Objects that no manifest names, seen for longer than the grace. Old manifests go at once:
    // nobody reads any but the newest, and the one before it stays for whoever just listed it.
    async fn orphans(
        &self,
        m: &mut Maintenance,
        grace_ms: i64,
        now_ms: i64,
    ) -> Result<Vec<String>, TsdbError> {
        let listed_lately =
            |listed_ms| (0..grace_ms / 2).contains(&now_ms.saturating_sub(listed_ms));
        if m.listed_ms.is_some_and(listed_lately) {
            return Ok(Vec::new());
        }
        m.listed_ms = Some(now_ms);
        let bucket = &*self.source.bucket;
        let previous = self.names.manifest(m.manifest.number.saturating_sub(1));
        for old in bucket.list(&self.names.manifests()).await? {
            if old.name < previous {
                bucket.delete(&old.name).await?;
            }
        }
        let prefix = self.names.blocks();
        let listed = bucket.list(&prefix).await?;
        let ids = listed.iter().filter_map(|object| object.name.strip_prefix(&prefix));
        let unnamed: BTreeSet<&str> = ids.filter(|id| !names_block(&m.manifest, id)).collect();
        m.orphans.retain(|id, since_ms| unnamed.contains(id.as_str()) && *since_ms <= now_ms);
        for id in unnamed {
            m.orphans.entry(id.to_owned()).or_insert(now_ms);
        }
        let over = m.orphans.iter().filter(|(_, since_ms)| is_over(**since_ms, grace_ms, now_ms));
        Ok(over.map(|(id, _)| id.clone()).collect())
    }

    async fn verify_newest(&self, m: &mut Maintenance) -> Result<Manifest, TsdbError> {
        let newest = manifest::load_newest(&*self.source.bucket, &self.names).await?;
        if newest.writer == m.writer && newest.number > m.manifest.number {
            return Err(self.take_up(m, newest).await);
        }
        if newest != m.manifest {
            return Err(TsdbError::Superseded(self.names.manifest(newest.number)));
        }
        Ok(newest)
    }
}

fn names_block(manifest: &Manifest, id: &str) -> bool {
    manifest.blocks.iter().any(|block| block.id == id)
        || manifest.retired.iter().any(|block| block.id == id)
}

fn is_over(since_ms: i64, grace_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(since_ms) >= grace_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_is_due_by_bytes_by_log_or_by_age() {
        let options = TsdbOptions {
            head_bytes_max: 100,
            log_bytes_max: 200,
            head_age_ms_max: 300,
            ..TsdbOptions::default()
        };
        let due = |sample_bytes, log_bytes, age_ms| {
            flush_is_due(HeadLoad { sample_bytes, log_bytes, age_ms }, &options)
        };
        assert!(!due(100, 200, 299));
        assert!(due(101, 1, 0));
        assert!(due(0, 201, 0));
        assert!(due(0, 1, 300));
        assert!(!due(101, 0, 300), "nothing to give back");
    }
}
