//! The machine's clocks.

use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;

use crate::clock::Clock;

/// The system's wall clock, its steady clock, and the timers of tokio.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// A clock whose steady time begins now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => since.as_millis() as i64,
            // A clock before 1970: a machine without a battery that was just switched on.
            Err(before) => -(before.duration().as_millis() as i64),
        }
    }

    fn steady(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}
