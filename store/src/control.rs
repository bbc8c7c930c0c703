//! The control API: AMP's operations on durable definitions.
//!
//! Each file decides purely on the catalog's state what a request changes and what it is answered;
//! `dispatch` is the thin doer above them.

pub mod action;
pub mod alert_manager;
pub mod api;
pub mod configuration;
pub mod dispatch;
pub mod error;
pub mod lookup;
pub mod owner_tags;
pub mod page;
pub mod ports;
pub mod request;
pub mod rule_namespaces;
pub mod secrets;
pub mod tags;
pub mod workspaces;
