//! Defaults, faults with their places, and the way from struct to text and back.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

use protocol::scrape_config::ScrapeConfiguration;
use protocol::scrape_config_resolve::{EscapingScheme, ResolvedJob, ScrapeProtocol};

fn parse(text: &str) -> ScrapeConfiguration {
    ScrapeConfiguration::parse(text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn job(text: &str) -> ResolvedJob {
    parse(text).jobs().remove(0)
}

fn paths(text: &str) -> Vec<String> {
    let faults = ScrapeConfiguration::parse(text).expect_err("faults");
    faults.into_iter().map(|fault| fault.path).collect()
}

#[test]
fn an_empty_file_has_no_jobs() {
    for text in ["", "\n", "{}", "global:\nscrape_configs:\n"] {
        assert!(parse(text).jobs().is_empty(), "{text:?}");
    }
}

#[test]
fn prometheus_defaults_fill_in() {
    let job = job("scrape_configs: [{job_name: j}]");
    assert_eq!((job.interval.as_millis(), job.timeout.as_millis()), (60_000, 10_000));
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
    assert!(job.honor_timestamps && job.enable_compression && !job.honor_labels);
    assert_eq!(job.protocols[0], ScrapeProtocol::OpenMetricsText1_0_0);
    assert_eq!((job.protocols.len(), job.escaping), (4, EscapingScheme::AllowUtf8));
    assert_eq!(job.limits, protocol::scrape_config_resolve::ScrapeLimits::default());
}

#[test]
fn jobs_inherit_from_global_and_zero_means_the_global_limit() {
    let text = "global: {scrape_interval: 5s, sample_limit: 7, label_limit: 3, \
                metric_name_validation_scheme: legacy, scrape_native_histograms: true}\n\
                scrape_configs: [{job_name: j, sample_limit: 0, label_limit: 4}]";
    let job = job(text);
    assert_eq!((job.interval.as_millis(), job.timeout.as_millis()), (5000, 5000));
    assert_eq!((job.limits.samples, job.limits.labels), (Some(7), Some(4)));
    assert_eq!((job.legacy_names, job.escaping), (true, EscapingScheme::Underscores));
    assert_eq!(job.protocols[0], ScrapeProtocol::PrometheusProto);
}

#[test]
fn the_timeout_is_never_above_the_interval() {
    let timeout = |text: &str| job(text).timeout.as_millis();
    assert_eq!(timeout("scrape_configs: [{job_name: j, scrape_interval: 3s}]"), 3000);
    let text = "global: {scrape_timeout: 8s}\nscrape_configs: [{job_name: j, scrape_interval: 3s}]";
    assert_eq!(timeout(text), 3000);
}

#[test]
fn all_faults_are_told_with_their_places() {
    let text = "\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: a
    scrape_timeout: 5s
    scheme: ftp
    relabel_configs:
      - action: jump
  - job_name: a
    scrape_protocols: [Morse]
    static_configs:
      - targets: ['http://x']
    basic_auth: {username: u}
    bearer_token: t
";
    let faults = ScrapeConfiguration::parse(text).expect_err("faults");
    let shown: Vec<(u32, &str)> =
        faults.iter().map(|fault| (fault.line, fault.path.as_str())).collect();
    assert_eq!(
        shown,
        [
            (5, "scrape_configs[0].scrape_timeout"),
            (6, "scrape_configs[0].scheme"),
            (8, "scrape_configs[0].relabel_configs[0].action"),
            (10, "scrape_configs[1].scrape_protocols[0]"),
            (9, "scrape_configs[1]"),
            (12, "scrape_configs[1].static_configs[0].targets[0]"),
            (9, "scrape_configs[1].job_name"),
        ]
    );
}

#[test]
fn what_prometheus_has_and_we_do_not_is_named() {
    let text = "remote_write: [{url: 'http://x'}]\n\
                scrape_configs:\n- job_name: j\n  consul_sd_configs: [{server: x}]\n";
    let faults = ScrapeConfiguration::parse(text).expect_err("faults");
    assert_eq!(paths(text), ["scrape_configs[0].consul_sd_configs", "remote_write"]);
    assert!(faults.iter().all(|fault| fault.message.contains("not supported")), "{faults:?}");
}

#[test]
fn an_unknown_field_is_refused_with_its_line() {
    let faults = ScrapeConfiguration::parse("scrape_configs:\n- job_name: j\n  speed: 9\n")
        .expect_err("unknown field");
    assert_eq!((faults.len(), faults[0].line), (1, 3));
    assert!(faults[0].message.contains("speed"), "{faults:?}");
}

#[test]
fn no_print_shows_a_secret() {
    let config = parse(
        "scrape_configs: [{job_name: j, basic_auth: {username: u, password: hunter2}, \
         http_headers: {X-A: {secrets: [hunter2]}}}]",
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    let printed = serde_saphyr::to_string(&config).expect("serialises");
    assert!(!printed.contains("hunter2") && printed.contains("<secret>"), "{printed}");
}

#[test]
fn what_is_written_reads_back_the_same() {
    let text = "\
global: {scrape_interval: 15s, external_labels: {region: eu}, body_size_limit: 10MB}
scrape_configs:
- job_name: a
  scrape_timeout: 3s
  params: {m: [x, y]}
  static_configs: [{targets: ['h:1'], labels: {l: v}}]
  file_sd_configs: [{files: ['x/*.json'], refresh_interval: 1m}]
  http_sd_configs: [{url: 'http://x/y'}]
  kubernetes_sd_configs:
  - role: endpointslice
    namespaces: {names: [n]}
    selectors: [{role: pod, label: 'a=b'}]
    attach_metadata: {node: true}
  tls_config: {ca_file: /x, min_version: TLS12}
  relabel_configs:
  - {source_labels: [a, b], separator: '', regex: '', target_label: c, replacement: ''}
  - {action: hashmod, source_labels: [a], modulus: 8, target_label: d}
  metric_relabel_configs: [{action: labeldrop, regex: x}]
  native_histogram_min_bucket_factor: 1.5
";
    let config = parse(text);
    let printed = serde_saphyr::to_string(&config).expect("serialises");
    assert_eq!(parse(&printed), config, "{printed}");
}
