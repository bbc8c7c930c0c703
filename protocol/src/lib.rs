//! What two processes must agree on.
//!
//! The test for entry: is it read by a process other than the one that wrote it? No tokio, no I/O,
//! no clock, no Kubernetes.

pub mod amp_api;
pub mod fault;
pub mod go_regex;
pub mod histogram;
pub mod labels;
pub mod limits;
pub mod matcher;
pub mod remote_write;
pub mod rule_file;
pub mod sample;
pub mod time;
pub mod workspace;
pub mod yaml;
