//! One task that sends: disk first, then memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use protocol::remote_write::Version;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use crate::disk_buffer::Place;
use crate::disk_buffer_segment::Record;
use crate::scraped::ScrapedSample;
use crate::sender_shared::SenderShared;
use crate::write_client::{Verdict, backoff, body_as_v1, body_of, request_of, verdict};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A batch that waits longer for its delivery goes to disk, and what comes after it, too.
const SPILL_AFTER: Duration = Duration::from_secs(2);
/// How often what has come since follows it: what a kill can lose.
const SPILL_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for the batch on its way before it is left on disk.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// What is on its way.
struct Outgoing {
    /// Empty where it comes from disk.
    samples: Vec<ScrapedSample>,
    record: Record,
    /// Where it lies on disk, if it does.
    place: Option<Place>,
}

/// Whether the batch is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Delivered or refused.
    Done,
    /// It waits on disk for the next start.
    Left,
}

impl Outgoing {
    fn of_memory(samples: Vec<ScrapedSample>) -> Self {
        let record = record_of(&samples);
        Self { samples, record, place: None }
    }

    fn body(&self, version: Version) -> Result<Bytes, String> {
        match version {
            Version::V2 => Ok(self.record.payload.clone()),
            Version::V1 if self.samples.is_empty() => body_as_v1(&self.record.payload),
            Version::V1 => Ok(body_of(&self.samples, Version::V1)),
        }
    }
}

fn record_of(samples: &[ScrapedSample]) -> Record {
    Record { samples: samples.len() as u32, payload: body_of(samples, Version::V2) }
}

/// Sends the samples of one shard of the queue until the sender stops.
pub(crate) async fn run(shared: Arc<SenderShared>, shard: usize) {
    let mut stop = shared.stop.subscribe();
    loop {
        let stopping = *stop.borrow_and_update();
        let waiting = from_disk(&shared, shard).await;
        if waiting.is_some() && stopping {
            // What is on disk waits for the next start; what is in memory joins it.
            return spill_queue(&shared, shard, true).await;
        }
        if waiting.is_some() && shared.queue().is_crowded(shard) {
            spill_queue(&shared, shard, false).await;
        }
        let (outgoing, due_ms) = match waiting {
            Some(outgoing) => (Some(outgoing), None),
            None => {
                let mut queue = shared.queue();
                let batch = queue.take(shard, shared.clock.now_ms(), stopping);
                (batch.map(Outgoing::of_memory), queue.due_ms(shard))
            }
        };
        match outgoing {
            Some(outgoing) => {
                if deliver(&shared, shard, outgoing).await == Fate::Left {
                    return spill_queue(&shared, shard, true).await;
                }
            }
            None if stopping => return,
            None => wait(&shared, shard, due_ms, &mut stop).await,
        }
    }
}

async fn from_disk(shared: &SenderShared, shard: usize) -> Option<Outgoing> {
    let buffer = shared.buffer.as_ref().filter(|buffer| !buffer.is_empty(shard))?;
    match buffer.first(shard).await {
        Ok(record) => record.map(|(record, place)| Outgoing {
            samples: Vec::new(),
            record,
            place: Some(place),
        }),
        Err(reason) => {
            tracing::warn!(reason, "the buffer on disk cannot be read");
            shared.counters.set_error(Some(format!("the buffer on disk: {reason}")));
            None
        }
    }
}

async fn wait(
    shared: &SenderShared,
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

/// Sends one batch until it is delivered or refused. Meanwhile, what waits too long goes to disk.
async fn deliver(shared: &SenderShared, shard: usize, mut outgoing: Outgoing) -> Fate {
    let mut spills = interval_at(Instant::now() + SPILL_AFTER, SPILL_EVERY);
    spills.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = shared.stop.subscribe();
    let stopped = async {
        // The sender holds the other end.
        let _ = stop.wait_for(|stop| *stop).await;
        sleep(STOP_GRACE).await;
    };
    tokio::pin!(stopped);
    let mut attempt = 0u32;
    loop {
        let sending =
            send(shared, outgoing.body(shared.version()), outgoing.record.samples, attempt);
        tokio::pin!(sending);
        let next = loop {
            tokio::select! {
                biased;
                next = &mut sending => break next,
                () = &mut stopped, if shared.buffer.is_some() => {
                    return leave(shared, shard, &mut outgoing).await;
                }
                _ = spills.tick(), if shared.buffer.is_some() => {
                    spill(shared, shard, &mut outgoing).await;
                }
            }
        };
        match next {
            Next::Done => {
                if let (Some(place), Some(buffer)) = (outgoing.place, &shared.buffer)
                    && let Err(reason) = buffer.pop(shard, place).await
                {
                    tracing::warn!(reason, "the buffer on disk cannot be emptied");
                }
                return Fate::Done;
            }
            Next::AtOnce => {}
            Next::After(_) if *shared.stop.borrow() && shared.buffer.is_some() => {
                return leave(shared, shard, &mut outgoing).await;
            }
            Next::After(wait) => {
                let until = Instant::now() + wait;
                loop {
                    tokio::select! {
                        biased;
                        () = sleep_until(until) => break,
                        () = &mut stopped, if shared.buffer.is_some() => {
                            return leave(shared, shard, &mut outgoing).await;
                        }
                        _ = spills.tick(), if shared.buffer.is_some() => {
                            spill(shared, shard, &mut outgoing).await;
                        }
                    }
                }
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

/// What to do after an answer.
enum Next {
    Done,
    AtOnce,
    After(Duration),
}

/// One request, and what its answer means for the batch.
async fn send(
    shared: &SenderShared,
    body: Result<Bytes, String>,
    samples: u32,
    attempt: u32,
) -> Next {
    let (counters, count) = (&shared.counters, u64::from(samples));
    let version = shared.version();
    let body = match body {
        Ok(body) => body,
        Err(reason) => return give_up(shared, count, reason),
    };
    let request = request_of(body, version, attempt);
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
            counters.set_error(None);
            Next::Done
        }
        Verdict::Partial { refused, reason } => {
            counters.sent.fetch_add(count - refused, Ordering::Relaxed);
            give_up(shared, refused, reason)
        }
        Verdict::Refused(reason) => give_up(shared, count, reason),
        Verdict::FallBack => {
            tracing::info!("the destination does not know remote write 2.0: using 1.0");
            shared.speaks_v1.store(true, Ordering::Relaxed);
            Next::AtOnce
        }
        Verdict::Retry { after, reason } => {
            counters.retried.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(attempt, reason, "a write has to be repeated");
            counters.set_error(Some(reason));
            Next::After(after.unwrap_or_default().max(backoff(attempt)))
        }
    }
}

fn give_up(shared: &SenderShared, refused: u64, reason: String) -> Next {
    shared.counters.refused.fetch_add(refused, Ordering::Relaxed);
    tracing::warn!(refused, reason, "the destination refused samples");
    shared.counters.set_error(Some(reason));
    Next::Done
}

async fn leave(shared: &SenderShared, shard: usize, outgoing: &mut Outgoing) -> Fate {
    spill(shared, shard, outgoing).await;
    Fate::Left
}

/// Puts the batch on its way on disk, and after it what waits in memory.
async fn spill(shared: &SenderShared, shard: usize, outgoing: &mut Outgoing) {
    let Some(buffer) = &shared.buffer else { return };
    if outgoing.place.is_none() {
        let (places, result) = buffer.append_all(shard, vec![outgoing.record.clone()]).await;
        outgoing.place = places.first().copied();
        if let Err(reason) = result {
            return tell_full(shared, &reason);
        }
    }
    spill_queue(shared, shard, false).await;
}

/// Puts what waits in memory on disk: full and due batches, or all of it.
async fn spill_queue(shared: &SenderShared, shard: usize, all: bool) {
    let Some(buffer) = &shared.buffer else { return };
    let now_ms = shared.clock.now_ms();
    let mut batches = Vec::new();
    while let Some(batch) = shared.queue().take(shard, now_ms, all) {
        batches.push(batch);
    }
    if batches.is_empty() {
        return;
    }
    let records = batches.iter().map(|batch| record_of(batch)).collect();
    let (places, result) = buffer.append_all(shard, records).await;
    if let Err(reason) = result {
        tell_full(shared, &reason);
    }
    let mut queue = shared.queue();
    for batch in batches.into_iter().skip(places.len()).rev() {
        queue.put_back(shard, batch, now_ms);
    }
}

fn tell_full(shared: &SenderShared, reason: &str) {
    tracing::warn!(reason, "samples cannot be buffered on disk: they wait in memory");
    shared.counters.set_error(Some(format!("the buffer on disk: {reason}")));
}
