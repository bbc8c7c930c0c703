//! Spread and quantiles of a range or list.

use protocol::go_float::format_g;
use protocol::summation::CompensatedSum;

use crate::annotations::Annotations;
use crate::ast::Span;
use crate::errors::EvalError;
use crate::range_context::RangeContext;
use crate::value::PointValue;
use crate::window::Window;

type Answer = Result<Option<PointValue>, EvalError>;

/// `stdvar_over_time(v[d])`: population variance.
pub fn stdvar_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    Ok(floats_only(window, context).map(|values| PointValue::Float(variance(&values))))
}

/// `stddev_over_time(v[d])`: population standard deviation.
pub fn stddev_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    Ok(floats_only(window, context).map(|values| PointValue::Float(variance(&values).sqrt())))
}

/// `quantile_over_time(q, v[d])`
pub fn quantile_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let q = context.params[0];
    if window.floats.is_empty() {
        return Ok(None);
    }
    check_quantile(q, context.span, context.annotations);
    let values = floats_only(window, context);
    Ok(values.map(|mut values| PointValue::Float(quantile(q, &mut values))))
}

/// `mad_over_time(v[d])`: median of the distances from the median.
pub fn mad_over_time(window: &Window<'_>, context: &mut RangeContext<'_>) -> Answer {
    let Some(mut values) = floats_only(window, context) else { return Ok(None) };
    if values.iter().any(|value| value.is_nan()) {
        return Ok(Some(PointValue::Float(f64::NAN)));
    }
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Ok(Some(PointValue::Float(quantile(0.5, &mut values))))
}

fn floats_only(window: &Window<'_>, context: &mut RangeContext<'_>) -> Option<Vec<f64>> {
    if window.floats.is_empty() {
        return None;
    }
    if !window.histograms.is_empty() {
        context.info_histograms_ignored();
    }
    Some(window.floats.iter().map(|point| point.value).collect())
}

/// Welford's variance with compensated sums.
fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (CompensatedSum::default(), CompensatedSum::default());
    for (before, value) in values.iter().enumerate() {
        let delta = value - mean.value();
        mean.add(delta / (before + 1) as f64);
        squares.add(delta * (value - mean.value()));
    }
    squares.value() / values.len() as f64
}

/// Warns of a quantile outside of 0 to 1.
pub fn check_quantile(q: f64, span: Span, annotations: &mut Annotations) {
    if q.is_nan() || !(0.0..=1.0).contains(&q) {
        let q = format_g(q);
        annotations.warn(span, format!("quantile value should be between 0 and 1, got {q}"));
    }
}

/// The `q`-quantile by linear interpolation between neighbours; sorts, NaN first.
pub fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    });
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = rank.floor().max(0.0);
    let upper = (lower as usize + 1).min(last);
    let weight = rank - rank.floor();
    values[lower as usize] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(0.25, &mut [1.0, 2.0]), 1.25);
        assert_eq!(quantile(-1.0, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0, &mut [1.0, 5.0]), 5.0);
        assert!(quantile(0.5, &mut []).is_nan());
    }
}
