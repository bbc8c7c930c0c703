//! What a query gets: series, still compressed.

use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};

use crate::block_reader::BlockPart;
use crate::error::TsdbError;
use crate::head_series::HeadPart;
use crate::precedence::{settle_histograms, settle_kinds, settle_samples};

/// How much one selection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectBudget {
    /// Series.
    pub series_max: u64,
    /// Compressed bytes, of whole pages where a page is touched.
    pub bytes_max: u64,
}

impl SelectBudget {
    /// No bound; for tests and tools.
    pub const UNLIMITED: Self = Self { series_max: u64::MAX, bytes_max: u64::MAX };

    pub(crate) fn check_series(&self, series: u64) -> Result<(), TsdbError> {
        if series > self.series_max {
            return Err(TsdbError::OverBudget { limit: "series", max: self.series_max });
        }
        Ok(())
    }

    pub(crate) fn check_bytes(&self, bytes: u64) -> Result<(), TsdbError> {
        if bytes > self.bytes_max {
            return Err(TsdbError::OverBudget { limit: "bytes", max: self.bytes_max });
        }
        Ok(())
    }
}

/// One series of a selection. A snapshot: it changes no more and holds no lock.
#[derive(Clone, Debug)]
pub struct SelectedSeries {
    labels: Labels,
    from_ms: i64,
    to_ms: i64,
    head: HeadPart,
    blocks: Vec<BlockPart>,
}

impl SelectedSeries {
    pub(crate) fn new(labels: Labels, from_ms: i64, to_ms: i64) -> Self {
        Self { labels, from_ms, to_ms, head: HeadPart::default(), blocks: Vec::new() }
    }

    pub(crate) fn add_head(&mut self, part: HeadPart) {
        self.head = part;
    }

    pub(crate) fn add_block(&mut self, part: BlockPart) {
        self.blocks.push(part);
    }

    /// All labels, the metric's name included.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Appends the samples of `from_ms..=to_ms`, within what was selected, in order of time; no
    /// timestamp stands in both lists or twice in one. The lists are expected to be empty or to end
    /// before `from_ms`.
    pub fn read(
        &self,
        from_ms: i64,
        to_ms: i64,
        samples: &mut Vec<Sample>,
        histograms: &mut Vec<HistogramSample>,
    ) -> Result<(), TsdbError> {
        let (from_ms, to_ms) = (from_ms.max(self.from_ms), to_ms.min(self.to_ms));
        let (before, histograms_before) = (samples.len(), histograms.len());
        for (page, row) in self.blocks.iter().flat_map(|part| &part.pages) {
            page.page()
                .and_then(|page| page.read((*row).into(), from_ms, to_ms, samples, histograms))
                .map_err(|cause| TsdbError::malformed(format!("page of {}", self.labels), cause))?;
        }
        self.head
            .read(from_ms, to_ms, samples, histograms)
            .map_err(|cause| TsdbError::malformed(format!("head of {}", self.labels), cause))?;
        if is_settled(&samples[before..], |s| s.timestamp_ms)
            && histograms.len() == histograms_before
        {
            return Ok(());
        }
        let mut own_samples = samples.split_off(before);
        let mut own_histograms = histograms.split_off(histograms_before);
        settle_samples(&mut own_samples);
        settle_histograms(&mut own_histograms);
        settle_kinds(&mut own_samples, &own_histograms);
        samples.append(&mut own_samples);
        histograms.append(&mut own_histograms);
        Ok(())
    }
}

fn is_settled<T>(list: &[T], time: impl Fn(&T) -> i64) -> bool {
    list.windows(2).all(|pair| time(&pair[0]) < time(&pair[1]))
}
