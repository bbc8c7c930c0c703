//! Native histograms as text: `schema:0 buckets:[1 2]`.

use protocol::histogram::{FloatHistogram, ResetHint, Span};

use crate::literal::{parse_number, seconds_of_duration};

/// Parses what stands between `{{` and `}}`; also says whether a reset hint was written.
pub(crate) fn parse_histogram(text: &str) -> Result<(FloatHistogram, bool), String> {
    let mut histogram = FloatHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    let mut seen = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, value, after) = next_item(rest)?;
        if seen.contains(&key) {
            return Err(format!("duplicate key {key:?} in histogram"));
        }
        seen.push(key);
        match key {
            "schema" => histogram.schema = integer(value)?,
            "sum" => histogram.sum = number(value)?,
            "count" => histogram.count = number(value)?,
            "z_bucket" => histogram.zero_count = number(value)?,
            "z_bucket_w" => histogram.zero_threshold = number(value)?,
            "custom_values" => histogram.custom_values = numbers(value)?,
            "buckets" => histogram.positive_buckets = numbers(value)?,
            "offset" => offset = integer(value)?,
            "n_buckets" => histogram.negative_buckets = numbers(value)?,
            "n_offset" => negative_offset = integer(value)?,
            "counter_reset_hint" => histogram.reset_hint = reset_hint(value)?,
            _ => return Err(format!("bad histogram descriptor found: {key:?}")),
        }
        rest = after.trim_start();
    }
    histogram.positive_spans = one_span(offset, &histogram.positive_buckets);
    histogram.negative_spans = one_span(negative_offset, &histogram.negative_buckets);
    Ok((histogram, seen.contains(&"counter_reset_hint")))
}

/// `key:value` or `key:[value value]`, and what comes behind.
fn next_item(rest: &str) -> Result<(&str, &str, &str), String> {
    let incomplete = || format!("histogram description incomplete unexpected: {rest:?}");
    let (key, after) = rest.split_once(':').ok_or_else(incomplete)?;
    let end = match after.strip_prefix('[') {
        Some(list) => list.find(']').ok_or_else(incomplete)? + 2,
        None => after.find(char::is_whitespace).unwrap_or(after.len()),
    };
    Ok((key, &after[..end], &after[end..]))
}

fn integer(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("invalid number in histogram: {text:?}"))
}

fn number(text: &str) -> Result<f64, String> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let value =
        parse_number(digits).or_else(|error| seconds_of_duration(digits).map_err(|_| error));
    value.map(|value| if negative { -value } else { value })
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let inner = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("expected a list in histogram, got {text:?}"))?;
    inner.split_whitespace().map(number).collect()
}

fn reset_hint(text: &str) -> Result<ResetHint, String> {
    match text {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::Reset),
        "not_reset" => Ok(ResetHint::NotReset),
        "gauge" => Ok(ResetHint::Gauge),
        _ => Err(format!("bad histogram descriptor found: {text:?}")),
    }
}

fn one_span(offset: i32, buckets: &[f64]) -> Vec<Span> {
    match buckets.len() {
        0 => Vec::new(),
        length => vec![Span { offset, length: length as u32 }],
    }
}
