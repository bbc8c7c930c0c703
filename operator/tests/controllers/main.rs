//! Controllers against an API server in memory.
//!
//! Time is tokio's paused time: waits cost nothing and nothing sleeps. The API server keeps
//! objects, applies, watches, and fails as it is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod authority;
mod fake_api;
mod fake_objects;
mod runtime;
mod scraper;
mod setting;
mod store;
