//! The custom resources: group `hearth.dev`, `v1alpha1`.
//!
//! One struct a kind, read by the operator from the API server and by `hearth up` from files, so
//! that the same manifest means the same in both. Only types: nothing here decides or does.

pub mod alert_manager_config;
pub mod definitions;
pub mod pods;
pub mod quantity;
pub mod references;
pub mod rule_group;
pub mod schemas;
pub mod scraper;
pub mod scraper_status;
pub mod secret;
pub mod selectors;
pub mod status;
pub mod store;
pub mod workspace;
