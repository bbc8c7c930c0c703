//! All lanes of a collector's buffer on disk.
//!
//! One lane for each task that sends, so that all samples of a series stay in order.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;

use crate::disk_buffer::{Lane, LaneFigures, Place, lane_bytes};
use crate::disk_buffer_segment::Record;

/// The lanes.
pub struct DiskBuffer {
    lanes: Vec<Arc<Mutex<Lane>>>,
}

impl DiskBuffer {
    /// Opens `lane-0`, `lane-1`, ... in a folder; together they hold at most `bytes_max`.
    pub async fn open(folder: &Path, bytes_max: u64, lanes: usize) -> Result<Arc<Self>, String> {
        let folder = folder.to_owned();
        let opened = spawn_blocking(move || {
            let share = lane_bytes(bytes_max, lanes);
            let open = |at| Lane::open(&folder.join(format!("lane-{at}")), share);
            let lanes: Result<Vec<Lane>, String> = (0..lanes.max(1)).map(open).collect();
            Ok(lanes?.into_iter().map(|lane| Arc::new(Mutex::new(lane))).collect())
        });
        let lanes = opened.await.map_err(|error| error.to_string())?;
        lanes.map(|lanes| Arc::new(Self { lanes }))
    }

    /// Of all lanes.
    pub fn figures(&self) -> LaneFigures {
        let mut all = LaneFigures::default();
        for lane in &self.lanes {
            let one = lane.lock().unwrap_or_else(PoisonError::into_inner).figures();
            all.waiting += one.waiting;
            all.dropped += one.dropped;
            all.torn += one.torn;
        }
        all
    }

    /// Whether nothing waits in a lane.
    pub fn is_empty(&self, lane: usize) -> bool {
        self.lane(lane).lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Adds batches and returns once they survive a crash; gives the places of those that could be
    /// added.
    pub async fn append_all(
        &self,
        lane: usize,
        records: Vec<Record>,
    ) -> (Vec<Place>, Result<(), String>) {
        let added = move |lane: &mut Lane| {
            let mut places = Vec::with_capacity(records.len());
            for record in &records {
                match lane.append(record) {
                    Ok(place) => places.push(place),
                    Err(reason) => return Ok((places, Err(reason))),
                }
            }
            Ok((places, lane.sync()))
        };
        self.with(lane, added).await.unwrap_or_else(|reason| (Vec::new(), Err(reason)))
    }

    /// The oldest batch of a lane; it stays until `pop`.
    pub async fn first(&self, lane: usize) -> Result<Option<(Record, Place)>, String> {
        self.with(lane, Lane::first).await
    }

    /// The batch at a place is done with.
    pub async fn pop(&self, lane: usize, place: Place) -> Result<(), String> {
        self.with(lane, move |lane| lane.pop(place)).await
    }

    fn lane(&self, at: usize) -> &Arc<Mutex<Lane>> {
        &self.lanes[at % self.lanes.len()]
    }

    async fn with<T: Send + 'static>(
        &self,
        lane: usize,
        act: impl FnOnce(&mut Lane) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let lane = Arc::clone(self.lane(lane));
        let done =
            spawn_blocking(move || act(&mut lane.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.map_err(|error| error.to_string())?
    }
}
