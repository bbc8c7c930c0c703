//! Samples survive an absent store and a kill.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use protocol::labels::Labels;
use protocol::remote_write::decode::decode;
use protocol::remote_write::{DECODED_BYTES_MAX, SAMPLES_WRITTEN_HEADER, Version, decompress};
use scraper::clock::TokioClock;
use scraper::destination::WriteDestination;
use scraper::disk_buffer_lanes::DiskBuffer;
use scraper::scraped::ScrapedSample;
use scraper::sender::Sender;
use scraper::write_queue::QueueLimits;

/// A store that can be away, and remembers the times of the samples it got.
#[derive(Default)]
struct Store {
    is_there: Mutex<bool>,
    times: Mutex<Vec<i64>>,
}

impl Store {
    fn set(&self, is_there: bool) {
        *self.is_there.lock().expect("a lock") = is_there;
    }

    fn times(&self) -> Vec<i64> {
        self.times.lock().expect("a lock").clone()
    }
}

impl WriteDestination for Store {
    fn write(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, String>> {
        Box::pin(async move {
            if !*self.is_there.lock().expect("a lock") {
                return Err("connection refused".to_owned());
            }
            let message = decompress(request.body(), DECODED_BYTES_MAX).expect("snappy");
            let series = decode(&message, Version::V2).expect("a message").series;
            let found: Vec<i64> =
                series.iter().flat_map(|s| s.samples.iter().map(|s| s.timestamp_ms)).collect();
            let count = found.len();
            self.times.lock().expect("a lock").extend(found);
            let answer = http::Response::builder().header(SAMPLES_WRITTEN_HEADER, count);
            Ok(answer.body(Bytes::new()).expect("an answer"))
        })
    }
}

fn samples(times: std::ops::Range<i64>) -> Vec<ScrapedSample> {
    let labels = Labels::from_pairs([("__name__", "a")]);
    let one = |timestamp_ms| ScrapedSample {
        hash: labels.stable_hash(),
        labels: labels.clone(),
        timestamp_ms,
        value: 1.0,
        exemplar: None,
        metadata: None,
    };
    times.map(one).collect()
}

async fn start(
    store: &Arc<Store>,
    folder: &Path,
    limits: QueueLimits,
) -> (Sender, Arc<DiskBuffer>) {
    let buffer = DiskBuffer::open(folder, 64 << 20, limits.shards).await.expect("it opens");
    let clock = Arc::new(TokioClock::starting_at(1_000_000));
    let destination: Arc<Store> = Arc::clone(store);
    (Sender::start(limits, destination, clock, Some(Arc::clone(&buffer))), buffer)
}

async fn pass(seconds: u64) {
    // Time is paused: nothing waits for real.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_synced_survives_a_kill_and_leaves_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(Store::default());
    let (sender, buffer) = start(&store, folder.path(), QueueLimits::default()).await;
    sender.push(samples(0..10));
    pass(5).await;
    assert_eq!((buffer.figures().waiting, sender.queue_figures().0), (10, 0));
    for step in 1..6 {
        sender.push(samples(step * 10..step * 10 + 10));
        pass(2).await;
    }
    assert_eq!(buffer.figures().waiting, 60);
    assert!(sender.counters().last_error().is_some());
    // No shutdown: as if it were killed.
    drop((sender, buffer));

    store.set(true);
    let (sender, buffer) = start(&store, folder.path(), QueueLimits::default()).await;
    sender.push(samples(60..70));
    pass(10).await;
    assert_eq!(store.times(), (0..70).collect::<Vec<_>>());
    assert_eq!(buffer.figures().waiting, 0);
    assert_eq!(sender.counters().last_error(), None);
    sender.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_store_comes_back_and_nothing_is_lost_or_out_of_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(Store::default());
    let limits = QueueLimits { samples_max: 40, batch_samples_max: 7, ..QueueLimits::default() };
    let (sender, buffer) = start(&store, folder.path(), limits).await;
    for step in 0..50 {
        if step == 30 {
            store.set(true);
        }
        sender.push(samples(step * 5..step * 5 + 5));
        pass(1).await;
    }
    pass(10).await;
    assert_eq!(store.times(), (0..250).collect::<Vec<_>>());
    assert_eq!((buffer.figures().waiting, sender.queue_figures()), (0, (0, 0)));
    sender.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_on_disk_what_could_not_be_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(Store::default());
    let (sender, buffer) = start(&store, folder.path(), QueueLimits::default()).await;
    sender.push(samples(0..10));
    pass(1).await;
    sender.push(samples(10..20));
    sender.shutdown().await;
    assert_eq!((buffer.figures().waiting, sender.queue_figures().0), (20, 0));
    drop((sender, buffer));
    store.set(true);
    let (sender, _) = start(&store, folder.path(), QueueLimits::default()).await;
    pass(1).await;
    assert_eq!(store.times(), (0..20).collect::<Vec<_>>());
    sender.shutdown().await;
}
