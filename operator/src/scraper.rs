//! Scrapers: collectors, one pod a shard.
//!
//! Renderers say what the children are, [`destination`] where samples go, [`gather`] what the
//! collectors say together, [`outcome`] what is told; [`controller`] does it. Collectors that run
//! are never torn down because the spec is wrong or a workspace is away.

pub mod access;
pub mod controller;
pub mod destination;
pub mod gather;
pub mod names;
pub mod outcome;
pub mod poll;
pub mod render_access;
pub mod render_files;
pub mod render_stateful_set;
