//! Where the data of a query comes from.
//!
//! The plan says which matchers over which ranges; the caller fetches, without this crate knowing
//! how; the evaluation decodes one series after another as it walks.

use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::{HistogramSample, Sample};

/// One selector of a plan: what must be fetched before the evaluation starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// All must hold; at least one does not match the empty string.
    pub matchers: Vec<Matcher>,
    /// First millisecond needed, inclusive.
    pub from_ms: i64,
    /// Last millisecond needed, inclusive.
    pub to_ms: i64,
}

/// The points of one series, reused from series to series.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// In order of time, staleness markers included.
    pub floats: Vec<Sample>,
    /// In order of time; no timestamp stands in both lists.
    pub histograms: Vec<HistogramSample>,
    /// When the counter of each of `floats` began in milliseconds, 0 unknown; or empty.
    pub float_starts_ms: Vec<i64>,
    /// The same of `histograms`.
    pub histogram_starts_ms: Vec<i64>,
}

impl Points {
    /// Forgets the points, keeps the memory.
    pub fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
        self.float_starts_ms.clear();
        self.histogram_starts_ms.clear();
    }
}

/// Why a series could not be read while it was walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading series {labels}: {reason}")]
pub struct ReadError {
    /// The series.
    pub labels: String,
    /// What went wrong.
    pub reason: String,
}

/// A series that was fetched, still compressed.
pub trait SeriesData: Send + Sync {
    /// Its labels, the metric's name included.
    fn labels(&self) -> &Labels;

    /// Appends the points with `from_ms <= timestamp <= to_ms` to `out`.
    fn read(&self, from_ms: i64, to_ms: i64, out: &mut Points) -> Result<(), ReadError>;
}
