//! All that the store meets outside itself.
//!
//! Time, chance, tasks, disk, bucket, log and outbox come in by this door and by no other, so that
//! `sim` can run a whole store from one seed. The real twins stand beside the ports.

pub mod bucket;
pub mod clock;
pub mod commit_log;
pub mod disk;
pub mod outbox;
pub mod random;
pub mod tasks;
pub mod world;
