//! A clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use world::clock::Clock;
use world::world::World;

/// Stands still until it is moved. Timers run on the clock beneath, faster by `hurry`.
pub struct TestClock {
    beneath: Arc<dyn Clock>,
    hurry: u32,
    start_ms: i64,
    moved_ms: AtomicU64,
    timers: AtomicU64,
}

#[allow(dead_code, reason = "each test file uses the words it needs")]
impl TestClock {
    pub fn new(beneath: Arc<dyn Clock>, hurry: u32) -> Arc<Self> {
        let (moved_ms, timers) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { start_ms: beneath.now_ms(), beneath, hurry, moved_ms, timers })
    }

    /// Stops the clock of a world; its timers run as they did.
    pub fn put_into(world: &mut World) -> Arc<Self> {
        let clock = Self::new(world.clock.clone(), 1);
        world.clock = clock.clone();
        clock
    }

    pub fn advance(&self, by: Duration) {
        self.moved_ms.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }

    /// How many timers were ever set.
    pub fn timers(&self) -> u64 {
        self.timers.load(Ordering::Relaxed)
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.start_ms + self.moved_ms.load(Ordering::Relaxed) as i64
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.moved_ms.load(Ordering::Relaxed))
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        self.timers.fetch_add(1, Ordering::Relaxed);
        self.beneath.sleep(wait / self.hurry)
    }
}
