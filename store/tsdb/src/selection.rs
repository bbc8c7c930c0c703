//! What a query gets: series with their samples, still compressed.

use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};

use crate::error::TsdbError;
use crate::head_series::HeadPart;
use crate::precedence::{settle_histograms, settle_kinds, settle_samples};

/// How much one selection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectBudget {
    /// Series.
    pub series_max: u64,
    /// Compressed bytes.
    pub bytes_max: u64,
}

impl SelectBudget {
    /// No bound; for tests and tools.
    pub const UNLIMITED: Self = Self { series_max: u64::MAX, bytes_max: u64::MAX };
}

/// One series of a selection. A snapshot: it changes no more and holds no lock.
#[derive(Clone, Debug)]
pub struct SelectedSeries {
    labels: Labels,
    head: HeadPart,
}

impl SelectedSeries {
    pub(crate) fn new(labels: Labels, head: HeadPart) -> Self {
        Self { labels, head }
    }

    /// All labels, the metric's name included.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Appends the samples of `from_ms..=to_ms`, in order of time; no timestamp stands in both lists
    /// or twice in one. The lists are expected to be empty or to end before `from_ms`.
    pub fn read(
        &self,
        from_ms: i64,
        to_ms: i64,
        samples: &mut Vec<Sample>,
        histograms: &mut Vec<HistogramSample>,
    ) -> Result<(), TsdbError> {
        let (mut own_samples, mut own_histograms) = (Vec::new(), Vec::new());
        self.head
            .read(from_ms, to_ms, &mut own_samples, &mut own_histograms)
            .map_err(|cause| TsdbError::malformed(format!("head of {}", self.labels), cause))?;
        settle_samples(&mut own_samples);
        settle_histograms(&mut own_histograms);
        settle_kinds(&mut own_samples, &own_histograms);
        samples.append(&mut own_samples);
        histograms.append(&mut own_histograms);
        Ok(())
    }
}
