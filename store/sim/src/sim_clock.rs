//! The virtual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use world::clock::Clock;

use crate::executor::Executor;

/// When every simulation begins: 2026-01-01 00:00 UTC, in milliseconds.
pub const START_MS: i64 = 1_767_225_600_000;

/// Virtual time; the wall clock can be set wrong.
pub struct SimClock {
    executor: Arc<Executor>,
    jump_ms: AtomicI64,
}

impl SimClock {
    /// The clock of this executor.
    pub fn new(executor: Arc<Executor>) -> Self {
        Self { executor, jump_ms: AtomicI64::new(0) }
    }

    /// Sets the wall clock forward or, with a negative number, back.
    pub fn jump(&self, by_ms: i64) {
        self.jump_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let passed = self.executor.now().as_millis() as i64;
        START_MS + passed + self.jump_ms.load(Ordering::Relaxed)
    }

    fn steady(&self) -> Duration {
        self.executor.now()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.executor.sleep(wait))
    }
}
