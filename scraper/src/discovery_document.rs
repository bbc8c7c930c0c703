//! The documents of file and HTTP discovery.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::scrape_config_discovery::StaticConfig;
use protocol::time::PromDuration;

use crate::target_labels::{TargetGroup, written_group};

/// Bytes of one discovered document: a hundred thousand targets.
pub const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// Reads a list of groups, JSON or YAML, and gives each target where it comes from.
pub fn parse_groups(
    text: &str,
    json: bool,
    source: &str,
    meta_label: &str,
) -> Result<Vec<TargetGroup>, String> {
    let written: Vec<StaticConfig> = if json {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        protocol::yaml::parse::<Option<Vec<StaticConfig>>>(text)
            .map_err(|fault| fault.to_string())?
            .unwrap_or_default()
    };
    let group = |(at, config): (usize, StaticConfig)| {
        let mut labels: BTreeMap<String, String> = config.labels;
        labels.insert(meta_label.to_owned(), source.to_owned());
        written_group(&format!("{source}:{at}"), &config.targets, &labels)
    };
    Ok(written.into_iter().enumerate().map(group).collect())
}

/// How often a source is asked: as configured, but not more often than once a second.
pub fn refresh(configured: Option<PromDuration>, default: Duration) -> Duration {
    let configured = configured.map(PromDuration::as_std);
    configured.filter(|time| !time.is_zero()).unwrap_or(default).max(Duration::from_secs(1))
}
