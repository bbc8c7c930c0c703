//! The managed collector: asks targets, sends samples.
//!
//! Discovery yields groups, `target_labels` makes targets of them, a `scrape_loop` asks each of
//! them, `scrape_outcome` decides what an answer means, the `sender` delivers.

pub mod clock;
pub mod collector;
pub mod destination;
pub mod destination_http;
pub mod destination_service;
pub mod discovery;
pub mod discovery_file;
pub mod discovery_http;
pub mod dropped_targets;
pub mod exposition;
pub mod exposition_number;
pub mod exposition_openmetrics;
pub mod exposition_text;
pub mod home_cluster;
pub mod http_client;
pub mod http_date;
pub mod kubernetes;
pub mod metric_family;
pub mod monitor_jobs;
pub mod monitor_selection;
pub mod monitor_values;
pub mod monitor_watch;
pub mod monitors;
pub mod negotiation;
pub mod own_scraper;
pub mod report_series;
pub mod role;
pub mod role_files;
pub mod role_http;
pub mod role_keeper;
pub mod role_metrics;
pub mod role_report;
pub mod role_server;
pub mod sample_labels;
pub mod schedule;
pub mod scrape_cache;
pub mod scrape_client;
pub mod scrape_loop;
pub mod scrape_outcome;
pub mod scrape_pool;
pub mod scraped;
pub mod scraper_spec;
pub mod sender;
pub mod series_labels;
pub mod sharding;
pub mod status;
pub mod target;
pub mod target_labels;
pub mod token_review;
pub mod write_client;
pub mod write_queue;
