//! Sends what waits in the queue, until it is delivered.
//!
//! With a buffer on disk, what waits for a destination that is away moves there: the disk holds the
//! older samples, the memory the newer ones, and they leave in that order.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock::WallClock;
use crate::destination::WriteDestination;
use crate::disk_buffer::LaneFigures;
use crate::disk_buffer_lanes::DiskBuffer;
use crate::scraped::ScrapedSample;
use crate::sender_lane;
use crate::sender_shared::{SenderCounters, SenderShared};
use crate::write_queue::{QueueLimits, WriteQueue};

/// How long a stop may spend on what still waits.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The queue of a destination and the tasks that empty it.
pub struct Sender {
    shared: Arc<SenderShared>,
    tasks: Mutex<JoinSet<()>>,
}

impl Sender {
    /// Starts one task a shard on the current tokio runtime.
    pub fn start(
        limits: QueueLimits,
        destination: Arc<dyn WriteDestination>,
        clock: Arc<dyn WallClock>,
        buffer: Option<Arc<DiskBuffer>>,
    ) -> Self {
        let queue = WriteQueue::new(limits);
        let shards = queue.shard_count();
        let shared = Arc::new(SenderShared {
            queue: Mutex::new(queue),
            pushed: (0..shards).map(|_| Notify::new()).collect(),
            destination,
            clock,
            counters: SenderCounters::default(),
            buffer,
            speaks_v1: AtomicBool::new(false),
            stop: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        for shard in 0..shards {
            tasks.spawn(sender_lane::run(Arc::clone(&shared), shard));
        }
        Self { shared, tasks: Mutex::new(tasks) }
    }

    /// Queues samples; never waits.
    pub fn push(&self, samples: Vec<ScrapedSample>) {
        if samples.is_empty() {
            return;
        }
        let dropped = self.shared.queue().push(samples, self.shared.clock.now_ms());
        if dropped > 0 {
            tracing::warn!(dropped, "the write queue is full: its oldest samples were dropped");
        }
        self.shared.pushed.iter().for_each(Notify::notify_one);
    }

    /// Samples that wait in memory, and samples dropped because too many waited, there or on disk.
    pub fn queue_figures(&self) -> (usize, u64) {
        let on_disk = self.disk_figures().dropped;
        let queue = self.shared.queue();
        (queue.len(), queue.dropped() + on_disk)
    }

    /// What waits on disk.
    pub fn disk_figures(&self) -> LaneFigures {
        self.shared.buffer.as_ref().map(|buffer| buffer.figures()).unwrap_or_default()
    }

    /// What became of the samples.
    pub fn counters(&self) -> &SenderCounters {
        &self.shared.counters
    }

    /// Sends what waits, for a few seconds at most, then stops. The rest waits on disk, if there is
    /// a buffer.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all_done = async { while tasks.join_next().await.is_some() {} };
        if timeout(FLUSH_TIMEOUT, all_done).await.is_err() {
            let waiting = self.queue_figures().0;
            tracing::warn!(waiting, "stopped before all samples were delivered");
        }
    }
}
