//! What a scrape configuration says without effect here.
//!
//! Prometheus takes these, and a file that holds them reads the same; but a collector of Hearth
//! does not do what they say, and nobody shall find that out from a missing series.

use protocol::fault::Fault;
use protocol::places::Places;
use protocol::relabel::RelabelConfig;
use protocol::scrape_config::{ScrapeConfig, ScrapeConfiguration};
use protocol::scrape_config_resolve::ScrapeProtocol;

/// The label by which Prometheus scrapes a unix socket.
const UNIX_SOCKET_LABEL: &str = "__unix_socket__";

/// Everything without effect in a text that holds a good scrape configuration, with places.
pub fn of_text(text: &str) -> Vec<Fault> {
    let Ok(configuration) = ScrapeConfiguration::parse(text) else { return Vec::new() };
    let warnings = of(&configuration);
    if warnings.is_empty() {
        return warnings;
    }
    let places = Places::read(text);
    warnings.into_iter().map(|fault| places.fault(fault.path, fault.message)).collect()
}

/// Everything without effect, without places.
pub fn of(configuration: &ScrapeConfiguration) -> Vec<Fault> {
    let mut warnings = Vec::new();
    let global = &configuration.global;
    protocols("global", global.scrape_protocols.as_deref(), &mut warnings);
    let rules = [
        ("evaluation_interval", global.evaluation_interval.is_some()),
        ("rule_query_offset", global.rule_query_offset.is_some()),
    ];
    natives("global", global.scrape_native_histograms, &mut warnings);
    for (name, _) in rules.into_iter().filter(|(_, present)| *present) {
        let message = "has no effect: rules are a RuleGroup's";
        warnings.push(Fault::at_path(format!("global.{name}"), message));
    }
    for (number, job) in configuration.scrape_configs.iter().enumerate() {
        if let Some(job) = job {
            of_job(&format!("scrape_configs[{number}]"), job, &mut warnings);
        }
    }
    warnings
}

fn of_job(path: &str, job: &ScrapeConfig, warnings: &mut Vec<Fault>) {
    protocols(path, job.scrape_protocols.as_deref(), warnings);
    natives(path, job.scrape_native_histograms, warnings);
    let classic = [
        (
            "convert_classic_histograms_to_nhcb",
            job.convert_classic_histograms_to_nhcb == Some(true),
        ),
        ("native_histogram_bucket_limit", job.native_histogram_bucket_limit.unwrap_or(0) > 0),
        ("native_histogram_min_bucket_factor", job.native_histogram_min_bucket_factor.is_some()),
    ];
    for (name, _) in classic.into_iter().filter(|(_, present)| *present) {
        let message = "has no effect yet: classic histograms are kept as they are";
        warnings.push(Fault::at_path(format!("{path}.{name}"), message));
    }
    if job.fallback_scrape_protocol.as_deref() == Some(ScrapeProtocol::PrometheusProto.as_str()) {
        let message = "PrometheusProto is not read yet: such a scrape fails";
        warnings.push(Fault::at_path(format!("{path}.fallback_scrape_protocol"), message));
    }
    for (number, group) in job.static_configs.iter().enumerate() {
        if group.as_ref().is_some_and(|group| group.labels.contains_key(UNIX_SOCKET_LABEL)) {
            let path = format!("{path}.static_configs[{number}].labels.{UNIX_SOCKET_LABEL}");
            warnings.push(Fault::at_path(path, unix_socket()));
        }
    }
    for (number, rule) in job.relabel_configs.iter().enumerate() {
        let makes = |rule: &RelabelConfig| rule.target_label == UNIX_SOCKET_LABEL;
        if rule.as_ref().is_some_and(makes) {
            let path = format!("{path}.relabel_configs[{number}].target_label");
            warnings.push(Fault::at_path(path, unix_socket()));
        }
    }
}

fn natives(path: &str, wanted: Option<bool>, warnings: &mut Vec<Fault>) {
    if wanted == Some(true) {
        let message = "has no effect yet: PrometheusProto, which carries native histograms, is not \
                       read; classic histograms are scraped instead";
        warnings.push(Fault::at_path(format!("{path}.scrape_native_histograms"), message));
    }
}

fn unix_socket() -> String {
    format!("{UNIX_SOCKET_LABEL} has no effect: collectors scrape over TCP only")
}

fn protocols(path: &str, names: Option<&[String]>, warnings: &mut Vec<Fault>) {
    for (number, name) in names.unwrap_or_default().iter().enumerate() {
        if name == ScrapeProtocol::PrometheusProto.as_str() {
            let message = format!("{name} is not asked for yet: the text formats are");
            warnings.push(Fault::at_path(format!("{path}.scrape_protocols[{number}]"), message));
        }
    }
}
