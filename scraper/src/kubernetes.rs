//! Targets from the Kubernetes API.
//!
//! A `cluster` is reached by its `cluster_access`; its `watches` keep trimmed copies of what lies
//! in it, each once however many jobs ask. A `source` turns changes into groups of targets by the
//! pure rules of the `*_targets`. `scrape_route` says which targets may see the cluster's token.

pub mod aws_credentials;
pub mod aws_request;
pub mod backoff;
pub mod cluster;
pub mod cluster_access;
pub mod cluster_client;
pub mod cluster_fetch;
pub mod clusters;
pub mod covered_pods;
pub mod credential_files;
pub mod dependency;
pub mod eks;
pub mod endpoint_slice_targets;
pub mod endpoints_targets;
pub mod feeds;
pub mod inbox;
pub mod ingress_targets;
pub mod kubeconfig;
pub mod meta_labels;
pub mod node_targets;
pub mod object;
pub mod object_meta;
pub mod object_network;
pub mod pod_targets;
pub mod related;
pub mod scrape_route;
pub mod service_targets;
pub mod source;
#[cfg(test)]
mod test_objects;
pub mod text;
pub mod watch;
pub mod watch_loop;
pub mod watched;
pub mod watches;
