//! What the tasks of a sender share, and their figures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::remote_write::Version;
use tokio::sync::{Notify, watch};

use crate::clock::WallClock;
use crate::destination::WriteDestination;
use crate::disk_buffer_lanes::DiskBuffer;
use crate::write_queue::WriteQueue;

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

    pub(crate) fn set_error(&self, error: Option<String>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// What the tasks of a sender share.
pub(crate) struct SenderShared {
    pub(crate) queue: Mutex<WriteQueue>,
    pub(crate) pushed: Vec<Notify>,
    pub(crate) destination: Arc<dyn WriteDestination>,
    pub(crate) clock: Arc<dyn WallClock>,
    pub(crate) counters: SenderCounters,
    pub(crate) buffer: Option<Arc<DiskBuffer>>,
    /// Set once the receiver has shown that it does not know 2.0.
    pub(crate) speaks_v1: AtomicBool,
    pub(crate) stop: watch::Sender<bool>,
}

impl SenderShared {
    pub(crate) fn queue(&self) -> MutexGuard<'_, WriteQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn version(&self) -> Version {
        if self.speaks_v1.load(Ordering::Relaxed) { Version::V1 } else { Version::V2 }
    }
}
