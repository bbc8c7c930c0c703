//! AlertManagerConfig: a workspace's definition.
//!
//! A workspace has one: the oldest object wins, the others are told which. Values of Secrets are
//! pushed write-only; while one is missing, the last good definition stays in force.

pub mod controller;
pub mod election;
pub mod push;
pub mod references;
pub mod status;
