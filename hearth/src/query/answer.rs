//! The answer of the query API, as much as the terminal shows.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `success` or `error`.
    pub status: String,
    /// The result.
    pub data: Option<Data>,
    /// Which kind of error.
    #[serde(default)]
    pub error_type: String,
    /// What went wrong.
    #[serde(default)]
    pub error: String,
    /// What is doubtful about the result.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What else is to be said of the result.
    #[serde(default)]
    pub infos: Vec<String>,
}

/// A result by its type.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub enum Data {
    /// A number.
    Scalar(Point),
    /// A string.
    String(Point),
    /// One value a series.
    Vector(Vec<VectorSeries>),
    /// Many values a series.
    Matrix(Vec<MatrixSeries>),
}

/// Seconds since 1970, and the value as text.
pub type Point = (f64, String);

/// One value of a series.
#[derive(Debug, Deserialize)]
pub struct VectorSeries {
    /// Its labels.
    pub metric: BTreeMap<String, String>,
    /// A float.
    pub value: Option<Point>,
    /// A native histogram.
    pub histogram: Option<(f64, Histogram)>,
}

/// Values of a series.
#[derive(Debug, Deserialize)]
pub struct MatrixSeries {
    /// Its labels.
    pub metric: BTreeMap<String, String>,
    /// Floats.
    #[serde(default)]
    pub values: Vec<Point>,
    /// Native histograms.
    #[serde(default)]
    pub histograms: Vec<(f64, Histogram)>,
}

/// A native histogram, in brief.
#[derive(Debug, Deserialize)]
pub struct Histogram {
    /// Observations.
    pub count: String,
    /// Their sum.
    pub sum: String,
}

/// A label set the way PromQL writes it.
pub fn series_name(metric: &BTreeMap<String, String>) -> String {
    let labels = protocol::labels::Labels::from_pairs(metric.clone());
    if labels.is_empty() { "{}".to_owned() } else { labels.to_string() }
}
