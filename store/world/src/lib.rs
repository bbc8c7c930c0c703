//! All that the store meets outside itself.
//!
//! Time, chance, tasks, disk, bucket, log and outbox come in by this door and by no other, so that
//! `sim` can run a whole store from one seed. The real twins stand beside the ports.
//!
//! Begin with [`world`] (what the store is handed) and [`real_world`] (who makes it).

// the ports
pub mod bucket;
pub mod clock;
pub mod commit_log;
pub mod disk;
pub mod outbox;
pub mod public_addresses;
pub mod random;
pub mod tasks;
pub mod world;

// built on the ports alone: they run in the simulated world too
pub mod append_queue;
pub mod local_bucket;
pub mod local_log;
pub mod log_index;
pub mod recovery;
pub mod segment;
pub mod segment_scan;
pub mod segment_writer;

// the real twins
pub mod data_directory;
mod http_client;
pub mod http_outbox;
pub mod real_clock;
pub mod real_disk;
pub mod real_random;
pub mod real_tasks;
pub mod real_world;
