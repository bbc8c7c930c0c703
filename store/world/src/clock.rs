//! Time: the wall clock, a steady clock, timers.

use std::time::Duration;

use futures::future::BoxFuture;

/// What time it is, and how to wait.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970. May jump both ways: never measure with it.
    fn now_ms(&self) -> i64;

    /// Time since some fixed instant of this process. Never goes back.
    fn steady(&self) -> Duration;

    /// Ends after `wait` of the steady clock.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}
