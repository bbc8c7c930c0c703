//! Whether an answer is the expected one.

use promql::series_description::SequenceValue;
use promql::value::{MatrixSeries, PointValue, Value, VectorSample};
use protocol::histogram::FloatHistogram;
use protocol::labels::Labels;
use protocol::sample::is_stale_nan;

use crate::script::Eval;

/// Relative error that answers may have.
const EPSILON: f64 = 0.000_001;

/// Compares an answer with what the script expects; `ordered`: the vector's order counts.
pub fn compare(eval: &Eval, ordered: bool, value: &Value) -> Result<(), String> {
    match value {
        Value::Scalar(sample) => compare_scalar(eval, sample.value),
        Value::String { text, .. } => match &eval.string {
            Some(wanted) if wanted == text => Ok(()),
            wanted => Err(format!("expected string {wanted:?}, got {text:?}")),
        },
        Value::Vector(vector) => compare_vector(eval, ordered, vector),
        Value::Matrix(matrix) => compare_matrix(eval, matrix),
    }
}

/// Compares a scalar.
pub fn compare_scalar(eval: &Eval, value: f64) -> Result<(), String> {
    match eval.scalar {
        Some(wanted) if almost_equal(wanted, value) => Ok(()),
        wanted => Err(format!("expected scalar {wanted:?}, got {value}")),
    }
}

/// Compares an instant vector.
pub fn compare_vector(eval: &Eval, ordered: bool, vector: &[VectorSample]) -> Result<(), String> {
    if eval.scalar.is_some() {
        return Err(format!("expected a scalar, got a vector of {}", vector.len()));
    }
    for (at, sample) in vector.iter().enumerate() {
        let found = eval.series.iter().position(|(labels, _)| *labels == sample.labels);
        let Some(position) = found else {
            return Err(format!("unexpected {} with {}", sample.labels, show(&sample.value)));
        };
        if ordered && position != at {
            return Err(format!("{} is at {at}, expected at {position}", sample.labels));
        }
        let wanted = eval.series[position].1.first().unwrap_or(&SequenceValue::Omitted);
        compare_point(wanted, &sample.value)
            .map_err(|difference| format!("{}: {difference}", sample.labels))?;
    }
    let seen = |labels: &Labels| vector.iter().any(|sample| sample.labels == *labels);
    match eval.series.iter().find(|(labels, _)| !seen(labels)) {
        Some((labels, _)) => Err(format!("expected {labels}, which is missing")),
        None => Ok(()),
    }
}

fn compare_matrix(eval: &Eval, matrix: &[MatrixSeries]) -> Result<(), String> {
    if eval.scalar.is_some() {
        return Err(format!("expected a scalar, got a matrix of {}", matrix.len()));
    }
    is_sorted(matrix)?;
    let (start, end, step) =
        eval.matrix_times.unwrap_or((eval.start_ms, eval.end_ms, eval.step_ms));
    for series in matrix {
        let found = eval.series.iter().find(|(labels, _)| *labels == series.labels);
        let Some((labels, values)) = found else {
            return Err(format!("unexpected {} with {}", series.labels, show_series(series)));
        };
        if start + (values.len() as i64 - 1) * step > end {
            return Err(format!("{labels}: more values expected than there are steps"));
        }
        let times = (0..).map(|at| start + at * step);
        let wanted = times.zip(values).filter(|(_, value)| **value != SequenceValue::Omitted);
        let difference = compare_series(wanted.collect(), series);
        difference.map_err(|error| format!("{labels}: {error}; got {}", show_series(series)))?;
    }
    let seen = |labels: &Labels| matrix.iter().any(|series| series.labels == *labels);
    match eval.series.iter().find(|(labels, _)| !seen(labels)) {
        Some((labels, _)) => Err(format!("expected {labels}, which is missing")),
        None => Ok(()),
    }
}

/// Matrices are always sorted by labels.
pub fn is_sorted(matrix: &[MatrixSeries]) -> Result<(), String> {
    match matrix.windows(2).find(|pair| pair[0].labels > pair[1].labels) {
        Some(pair) => {
            Err(format!("matrix is not sorted: {} before {}", pair[0].labels, pair[1].labels))
        }
        None => Ok(()),
    }
}

fn compare_series(wanted: Vec<(i64, &SequenceValue)>, series: &MatrixSeries) -> Result<(), String> {
    let mut points: Vec<(i64, PointValue)> = Vec::new();
    points.extend(series.floats.iter().map(|s| (s.timestamp_ms, PointValue::Float(s.value))));
    points.extend(
        series
            .histograms
            .iter()
            .map(|s| (s.timestamp_ms, PointValue::Histogram(s.histogram.clone()))),
    );
    points.sort_by_key(|(time, _)| *time);
    if points.len() != wanted.len() {
        return Err(format!("expected {} points, got {}", wanted.len(), points.len()));
    }
    for ((wanted_time, wanted), (time, value)) in wanted.into_iter().zip(&points) {
        if wanted_time != *time {
            return Err(format!("expected a point at {wanted_time}, got one at {time}"));
        }
        compare_point(wanted, value).map_err(|difference| format!("at {time}: {difference}"))?;
    }
    Ok(())
}

fn compare_point(wanted: &SequenceValue, value: &PointValue) -> Result<(), String> {
    let same = match (wanted, value) {
        (SequenceValue::Float(wanted), PointValue::Float(value)) => almost_equal(*wanted, *value),
        (SequenceValue::Histogram { histogram, hint_written }, PointValue::Histogram(value)) => {
            same_histogram(histogram, value, *hint_written)
        }
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("expected {}, got {}", show_wanted(wanted), show(value)))
    }
}

fn same_histogram(wanted: &FloatHistogram, value: &FloatHistogram, hint_written: bool) -> bool {
    let (mut wanted, mut value) = (wanted.clone(), value.clone());
    wanted.compact();
    value.compact();
    let counts = |a: &[f64], b: &[f64]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| almost_equal(*a, *b))
    };
    wanted.schema == value.schema
        && wanted.zero_threshold == value.zero_threshold
        && wanted.custom_values == value.custom_values
        && wanted.positive_spans == value.positive_spans
        && wanted.negative_spans == value.negative_spans
        && almost_equal(wanted.count, value.count)
        && almost_equal(wanted.sum, value.sum)
        && almost_equal(wanted.zero_count, value.zero_count)
        && counts(&wanted.positive_buckets, &value.positive_buckets)
        && counts(&wanted.negative_buckets, &value.negative_buckets)
        && (!hint_written || wanted.reset_hint == value.reset_hint)
}

/// Equal but for a small relative error; NaN equals NaN, the staleness marker only itself.
pub fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale_nan(a) || is_stale_nan(b) {
        return is_stale_nan(a) && is_stale_nan(b);
    }
    if (a.is_nan() && b.is_nan()) || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

fn show(value: &PointValue) -> String {
    match value {
        PointValue::Float(value) => format!("{value}"),
        PointValue::Histogram(histogram) => show_histogram(histogram),
    }
}

fn show_wanted(value: &SequenceValue) -> String {
    match value {
        SequenceValue::Omitted => "nothing".to_owned(),
        SequenceValue::Float(value) => format!("{value}"),
        SequenceValue::Histogram { histogram, .. } => show_histogram(histogram),
    }
}

fn show_histogram(h: &FloatHistogram) -> String {
    format!(
        "{{{{schema:{} count:{} sum:{} zero:{}/{} pos:{:?}{:?} neg:{:?}{:?} custom:{:?} {:?}}}}}",
        h.schema,
        h.count,
        h.sum,
        h.zero_count,
        h.zero_threshold,
        h.positive_spans.iter().map(|span| (span.offset, span.length)).collect::<Vec<_>>(),
        h.positive_buckets,
        h.negative_spans.iter().map(|span| (span.offset, span.length)).collect::<Vec<_>>(),
        h.negative_buckets,
        h.custom_values,
        h.reset_hint,
    )
}

fn show_series(series: &MatrixSeries) -> String {
    let floats = series.floats.iter().map(|s| format!("{}@{}", s.value, s.timestamp_ms));
    let histograms = series
        .histograms
        .iter()
        .map(|s| format!("{}@{}", show_histogram(&s.histogram), s.timestamp_ms));
    floats.chain(histograms).collect::<Vec<_>>().join(" ")
}
