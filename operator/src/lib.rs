//! The operator: resources in, objects and calls out.
//!
//! One controller a kind, each with streams and back-off of its own; what decides is pure and lies
//! beside the doer that calls the API server or the store.

pub mod alert_manager_config;
pub mod certificates;
pub mod control;
pub mod error_chain;
pub mod foreign_rules;
pub mod operator;
pub mod rule_group;
pub mod runtime;
pub mod scraper;
pub mod settings;
pub mod store;
pub mod webhook;
pub mod workspace;
