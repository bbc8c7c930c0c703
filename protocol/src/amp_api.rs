//! AMP's control API: the shapes of its requests and answers.
//!
//! REST-JSON, API version 2020-08-01. The store serves these shapes, the operator and `hearth up`
//! send them. What goes beyond AMP stands under the one extra field `hearth`, which AMP's clients
//! ignore; inside it unknown fields are refused.

pub mod alert_manager;
pub mod arn;
pub mod configuration;
pub mod error;
pub mod rule_namespaces;
pub mod scalars;
pub mod secrets;
pub mod status;
pub mod tags;
pub mod workspaces;
