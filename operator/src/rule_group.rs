//! RuleGroup: a rule groups namespace of a workspace.

pub mod controller;
pub mod status;
