//! What two processes must agree on.
//!
//! The test for entry: is it read by a process other than the one that wrote it? No tokio, no I/O,
//! no clock, no Kubernetes.

pub mod alertmanager_config;
pub mod amp_api;
pub mod byte_size;
pub mod collector_report;
mod empty_field;
pub mod fault;
pub mod features;
pub mod go_float;
pub mod go_regex;
pub mod histogram;
pub mod histogram_buckets;
pub mod histogram_quantile;
pub mod histogram_reset;
pub mod histogram_sum;
pub mod histogram_trim;
pub mod histogram_validation;
pub mod http_config;
pub mod labels;
pub mod limits;
pub mod matcher;
pub mod places;
pub mod relabel;
pub mod remote_write;
pub mod rule_file;
pub mod sample;
pub mod scrape_config;
pub mod scrape_config_discovery;
pub mod scrape_config_faults;
pub mod scrape_config_parse;
pub mod scrape_config_resolve;
pub mod scrape_config_validate;
pub mod secret;
pub mod sigv4;
pub mod summation;
pub mod time;
pub mod workspace;
pub mod yaml;
pub mod yaml_reader;
