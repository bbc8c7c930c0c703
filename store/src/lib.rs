//! The store: HTTP, control API, workspaces, background work.
//!
//! A shell around the engine crates; it knows them all and they know nothing of each other.

pub mod alert_ports;
pub mod background;
pub mod catalog;
pub mod control;
pub mod definitions;
pub mod http;
pub mod ingest_metrics;
pub mod metrics;
pub mod principal;
pub mod process_figures;
pub mod query_source;
pub mod quota;
pub mod rule_ports;
pub mod server;
pub mod settings;
pub mod store;
pub mod tls;
pub mod workspace;
pub mod workspace_data;
pub mod workspaces;
