//! Where a gauge is going: `deriv`, `predict_linear`, ...

use protocol::sample::Sample;
use protocol::summation::CompensatedSum;

use crate::errors::EvalError;
use crate::range_context::RangeContext;
use crate::value::PointValue;
use crate::window::Window;

type Answer = Result<Option<PointValue>, EvalError>;

/// `deriv(v[d])`: slope of the line of least squares, per second.
pub fn deriv(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let Some(floats) = enough_floats(window, context) else { return Ok(None) };
    // Times are taken from the first sample on, so that they stay small and exact.
    let line = Line::through(floats, floats[0].timestamp_ms);
    Ok(Some(PointValue::Float(line.slope)))
}

/// `predict_linear(v[d], seconds)`: the line's value so many seconds from now.
pub fn predict_linear(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let Some(floats) = enough_floats(window, context) else { return Ok(None) };
    let line = Line::through(floats, window.step_ms);
    Ok(Some(PointValue::Float(line.slope * context.params[0] + line.intercept)))
}

/// `double_exponential_smoothing(v[d], smoothing, trend)`.
pub fn double_exponential_smoothing(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let (smoothing, trend) = (context.params[0], context.params[1]);
    for (name, factor, short) in [("smoothing", smoothing, "sf"), ("trend", trend, "tf")] {
        if factor <= 0.0 || factor >= 1.0 {
            return Err(EvalError::Execution(format!(
                "invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}"
            )));
        }
    }
    let Some(floats) = enough_floats(window, context) else { return Ok(None) };
    let mut level = floats[0].value;
    let mut slope = floats[1].value - floats[0].value;
    let mut level_before = 0.0;
    for (at, point) in floats.iter().enumerate().skip(1) {
        if at > 1 {
            slope = trend * (level - level_before) + (1.0 - trend) * slope;
        }
        level_before = level;
        level = smoothing * point.value + (1.0 - smoothing) * (level + slope);
    }
    Ok(Some(PointValue::Float(level)))
}

/// The floats where there are two; tells of histograms beside floats.
fn enough_floats<'a>(window: &Window<'a>, context: &mut RangeContext<'_>) -> Option<&'a [Sample]> {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        context.info_histograms_ignored();
    }
    (window.floats.len() >= 2).then_some(window.floats)
}

/// A line of least squares; the intercept is its value at a given time.
struct Line {
    slope: f64,
    intercept: f64,
}

impl Line {
    fn through(floats: &[Sample], intercept_ms: i64) -> Self {
        let first = floats[0].value;
        if floats[1..].iter().all(|point| point.value == first) {
            // Nothing moves, and no rounding shall say it does.
            return if first.is_infinite() {
                Self { slope: f64::NAN, intercept: f64::NAN }
            } else {
                Self { slope: 0.0, intercept: first }
            };
        }
        let [mut sum_x, mut sum_y, mut sum_xy, mut sum_xx] = [CompensatedSum::default(); 4];
        for point in floats {
            let x = (point.timestamp_ms - intercept_ms) as f64 / 1e3;
            sum_x.add(x);
            sum_y.add(point.value);
            sum_xy.add(x * point.value);
            sum_xx.add(x * x);
        }
        let n = floats.len() as f64;
        let (x, y) = (sum_x.value(), sum_y.value());
        let covariance = sum_xy.value() - x * y / n;
        let variance = sum_xx.value() - x * x / n;
        let slope = covariance / variance;
        Self { slope, intercept: y / n - slope * x / n }
    }
}
