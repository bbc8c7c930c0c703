//! The store: HTTP, control API, workspaces, background work.
//!
//! A shell around the engine crates; it knows them all and they know nothing of each other.

pub mod catalog;
pub mod control;
pub mod features;
pub mod http;
pub mod principal;
