//! From YAML text to a scrape configuration, or to every fault with its place.

use serde_saphyr::granit_parser::{Event, Parser};

use crate::scrape_config::ScrapeConfiguration;
use crate::scrape_config_faults::{Fault, FaultKind};

/// Bytes of a configuration: far above what people write, below what hurts.
pub const CONFIGURATION_BYTES_MAX: usize = 16 << 20;

impl ScrapeConfiguration {
    /// Reads and validates; the error holds every fault, never none.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let fault = |line, column, message| {
            vec![Fault { path: String::new(), line, column, kind: FaultKind::Invalid, message }]
        };
        if text.len() > CONFIGURATION_BYTES_MAX {
            let message = format!("{} bytes, at most {CONFIGURATION_BYTES_MAX}", text.len());
            return Err(fault(0, 0, message));
        }
        let read: Option<Self> = serde_saphyr::from_str(text).map_err(|error| {
            let place = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            fault(place.0 as usize, place.1 as usize, error.without_snippet().to_string())
        })?;
        let configuration = read.unwrap_or_default();
        let mut faults = configuration.validate();
        if faults.is_empty() {
            return Ok(configuration);
        }
        let places = places(text);
        for fault in &mut faults {
            (fault.line, fault.column) = nearest(&places, &fault.path);
        }
        Err(faults)
    }
}
