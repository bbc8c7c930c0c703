//! The metric family that the lines of a body are in.

use std::sync::Arc;

use protocol::labels::METRIC_NAME;
use protocol::sample::{Metadata, MetricType};

use crate::series_labels::ExposedLabels;

/// What a family's samples may add to its name.
const SUFFIXES: [&str; 8] =
    ["_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum"];
/// Bytes of help that are kept: it travels with every sample's request.
const HELP_BYTES_MAX: usize = 1024;

/// Gathered from the comments above the samples.
#[derive(Debug, Default)]
pub struct MetricFamily {
    name: String,
    metadata: Metadata,
    /// Built when the first new series needs it.
    shared: Option<Arc<Metadata>>,
}

impl MetricFamily {
    /// `# TYPE`
    pub fn set_type(&mut self, name: &str, metric_type: MetricType) {
        self.enter(name);
        self.metadata.metric_type = metric_type;
    }

    /// `# HELP`
    pub fn set_help(&mut self, name: &str, help: &str) {
        self.enter(name);
        let mut end = help.len().min(HELP_BYTES_MAX);
        while !help.is_char_boundary(end) {
            end -= 1;
        }
        self.metadata.help.clear();
        self.metadata.help.push_str(&help[..end]);
    }

    /// `# UNIT`
    pub fn set_unit(&mut self, name: &str, unit: &str) {
        self.enter(name);
        unit.clone_into(&mut self.metadata.unit);
    }

    fn enter(&mut self, name: &str) {
        self.shared = None;
        if self.name != name {
            self.name.clear();
            self.name.push_str(name);
            self.metadata = Metadata::default();
        }
    }

    /// The metadata of a series, if it belongs to this family.
    pub fn metadata_of(&mut self, exposed: &ExposedLabels<'_>) -> Option<Arc<Metadata>> {
        let name = exposed.iter().find(|label| label.0 == METRIC_NAME)?.1.as_ref();
        let suffix = name.strip_prefix(self.name.as_str()).filter(|_| !self.name.is_empty())?;
        (suffix.is_empty() || SUFFIXES.contains(&suffix)).then(|| self.share())
    }

    /// Brings the metadata of a known series of this family up to date.
    ///
    /// Only replaces what is there: a series that had none is in no family.
    pub fn refresh(&mut self, known: &mut Option<Arc<Metadata>>) {
        let Some(old) = known else { return };
        match &self.shared {
            Some(shared) if Arc::ptr_eq(shared, old) => {}
            Some(shared) => *known = Some(Arc::clone(shared)),
            // The first known series of the family in this body: nearly always unchanged.
            None if **old == self.metadata => self.shared = Some(Arc::clone(old)),
            None => *known = Some(self.share()),
        }
    }

    fn share(&mut self) -> Arc<Metadata> {
        Arc::clone(self.shared.get_or_insert_with(|| Arc::new(self.metadata.clone())))
    }
}
