//! Rules of other operators, read where they lie.
//!
//! PrometheusRule of prometheus-operator and Rules of Google's managed collection: each object
//! becomes a rule groups namespace of the Workspace that selects it. Nothing is copied in the
//! cluster, nothing is written to them, and a bad one never keeps a good one out.

pub mod conversion;
pub mod intake;
pub mod kinds;
pub mod selection;
