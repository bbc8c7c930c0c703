//! What waits to be sent: shards, batches, bounds.
//!
//! Pure. All samples of a series go through one shard, so that they leave in order. A full shard
//! drops its oldest samples and counts them: new data is worth more than old.

use std::collections::VecDeque;

use crate::scraped::ScrapedSample;

/// The sizes of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Requests that are on their way at the same time, each with its own series.
    pub shards: usize,
    /// Samples that wait, over all shards.
    pub samples_max: usize,
    /// Samples of one request.
    pub batch_samples_max: usize,
    /// How long a sample waits for company.
    pub batch_deadline_ms: i64,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            // Two requests hide each other's wait for the destination's disk.
            shards: 2,
            // About 100 MB with labels shared: minutes of a busy collector.
            samples_max: 1_000_000,
            // Prometheus's: some 100 KB a request.
            batch_samples_max: 2000,
            // Short against the 1 to 60 s of scrapes, long against a write.
            batch_deadline_ms: 300,
        }
    }
}

/// The queue of one destination.
#[derive(Debug)]
pub struct WriteQueue {
    limits: QueueLimits,
    shards: Vec<Shard>,
    dropped: u64,
}

#[derive(Debug, Default)]
struct Shard {
    waiting: VecDeque<ScrapedSample>,
    /// When the first of them came.
    since_ms: Option<i64>,
}

impl WriteQueue {
    /// An empty queue.
    pub fn new(limits: QueueLimits) -> Self {
        let shards = (0..limits.shards.max(1)).map(|_| Shard::default()).collect();
        Self { limits, shards, dropped: 0 }
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Adds samples; gives how many old ones had to go.
    pub fn push(&mut self, samples: Vec<ScrapedSample>, now_ms: i64) -> u64 {
        let count = self.shards.len() as u64;
        let shard_max = (self.limits.samples_max / self.shards.len()).max(1);
        let mut dropped = 0;
        for sample in samples {
            let shard = &mut self.shards[(sample.hash % count) as usize];
            if shard.waiting.len() >= shard_max {
                shard.waiting.pop_front();
                dropped += 1;
            }
            shard.waiting.push_back(sample);
            shard.since_ms.get_or_insert(now_ms);
        }
        self.dropped += dropped;
        dropped
    }

    /// The next batch of a shard, if one is full or its deadline has come; any at all if `flush`.
    pub fn take(&mut self, shard: usize, now_ms: i64, flush: bool) -> Option<Vec<ScrapedSample>> {
        let max = self.limits.batch_samples_max.max(1);
        let shard = &mut self.shards[shard];
        let since_ms = shard.since_ms?;
        let due = now_ms >= since_ms.saturating_add(self.limits.batch_deadline_ms);
        if !(flush || due || shard.waiting.len() >= max) {
            return None;
        }
        let batch: Vec<ScrapedSample> =
            shard.waiting.drain(..max.min(shard.waiting.len())).collect();
        if shard.waiting.is_empty() {
            shard.since_ms = None;
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// Puts a batch that was taken back to where it was.
    pub fn put_back(&mut self, shard: usize, batch: Vec<ScrapedSample>, now_ms: i64) {
        let shard = &mut self.shards[shard];
        batch.into_iter().rev().for_each(|sample| shard.waiting.push_front(sample));
        if !shard.waiting.is_empty() {
            shard.since_ms.get_or_insert(now_ms);
        }
    }

    /// Whether a shard is more than half full.
    pub fn is_crowded(&self, shard: usize) -> bool {
        self.shards[shard].waiting.len() * self.shards.len() * 2 > self.limits.samples_max
    }

    /// When a shard has to be looked at again; `None`: when something is pushed.
    pub fn due_ms(&self, shard: usize) -> Option<i64> {
        let since = self.shards[shard].since_ms?;
        Some(since.saturating_add(self.limits.batch_deadline_ms))
    }

    /// Whether a shard holds a full batch.
    pub fn has_full_batch(&self, shard: usize) -> bool {
        self.shards[shard].waiting.len() >= self.limits.batch_samples_max
    }

    /// Samples that wait.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.waiting.len()).sum()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples dropped so far because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests;
