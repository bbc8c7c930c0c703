//! The loop: flush what is due, sweep, snapshot.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use world::commit_log::Position;

use crate::alertmanager::{AlertManager, SNAPSHOT_RECORDS_MIN, SWEEP_MS, append_all, lock};
use crate::journal::Record;
use crate::notify;

/// Runs until the alert manager or the process stops.
pub(super) async fn run(manager: Arc<AlertManager>) {
    let mut next_sweep_ms = manager.now_ms() + SWEEP_MS;
    loop {
        let now_ms = manager.now_ms();
        if now_ms >= next_sweep_ms {
            next_sweep_ms = now_ms + SWEEP_MS;
            manager.sweep();
            manager.snapshot();
        }
        manager.flush_due();
        let due_ms = manager.read(|state| state.next_due_ms()).unwrap_or(i64::MAX);
        let wait_ms = due_ms.min(next_sweep_ms).saturating_sub(manager.now_ms());
        // Never longer than a sweep: the wall clock may jump while the steady one waits.
        let wait = Duration::from_millis(wait_ms.clamp(0, SWEEP_MS) as u64);
        let woken = select(manager.wake.notified().boxed(), manager.world.clock.sleep(wait));
        if let Either::Left(_) = select(manager.stopped().boxed(), woken).await {
            return;
        }
    }
}

impl AlertManager {
    fn sweep(&self) {
        let now_ms = self.now_ms();
        let ((), append) = self.change(|state| ((), state.sweep(now_ms)));
        self.background(append);
    }

    fn flush_due(self: &Arc<Self>) {
        let now_ms = self.now_ms();
        let (flushes, append) = self.change(|state| state.begin_due(now_ms));
        self.background(append);
        // One task a flush: a group has one at a time, and groups are bounded.
        for flush in flushes {
            let task = notify::notify(Arc::clone(self), flush).boxed();
            drop(self.world.tasks.spawn("notify", task));
        }
    }

    /// Wakes the loop: a group is due again.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Writes everything again where the journal has grown to twice of what is held.
    fn snapshot(self: &Arc<Self>) {
        let mut inner = lock(&self.inner);
        if inner.snapshot_running || inner.records < SNAPSHOT_RECORDS_MIN {
            return;
        }
        let held = inner.state.records();
        if inner.records < 2 * held.len() {
            return;
        }
        let parts = held.len();
        let mut records = vec![Record::SnapshotBegin];
        records.extend(held.into_iter().map(|record| Record::Snapshot(Box::new(record))));
        records.push(Record::SnapshotEnd(parts));
        inner.snapshot_running = true;
        inner.records = 0;
        // Appended under the lock: no change slips between the parts.
        let append = append_all(&self.world, &self.stream, &records);
        drop(inner);
        let manager = Arc::clone(self);
        let task = async move {
            match append.await {
                Ok(Some(Position(first))) if first > 0 => {
                    manager.world.log.trim(&manager.stream, Position(first - 1));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(workspace = %manager.workspace, %error, "alert journal: no snapshot");
                }
            }
            lock(&manager.inner).snapshot_running = false;
        };
        drop(self.world.tasks.spawn("alert journal", task.boxed()));
    }
}
