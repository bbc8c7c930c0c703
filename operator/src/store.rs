//! Stores: a data plane on one volume.
//!
//! Renderers say what the children are, [`outcome`] what is told; [`controller`] does it. A running
//! store is never torn down because its spec is wrong.

pub mod controller;
pub mod names;
pub mod outcome;
pub mod render_access;
pub mod render_services;
pub mod render_stateful_set;
