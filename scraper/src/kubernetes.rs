//! Targets from the Kubernetes API.
//!
//! A `cluster` is reached by its `cluster_access`; its `watches` keep trimmed copies of what lies in
//! it, each once however many jobs ask. A `source` turns changes into groups of targets by the pure
//! rules of the `*_targets`. `scrape_route` says which targets may see the cluster's credentials.

pub mod cluster;
pub mod cluster_access;
pub mod cluster_client;
pub mod credential_files;
pub mod kubeconfig;
