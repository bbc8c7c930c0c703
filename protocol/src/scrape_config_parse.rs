//! From YAML text to a scrape configuration, or to every fault with its place.

use crate::fault::Fault;
use crate::places::Places;
use crate::scrape_config::ScrapeConfiguration;
use crate::yaml;

/// Bytes of a configuration: what the custom resource takes, and far above what people write.
pub const CONFIGURATION_BYTES_MAX: usize = 1 << 20;

impl ScrapeConfiguration {
    /// Reads and validates; the error holds every fault, never none.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        if text.len() > CONFIGURATION_BYTES_MAX {
            let message = format!("{} bytes, at most {CONFIGURATION_BYTES_MAX}", text.len());
            return Err(vec![Fault::at_path("", message)]);
        }
        let read: Option<Self> = yaml::parse(text).map_err(|fault| vec![fault])?;
        let configuration = read.unwrap_or_default();
        let mut faults = configuration.validate();
        if faults.is_empty() {
            return Ok(configuration);
        }
        let places = Places::read(text);
        for fault in &mut faults {
            (fault.line, fault.column) = places.of(&fault.path);
        }
        Err(faults)
    }
}
