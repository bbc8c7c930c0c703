//! What a Scraper asks of a collector.

use crds::scraper::ScraperSpec;
use protocol::fault::Fault;
use protocol::scrape_config::ScrapeConfiguration;

/// The raw part of the spec, with the spec's own external labels laid over those of the
/// configuration; an empty configuration where there is no raw part.
pub fn configuration(spec: &ScraperSpec) -> Result<ScrapeConfiguration, Vec<Fault>> {
    let text = spec.scrape_configuration.as_deref().unwrap_or("{}");
    let mut configuration = ScrapeConfiguration::parse(text)?;
    configuration.global.external_labels.extend(spec.external_labels.clone());
    Ok(configuration)
}

/// What of the spec only works in a cluster, in words; for collectors outside of one.
pub fn needs_cluster(spec: &ScraperSpec) -> Vec<String> {
    let told = |field: &str| format!("spec.{field}: works in a cluster only; here it is left out");
    let mut left_out = Vec::new();
    if spec.monitors.is_some() {
        left_out.push(told("monitors"));
    }
    if spec.source.is_some() {
        left_out.push(told("source"));
    }
    left_out
}
