//! Sends what waits in the queue, shard by shard, until it is delivered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::remote_write::Version;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::clock::WallClock;
use crate::destination::WriteDestination;
use crate::scraped::ScrapedSample;
use crate::write_client::{Verdict, backoff, request_of, verdict};
use crate::write_queue::{QueueLimits, WriteQueue};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stop may spend on what still waits.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Figures of one destination.
#[derive(Debug, Default)]
pub struct SenderCounters {
    /// Samples that were written.
    pub sent: AtomicU64,
    /// Samples that the receiver refused for good.
    pub refused: AtomicU64,
    /// Attempts that had to be repeated.
    pub retried: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl SenderCounters {
    /// The last thing that went wrong; `None` after a good delivery.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_error(&self, error: Option<String>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// The queue of a destination and the tasks that empty it.
pub struct Sender {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

struct Shared {
    queue: Mutex<WriteQueue>,
    pushed: Vec<Notify>,
    destination: Arc<dyn WriteDestination>,
    clock: Arc<dyn WallClock>,
    counters: SenderCounters,
    /// Set once the receiver has shown that it does not know 2.0.
    speaks_v1: AtomicBool,
    stop: watch::Sender<bool>,
}

impl Sender {
    /// Starts one task a shard on the current tokio runtime.
    pub fn start(
        limits: QueueLimits,
        destination: Arc<dyn WriteDestination>,
        clock: Arc<dyn WallClock>,
    ) -> Self {
        let queue = WriteQueue::new(limits);
        let shards = queue.shard_count();
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            pushed: (0..shards).map(|_| Notify::new()).collect(),
            destination,
            clock,
            counters: SenderCounters::default(),
            speaks_v1: AtomicBool::new(false),
            stop: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        for shard in 0..shards {
            tasks.spawn(run_shard(Arc::clone(&shared), shard));
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

    /// Samples that wait, and samples dropped because too many waited.
    pub fn queue_figures(&self) -> (usize, u64) {
        let queue = self.shared.queue();
        (queue.len(), queue.dropped())
    }

    /// What became of the samples.
    pub fn counters(&self) -> &SenderCounters {
        &self.shared.counters
    }

    /// Sends what waits, for a few seconds at most, then stops.
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

impl Shared {
    fn queue(&self) -> MutexGuard<'_, WriteQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn version(&self) -> Version {
        if self.speaks_v1.load(Ordering::Relaxed) { Version::V1 } else { Version::V2 }
    }
}

async fn run_shard(shared: Arc<Shared>, shard: usize) {
    let mut stop = shared.stop.subscribe();
    loop {
        let stopping = *stop.borrow_and_update();
        let (batch, due_ms) = {
            let mut queue = shared.queue();
            let batch = queue.take(shard, shared.clock.now_ms(), stopping);
            (batch, queue.due_ms(shard))
        };
        match batch {
            Some(batch) => deliver(&shared, &batch).await,
            None if stopping => return,
            None => wait(&shared, shard, due_ms, &mut stop).await,
        }
    }
}

async fn wait(
    shared: &Shared,
    shard: usize,
    due_ms: Option<i64>,
    stop: &mut watch::Receiver<bool>,
) {
    let wait_ms = due_ms.map(|due| due.saturating_sub(shared.clock.now_ms()).max(1) as u64);
    let due = wait_ms.map(|wait| Instant::now() + Duration::from_millis(wait));
    let deadline = async {
        match due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        _ = stop.changed() => {}
        () = deadline => {}
        () = shared.pushed[shard].notified() => {}
    }
}

/// Sends one batch until it is delivered or refused.
async fn deliver(shared: &Shared, batch: &[ScrapedSample]) {
    let count = batch.len() as u64;
    let counters = &shared.counters;
    let mut attempt = 0u32;
    loop {
        let version = shared.version();
        let request = request_of(batch, version, attempt);
        let answer = timeout(REQUEST_TIMEOUT, shared.destination.write(request)).await;
        let found = match answer {
            Ok(Ok(answer)) => verdict(version, count, &answer, shared.clock.now_ms()),
            Ok(Err(reason)) => Verdict::Retry { after: None, reason },
            Err(_) => {
                let reason = format!("no answer within {} s", REQUEST_TIMEOUT.as_secs());
                Verdict::Retry { after: None, reason }
            }
        };
        match found {
            Verdict::Delivered => {
                counters.sent.fetch_add(count, Ordering::Relaxed);
                return counters.set_error(None);
            }
            Verdict::Partial { refused, reason } => {
                counters.sent.fetch_add(count - refused, Ordering::Relaxed);
                return give_up(counters, refused, reason);
            }
            Verdict::Refused(reason) => return give_up(counters, count, reason),
            Verdict::FallBack => {
                tracing::info!("the destination does not know remote write 2.0: using 1.0");
                shared.speaks_v1.store(true, Ordering::Relaxed);
            }
            Verdict::Retry { after, reason } => {
                counters.retried.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(attempt, reason, "a write has to be repeated");
                counters.set_error(Some(reason));
                sleep(after.unwrap_or_default().max(backoff(attempt))).await;
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

fn give_up(counters: &SenderCounters, refused: u64, reason: String) {
    counters.refused.fetch_add(refused, Ordering::Relaxed);
    tracing::warn!(refused, reason, "the destination refused samples");
    counters.set_error(Some(reason));
}
