//! A simulated world from one seed.
//!
//! One thread, virtual time, and a disk that can lose whatever was not synced. The same seed gives
//! the same run to the last byte, so that every failure is a command to replay.
//!
//! Begin with [`harness`] (how a test runs) and [`sim`] (what a test can do to its world).

pub mod executor;
pub mod faults;
pub mod harness;
pub mod oracle;
pub mod seeded_random;
pub mod sim;
pub mod sim_bucket;
pub mod sim_clock;
pub mod sim_disk;
pub mod sim_file;
pub mod sim_names;
pub mod sim_outbox;
pub mod sim_tasks;
