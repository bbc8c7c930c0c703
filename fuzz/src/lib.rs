//! What the fuzzer does with hostile bytes.
//!
//! One file a crate, one function a target: bytes in, nothing out, and a panic where a promise is
//! broken. The tests `corpus` of the crates run the seeds in `corpus/`, and edited ones, through
//! the same functions. README.md is the table of what is read from strangers, and where.

pub mod alertmanager_bodies;
pub mod check_bodies;
pub mod operator_bodies;
pub mod promql_bodies;
pub mod protocol_bodies;
pub mod rules_bodies;
pub mod scraper_bodies;
pub mod store_bodies;
pub mod templates_bodies;
pub mod tsdb_bodies;
pub mod world_bodies;
