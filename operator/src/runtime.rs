//! What every controller stands on.
//!
//! Watches fill caches ([`cache`]), changes of a cache put names into a queue ([`queue`]), a
//! controller takes them out and reconciles ([`controller`]), writes go through [`apply`] and
//! [`status_writer`], which write nothing where nothing changes. Each watch has a back-off of its
//! own: a missing or failing one pauses nobody else.

pub mod apply;
pub mod backoff;
pub mod bindings;
pub mod cache;
pub mod children;
pub mod compare;
pub mod context;
pub mod controller;
pub mod custody;
pub mod error;
pub mod events;
pub mod finalizer;
pub mod http;
pub mod https;
pub mod lease;
pub mod metrics;
pub mod queue;
pub mod rollout;
pub mod schedule;
pub mod set_writer;
pub mod status;
pub mod status_writer;
pub mod volume;
pub mod volume_growth;
pub mod watch;
pub mod watches;
