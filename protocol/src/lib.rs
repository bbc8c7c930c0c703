//! What two processes must agree on.
//!
//! The test for entry: is it read by a process other than the one that wrote it? No tokio, no I/O,
//! no clock, no Kubernetes.

pub mod alertmanager_config;
pub mod fault;
pub mod go_regex;
pub mod histogram;
pub mod labels;
pub mod matcher;
pub mod sample;
pub mod sigv4;
pub mod time;
