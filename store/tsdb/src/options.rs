//! How a database behaves: windows, limits, sizes.

use crate::label_sets::LabelSetLimit;

/// Two hours: the slice of time in which pages and small blocks are cut.
pub const BLOCK_SPAN_MS: i64 = 2 * 3_600_000;

/// Everything that may be changed while the database runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsdbOptions {
    /// Samples older than this are dropped. `None`: kept for ever.
    pub retention_ms: Option<i64>,
    /// How far behind the newest sample a late one may be; 0 refuses all that is out of order.
    /// `None`: any age is taken, before 1970 too.
    pub out_of_order_window_ms: Option<i64>,
    /// Limits of series and labels.
    pub limits: SeriesLimits,
    /// How far ahead of the clock a sample may be: ten minutes, as Prometheus has it.
    pub future_ms_max: i64,
    /// Width of the slices in which the head is cut into blocks.
    pub block_span_ms: i64,
    /// The head is flushed when its samples take more bytes than this.
    pub head_bytes_max: u64,
    /// The head is flushed when its oldest log record is older than this.
    pub head_age_ms_max: i64,
    /// The head is flushed when its log records take more bytes than this.
    pub log_bytes_max: u64,
    /// Blocks are merged as long as they are not larger than this together. They are held in memory
    /// meanwhile, as is what they become.
    pub merged_bytes_max: u64,
    /// How long a block that is no longer needed stays, for readers that may still want it.
    pub grace_ms: i64,
    /// Sections of blocks that are kept in memory after they were read. Fixed when it opens.
    pub cache_bytes_max: u64,
    /// Exemplars kept in memory, the oldest leave first.
    pub exemplars_max: usize,
    /// Metric families whose metadata is kept.
    pub metadata_families_max: usize,
}

impl Default for TsdbOptions {
    fn default() -> Self {
        Self {
            retention_ms: None,
            out_of_order_window_ms: None,
            limits: SeriesLimits::default(),
            future_ms_max: 600_000,
            block_span_ms: BLOCK_SPAN_MS,
            // A quarter of the smallest machine we care for (1 GiB).
            head_bytes_max: 256 << 20,
            head_age_ms_max: BLOCK_SPAN_MS,
            // Replay reads about 500 MB a second: restart stays within a few seconds.
            log_bytes_max: 1 << 30,
            merged_bytes_max: 64 << 20,
            // Readers fetch what they need at once; ten minutes is far longer than any does.
            grace_ms: 600_000,
            cache_bytes_max: 64 << 20,
            // About 100 bytes each: 10 MB, Prometheus's own default.
            exemplars_max: 100_000,
            // Far more than any exporter set has; bounds the memory of a hostile sender.
            metadata_families_max: 100_000,
        }
    }
}

/// Limits that a series must keep when it is first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesLimits {
    /// Series in the head, the active ones.
    pub active_series_max: u64,
    /// Labels of one series, the name included.
    pub label_names_max: usize,
    /// Bytes of one label name.
    pub label_name_bytes_max: usize,
    /// Bytes of one label value.
    pub label_value_bytes_max: usize,
    /// Bytes of all names and values of one series.
    pub labels_bytes_max: usize,
    /// Active series by label set.
    pub label_sets: Vec<LabelSetLimit>,
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self {
            active_series_max: 10_000_000,
            label_names_max: 150,
            label_name_bytes_max: 1024,
            label_value_bytes_max: 2048,
            labels_bytes_max: 32 * 1024,
            label_sets: Vec::new(),
        }
    }
}
