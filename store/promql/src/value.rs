//! What a query answers with.

use std::sync::Arc;

use protocol::histogram::FloatHistogram;
use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};

/// A float or a native histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum PointValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    /// The series.
    pub labels: Labels,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The value.
    pub value: PointValue,
}

/// One series of a range vector, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixSeries {
    /// The series.
    pub labels: Labels,
    /// Points that are floats.
    pub floats: Vec<Sample>,
    /// Points that are native histograms.
    pub histograms: Vec<HistogramSample>,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number at the time of the evaluation.
    Scalar(Sample),
    /// A string at the time of the evaluation.
    String {
        /// Milliseconds since 1970.
        timestamp_ms: i64,
        /// The text.
        text: String,
    },
    /// An instant vector; sorted only where the expression sorts.
    Vector(Vec<VectorSample>),
    /// A range vector, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}
