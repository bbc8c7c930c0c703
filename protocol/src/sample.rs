//! A value at a time, and the mark of staleness.

use std::sync::Arc;

use crate::histogram::FloatHistogram;
use crate::labels::Labels;

/// The NaN that says "this series has ended", bit for bit Prometheus's.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;
/// The NaN that an ordinary computation yields in Prometheus.
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// The staleness marker as a number.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether `value` is the staleness marker, not merely a NaN.
pub fn is_stale_nan(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// A float at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Any bit pattern, the staleness marker included.
    pub value: f64,
}

/// A native histogram at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Shared, since queries hand the same one to many steps.
    pub histogram: Arc<FloatHistogram>,
}

/// What one series observed: a trace that an instrumented program attached to a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Usually `trace_id` and `span_id`.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// What a metric's samples mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// Not said.
    #[default]
    Unknown,
    /// Only grows, but for resets.
    Counter,
    /// Goes both ways.
    Gauge,
    /// Classic or native.
    Histogram,
    /// A histogram that may shrink.
    GaugeHistogram,
    /// Quantiles computed by the exporter.
    Summary,
    /// Constant 1 with labels that inform.
    Info,
    /// One of several states.
    StateSet,
}

/// What an exporter says of a metric family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The type.
    pub metric_type: MetricType,
    /// One sentence for people.
    pub help: String,
    /// Base unit, for example `seconds`; may be empty.
    pub unit: String,
}

/// What a sender delivers of one series in one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSeries {
    /// The series.
    pub labels: Labels,
    /// In order of time.
    pub samples: Vec<Sample>,
    /// In order of time.
    pub histograms: Vec<HistogramSample>,
    /// In order of time.
    pub exemplars: Vec<Exemplar>,
    /// Of the metric family, where the sender knows it.
    pub metadata: Option<Metadata>,
}
