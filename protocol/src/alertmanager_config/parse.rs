//! YAML to an Alertmanager configuration, or to its faults.

use crate::alertmanager_config::{AlertmanagerConfig, checks};
use crate::fault::Fault;
use crate::places::Places;

/// Largest file that is read: AMP's quota for a definition.
pub const CONFIG_BYTES_MAX: usize = 1024 * 1024;

impl AlertmanagerConfig {
    /// Reads and checks a file; the verdict is the reference's.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        if text.len() > CONFIG_BYTES_MAX {
            let message = format!(
                "the configuration has {} bytes, the limit is {CONFIG_BYTES_MAX}",
                text.len()
            );
            return Err(vec![Fault { path: String::new(), line: 1, column: 1, message }]);
        }
        let places = Places::read(text);
        let config: Self = crate::yaml_reader::from_str(text).map_err(|error| {
            let mut fault = places.yaml_fault(&error);
            if fault.message.contains("missing field `route`") {
                "no route provided in config".clone_into(&mut fault.message);
            }
            vec![fault]
        })?;
        let faults = checks::check(&config, &places);
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }
}
