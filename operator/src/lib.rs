//! The operator: resources in, objects and calls out.
//!
//! One controller a kind, each with streams and back-off of its own; what decides is pure and lies
//! beside the doer that calls the API server or the store.

pub mod certificates;
pub mod control;
pub mod operator;
pub mod runtime;
pub mod settings;
