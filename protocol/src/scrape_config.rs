//! The file that says what to scrape.
//!
//! Prometheus's `global` and `scrape_configs`, field by field. The structs hold what was written;
//! [`scrape_config_resolve`](crate::scrape_config_resolve) gives each job with every default filled
//! in, and [`scrape_config_validate`](crate::scrape_config_validate) finds what is wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::byte_size::ByteSize;
use crate::empty_field::null_as_default;
use crate::relabel::RelabelConfig;
use crate::scrape_config_discovery::{
    FileSdConfig, HttpSdConfig, KubernetesSdConfig, OtherSdConfig, StaticConfig,
};
use crate::time::PromDuration;
use crate::with_http_client;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrapeConfiguration {
    /// Defaults of all jobs.
    #[serde(deserialize_with = "null_as_default")]
    pub global: GlobalConfig,
    /// The jobs.
    #[serde(deserialize_with = "null_as_default")]
    pub scrape_configs: Vec<Option<ScrapeConfig>>,
    /// Sections of a Prometheus server's file that are no part of a scrape configuration.
    #[serde(skip_serializing)]
    pub scrape_config_files: Option<serde::de::IgnoredAny>,
    /// Belongs to rule groups.
    #[serde(skip_serializing)]
    pub rule_files: Option<serde::de::IgnoredAny>,
    /// Belongs to the workspace.
    #[serde(skip_serializing)]
    pub alerting: Option<serde::de::IgnoredAny>,
    /// Belongs to the scraper's destination.
    #[serde(skip_serializing)]
    pub remote_write: Option<serde::de::IgnoredAny>,
    /// A collector answers no queries.
    #[serde(skip_serializing)]
    pub remote_read: Option<serde::de::IgnoredAny>,
    /// Belongs to the workspace.
    #[serde(skip_serializing)]
    pub storage: Option<serde::de::IgnoredAny>,
    /// Belongs to the workspace.
    #[serde(skip_serializing)]
    pub otlp: Option<serde::de::IgnoredAny>,
    /// Of the server's process.
    #[serde(skip_serializing)]
    pub tracing: Option<serde::de::IgnoredAny>,
    /// Of the server's process.
    #[serde(skip_serializing)]
    pub runtime: Option<serde::de::IgnoredAny>,
}

/// Defaults of all jobs; 0 means "no limit".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GlobalConfig {
    /// Default 1m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_interval: Option<PromDuration>,
    /// Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_timeout: Option<PromDuration>,
    /// What to ask for, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_protocols: Option<Vec<String>>,
    /// Default 1m; of rule groups, kept so that a Prometheus file reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation_interval: Option<PromDuration>,
    /// Default 0; of rule groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_query_offset: Option<PromDuration>,
    /// Added to every series that leaves the collector.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
    pub external_labels: BTreeMap<String, String>,
    /// Of a query engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_log_file: Option<String>,
    /// Where failed scrapes would be logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_failure_log_file: Option<String>,
    /// Bytes of an uncompressed body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_size_limit: Option<ByteSize>,
    /// Samples of one scrape, after relabelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_limit: Option<u64>,
    /// Labels of one series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_limit: Option<u64>,
    /// Bytes of a label's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_name_length_limit: Option<u64>,
    /// Bytes of a label's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_value_length_limit: Option<u64>,
    /// Targets of one job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_limit: Option<u64>,
    /// How many dropped targets are remembered for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_dropped_targets: Option<u64>,
    /// `utf8` (default) or `legacy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_validation_scheme: Option<String>,
    /// `allow-utf-8` (default), `underscores`, `dots` or `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_escaping_scheme: Option<String>,
    /// Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_native_histograms: Option<bool>,
    /// Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convert_classic_histograms_to_nhcb: Option<bool>,
    /// Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_scrape_classic_histograms: Option<bool>,
    /// Default false: three more series a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_scrape_metrics: Option<bool>,
}

with_http_client! {
    /// One job; what is not set comes from `global`.
    #[derive(Default)]
    pub struct ScrapeConfig {
        /// Unique, mandatory.
        #[serde(deserialize_with = "null_as_default")]
        pub job_name: String,
        /// How often.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scrape_interval: Option<PromDuration>,
        /// Not set: the lesser of the global timeout and the interval.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scrape_timeout: Option<PromDuration>,
        /// What to ask for, best first.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scrape_protocols: Option<Vec<String>>,
        /// What to take a body for that has no usable content type.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub fallback_scrape_protocol: Option<String>,
        /// Default `/metrics`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub metrics_path: Option<String>,
        /// Let exposed labels win over the target's. Default false.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub honor_labels: Option<bool>,
        /// Take exposed timestamps. Default true.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub honor_timestamps: Option<bool>,
        /// Mark series with exposed timestamps stale, too. Default false.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub track_timestamps_staleness: Option<bool>,
        /// `http` (default) or `https`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scheme: Option<String>,
        /// Query parameters.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
        pub params: BTreeMap<String, Vec<String>>,
        /// Ask for gzip. Default true.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub enable_compression: Option<bool>,
        /// Where failed scrapes would be logged.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scrape_failure_log_file: Option<String>,
        /// Targets written down.
        #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
        pub static_configs: Vec<Option<StaticConfig>>,
        /// Targets in files that something else writes.
        #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
        pub file_sd_configs: Vec<FileSdConfig>,
        /// Targets asked for over HTTP.
        #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
        pub http_sd_configs: Vec<HttpSdConfig>,
        /// Targets from the Kubernetes API.
        #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
        pub kubernetes_sd_configs: Vec<KubernetesSdConfig>,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub azure_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub consul_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub digitalocean_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub docker_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub dockerswarm_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub dns_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub aws_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ec2_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub eureka_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub gce_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub hetzner_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ionos_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub kuma_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub lightsail_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub linode_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub marathon_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub nerve_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub nomad_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub oci_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub openstack_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub outscale_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ovhcloud_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub puppetdb_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scaleway_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub serverset_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub stackit_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub triton_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub uyuni_sd_configs: OtherSdConfig,
        /// Not supported.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub vultr_sd_configs: OtherSdConfig,
        /// How a discovered target becomes a scraped one.
        #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
        pub relabel_configs: Vec<Option<RelabelConfig>>,
        /// How an exposed series becomes a stored one.
        #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
        pub metric_relabel_configs: Vec<Option<RelabelConfig>>,
        /// Bytes of an uncompressed body; 0: the global one, as for all limits below.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub body_size_limit: Option<ByteSize>,
        /// Samples of one scrape, after relabelling.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub sample_limit: Option<u64>,
        /// Labels of one series.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub label_limit: Option<u64>,
        /// Bytes of a label's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub label_name_length_limit: Option<u64>,
        /// Bytes of a label's value.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub label_value_length_limit: Option<u64>,
        /// Targets of this job.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub target_limit: Option<u64>,
        /// How many dropped targets are remembered for display.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub keep_dropped_targets: Option<u64>,
        /// Buckets of one native histogram.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub native_histogram_bucket_limit: Option<u64>,
        /// The least growth from bucket to bucket.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub native_histogram_min_bucket_factor: Option<f64>,
        /// As in `global`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub scrape_native_histograms: Option<bool>,
        /// As in `global`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub convert_classic_histograms_to_nhcb: Option<bool>,
        /// As in `global`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub always_scrape_classic_histograms: Option<bool>,
        /// As in `global`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub extra_scrape_metrics: Option<bool>,
        /// As in `global`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub metric_name_validation_scheme: Option<String>,
        /// As in `global`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub metric_name_escaping_scheme: Option<String>,
    }
}
