//! HTTP: routes, access, bodies, answers.
//!
//! `router` is the one way in, for sockets and for callers inside the process alike.

pub mod access;
pub mod alerting;
pub mod answer;
pub mod body;
pub mod context;
pub mod data_action;
pub mod data_plane;
pub mod error;
pub mod finish;
pub mod float;
pub mod ingest;
pub mod labels;
pub mod metadata;
pub mod params;
pub mod process;
pub mod query;
pub mod query_tree;
pub mod request_metrics;
pub mod response;
pub mod router;
pub mod routes;
pub mod status;
pub mod times;
