//! Series on a grid: what nodes of a plan hand on.

use std::sync::Arc;

use protocol::histogram::FloatHistogram;
use protocol::labels::{Labels, METRIC_NAME};
use protocol::sample::{HistogramSample, Sample};
use rapidhash::{RapidHashMap, RapidHashSet};

use crate::errors::EvalError;
use crate::plan::Grid;
use crate::value::{MatrixSeries, PointValue, Value, VectorSample};

/// The type of a metric, where the feature is on.
pub const TYPE_LABEL: &str = "__type__";
/// The unit of a metric, where the feature is on.
pub const UNIT_LABEL: &str = "__unit__";

/// One series; at a time there is a float or a histogram, never both.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The labels.
    pub labels: Labels,
    /// The name is to be dropped at the end of the query.
    pub drop_name: bool,
    /// In order of time.
    pub floats: Vec<Sample>,
    /// In order of time.
    pub histograms: Vec<HistogramSample>,
}

/// The value of a node.
#[derive(Clone, Debug)]
pub enum Evaluated {
    /// A number for each step.
    Scalar(Vec<f64>),
    /// Series whose points lie on the steps.
    Vector(Vec<Series>),
    /// Series with points of any time.
    Matrix(Vec<Series>),
    /// A text.
    Text(String),
}

/// A point looked at.
#[derive(Clone, Copy, Debug)]
pub enum Point<'a> {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(&'a Arc<FloatHistogram>),
}

impl Point<'_> {
    /// Shares the histogram, copies the number.
    pub fn to_value(self) -> PointValue {
        match self {
            Self::Float(value) => PointValue::Float(value),
            Self::Histogram(histogram) => PointValue::Histogram(Arc::clone(histogram)),
        }
    }
}

/// Samples that a native histogram counts as: its size over that of a float point.
pub fn histogram_samples(histogram: &FloatHistogram) -> usize {
    (histogram.size_bytes() + 8) / 16
}

/// The labels without name, type and unit.
pub fn without_metadata(labels: &Labels) -> Labels {
    labels.without(&[METRIC_NAME, TYPE_LABEL, UNIT_LABEL])
}

impl Series {
    /// A series without points.
    pub fn new(labels: Labels, drop_name: bool) -> Self {
        Self { labels, drop_name, ..Self::default() }
    }

    /// Appends a point; times ascend.
    pub fn push(&mut self, timestamp_ms: i64, value: PointValue) {
        match value {
            PointValue::Float(value) => self.floats.push(Sample { timestamp_ms, value }),
            PointValue::Histogram(histogram) => {
                self.histograms.push(HistogramSample { timestamp_ms, histogram });
            }
        }
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// What it counts as in a budget.
    pub fn samples(&self) -> usize {
        let histograms = self.histograms.iter().map(|point| histogram_samples(&point.histogram));
        self.floats.len() + histograms.sum::<usize>()
    }

    /// Time and value of all points in order of time.
    pub fn points(&self) -> impl Iterator<Item = (i64, Point<'_>)> {
        let mut floats = self.floats.iter().peekable();
        let mut histograms = self.histograms.iter().peekable();
        std::iter::from_fn(move || {
            let histogram_ms = histograms.peek().map_or(i64::MAX, |point| point.timestamp_ms);
            if let Some(point) = floats.next_if(|point| point.timestamp_ms < histogram_ms) {
                return Some((point.timestamp_ms, Point::Float(point.value)));
            }
            let point = histograms.next();
            match point {
                Some(point) => Some((point.timestamp_ms, Point::Histogram(&point.histogram))),
                None => floats.next().map(|p| (p.timestamp_ms, Point::Float(p.value))),
            }
        })
    }
}

/// Walks a series step by step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    float: usize,
    histogram: usize,
}

impl Cursor {
    /// The point at `at_ms`; times asked for ascend and none with a point is left out.
    pub fn at<'a>(&mut self, series: &'a Series, at_ms: i64) -> Option<Point<'a>> {
        if let Some(point) = series.floats.get(self.float)
            && point.timestamp_ms == at_ms
        {
            self.float += 1;
            return Some(Point::Float(point.value));
        }
        let point = series.histograms.get(self.histogram)?;
        if point.timestamp_ms != at_ms {
            return None;
        }
        self.histogram += 1;
        Some(Point::Histogram(&point.histogram))
    }
}

/// What all series count as in a budget.
pub fn total_samples(series: &[Series]) -> usize {
    series.iter().map(Series::samples).sum()
}

/// Joins series of equal labels, which is an error where two have a point at the same time.
pub fn merge_same_labels(series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    if !has_same_labels(&series) {
        return Ok(series);
    }
    let mut by_labels: RapidHashMap<Labels, usize> = RapidHashMap::default();
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        if let Some(&at) = by_labels.get(&one.labels) {
            let base = &mut merged[at];
            base.floats.extend(one.floats);
            base.histograms.extend(one.histograms);
        } else {
            by_labels.insert(one.labels.clone(), merged.len());
            merged.push(one);
        }
    }
    for one in &mut merged {
        one.floats.sort_by_key(|point| point.timestamp_ms);
        one.histograms.sort_by_key(|point| point.timestamp_ms);
        let mut times: Vec<i64> = one.points().map(|(at_ms, _)| at_ms).collect();
        times.sort_unstable();
        if times.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(EvalError::SameLabelset);
        }
    }
    Ok(merged)
}

/// Whether two series have equal labels.
pub fn has_same_labels(series: &[Series]) -> bool {
    if series.windows(2).all(|pair| pair[0].labels < pair[1].labels) {
        return false;
    }
    let mut seen = RapidHashSet::default();
    !series.iter().all(|one| seen.insert(&one.labels))
}

impl Evaluated {
    /// The answer of an instant query that yields a number.
    pub fn into_scalar_value(self, timestamp_ms: i64) -> Value {
        let value = match &self {
            Self::Scalar(values) => values.first().copied(),
            Self::Vector(_) | Self::Matrix(_) | Self::Text(_) => None,
        };
        Value::Scalar(Sample { timestamp_ms, value: value.unwrap_or(f64::NAN) })
    }

    /// The answer of an instant query that yields a vector, in the order of the expression.
    pub fn into_vector_value(self, timestamp_ms: i64) -> Value {
        let (Self::Vector(series) | Self::Matrix(series)) = self else {
            return Value::Vector(Vec::new());
        };
        let sample = |mut one: Series| {
            let value = match (one.floats.first(), one.histograms.pop()) {
                (_, Some(point)) => PointValue::Histogram(point.histogram),
                (Some(point), None) => PointValue::Float(point.value),
                (None, None) => return None,
            };
            Some(VectorSample { labels: one.labels, timestamp_ms, value })
        };
        Value::Vector(series.into_iter().filter_map(sample).collect())
    }

    /// The answer of a range query, or of an instant query that yields a range vector.
    pub fn into_matrix_value(self, grid: &Grid) -> Value {
        let mut series = match self {
            Self::Vector(series) | Self::Matrix(series) => series,
            Self::Scalar(values) => vec![scalar_series(&values, grid)],
            Self::Text(_) => Vec::new(),
        };
        series.retain(|one| !one.is_empty());
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let finished = |one: Series| MatrixSeries {
            labels: one.labels,
            floats: one.floats,
            histograms: one.histograms,
        };
        Value::Matrix(series.into_iter().map(finished).collect())
    }
}

/// A number for each step as a series without labels.
pub fn scalar_series(values: &[f64], grid: &Grid) -> Series {
    let point = |(timestamp_ms, value): (i64, &f64)| Sample { timestamp_ms, value: *value };
    Series { floats: grid.times().zip(values).map(point).collect(), ..Series::default() }
}
