//! What a unit test expects and what it got, compared and told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use promql::series_description::{SequenceValue, parse_metric, parse_series};
use promql::value::{PointValue, Value};
use protocol::go_float::format_g;
use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::labels::{ALERT_NAME, Labels, write_quoted};
use rules::status::AlertStatus;

use crate::unit_tests::{ExpectedAlert, ExpectedSample};

/// Elements that a message shows of each side; a person reads no more.
const SHOWN_MAX: usize = 10;

/// An alert as tests compare it: labels and annotations.
pub type PlainAlert = (BTreeMap<String, String>, BTreeMap<String, String>);

/// An element of an answer as tests compare it.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// A number.
    Float(f64),
    /// A native histogram, written as input would be.
    Histogram(String),
}

/// The number of an expected sample, its field, and what is wrong there.
pub type WrongSample = (usize, &'static str, String);

/// What was expected, sorted.
pub fn expected_alerts(alertname: &str, expected: &[ExpectedAlert]) -> Vec<PlainAlert> {
    let plain = |texts: &Option<BTreeMap<String, Option<String>>>| {
        let texts = texts.iter().flatten();
        texts.map(|(k, v)| (k.clone(), v.clone().unwrap_or_default())).collect::<BTreeMap<_, _>>()
    };
    let mut alerts: Vec<PlainAlert> = expected
        .iter()
        .map(|one| {
            let mut labels = plain(&one.exp_labels);
            labels.insert(ALERT_NAME.to_owned(), alertname.to_owned());
            (labels, plain(&one.exp_annotations))
        })
        .collect();
    alerts.sort();
    alerts
}

/// What fires, sorted.
pub fn firing_alerts(firing: Vec<AlertStatus>) -> Vec<PlainAlert> {
    let plain = |alert: AlertStatus| {
        let labels = alert.labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
        (labels.collect(), alert.annotations)
    };
    let mut alerts: Vec<PlainAlert> = firing.into_iter().map(plain).collect();
    alerts.sort();
    alerts
}

/// What was expected of an expression, sorted; the error names the field of the sample.
pub fn expected_elements(
    expected: &[ExpectedSample],
) -> Result<Vec<(Labels, Element)>, WrongSample> {
    let mut elements = Vec::with_capacity(expected.len());
    for (number, sample) in expected.iter().enumerate() {
        let text = sample.labels.as_deref().unwrap_or_default();
        let labels = parse_metric(text)
            .map_err(|error| (number, "labels", format!("{text:?}: {}", error.message)))?;
        let element = match (sample.histogram.as_deref(), sample.value) {
            (None | Some(""), value) => Element::Float(value.unwrap_or_default()),
            (Some(_), Some(value)) if value != 0.0 => {
                let message = "cannot stand beside histogram".to_owned();
                return Err((number, "value", message));
            }
            (Some(text), _) => {
                let wrong = |message: String| (number, "histogram", format!("{text:?}: {message}"));
                Element::Histogram(one_histogram(text).map_err(wrong)?)
            }
        };
        elements.push((labels, element));
    }
    elements.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(elements)
}

fn one_histogram(text: &str) -> Result<String, String> {
    let (_, values) = parse_series(&format!("{{}} {text}")).map_err(|error| error.message)?;
    match values.as_slice() {
        [SequenceValue::Histogram { histogram, .. }] => Ok(described(histogram)),
        [_] => Err("this is no histogram".to_owned()),
        values => Err(format!("one histogram is expected, not {}", values.len())),
    }
}

/// What an expression answered, sorted; the error is for answers that rules cannot have, either.
pub fn answered_elements(value: Value) -> Result<Vec<(Labels, Element)>, String> {
    let samples = match value {
        Value::Vector(samples) => samples,
        Value::Scalar(sample) => return Ok(vec![(Labels::empty(), Element::Float(sample.value))]),
        Value::String { .. } | Value::Matrix(_) => {
            return Err("the answer is neither a vector nor a scalar".to_owned());
        }
    };
    let element = |value: PointValue| match value {
        PointValue::Float(value) => Element::Float(value),
        PointValue::Histogram(histogram) => Element::Histogram(described(&histogram)),
    };
    let samples = samples.into_iter();
    let mut elements: Vec<_> = samples.map(|s| (s.labels, element(s.value))).collect();
    elements.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(elements)
}

/// Whether two answers are the same. NaN is not even the same as NaN: promtool has it so.
pub fn same_elements(
    expected: &[(Labels, Element)],
    got: &[(Labels, Element)],
    fuzzy: bool,
) -> bool {
    let same = |pair: (&Element, &Element)| match pair {
        (Element::Float(a), Element::Float(b)) => {
            a == b || (fuzzy && (a.next_up() == *b || a.next_down() == *b))
        }
        (Element::Histogram(a), Element::Histogram(b)) => a == b,
        (Element::Float(_), Element::Histogram(_)) | (Element::Histogram(_), Element::Float(_)) => {
            false
        }
    };
    expected.len() == got.len()
        && expected.iter().zip(got).all(|(a, b)| a.0 == b.0 && same((&a.1, &b.1)))
}

/// `got ...; expected ...` of an answer.
pub fn told_elements(expected: &[(Labels, Element)], got: &[(Labels, Element)]) -> String {
    let text = |(labels, element): &(Labels, Element)| match element {
        Element::Float(value) => format!("{labels} {}", format_g(*value)),
        Element::Histogram(text) => format!("{labels} {text}"),
    };
    let nan = |(_, element): &(Labels, Element)| matches!(element, Element::Float(v) if v.is_nan());
    let hint = if expected.iter().any(nan) {
        " (NaN equals nothing: test `expr != expr` instead)"
    } else {
        ""
    };
    format!("got {}; expected {}{hint}", list(got, text), list(expected, text))
}

/// `got ...; expected ...` of alerts.
pub fn told_alerts(expected: &[PlainAlert], got: &[PlainAlert]) -> String {
    let text = |(labels, annotations): &PlainAlert| {
        format!("{} with annotations {}", braces(labels), braces(annotations))
    };
    format!("got {}; expected {}", list(got, text), list(expected, text))
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<String> = items.iter().take(SHOWN_MAX).map(text).collect();
    let more = items.len().saturating_sub(SHOWN_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn braces(texts: &BTreeMap<String, String>) -> String {
    let mut out = String::from("{");
    for (number, (name, value)) in texts.iter().enumerate() {
        out.push_str(if number == 0 { "" } else { ", " });
        out.push_str(name);
        out.push('=');
        write_quoted(&mut out, value).expect("writing to a string never fails");
    }
    out.push('}');
    out
}

/// A histogram in the notation of the input, so that equal histograms have equal texts.
fn described(histogram: &FloatHistogram) -> String {
    let mut words = Vec::new();
    let mut number = |key: &str, value: f64| {
        if value != 0.0 {
            words.push(format!("{key}:{}", format_g(value)));
        }
    };
    number("schema", f64::from(histogram.schema));
    number("count", histogram.count);
    number("sum", histogram.sum);
    number("z_bucket", histogram.zero_count);
    number("z_bucket_w", histogram.zero_threshold);
    if histogram.uses_custom_buckets() {
        words.push(format!("custom_values:{}", bracketed(&histogram.custom_values)));
    }
    let hint = match histogram.reset_hint {
        ResetHint::Unknown => None,
        ResetHint::Reset => Some("reset"),
        ResetHint::NotReset => Some("not_reset"),
        ResetHint::Gauge => Some("gauge"),
    };
    words.extend(hint.map(|hint| format!("counter_reset_hint:{hint}")));
    buckets(&mut words, "", histogram.positive_indexed());
    buckets(&mut words, "n_", histogram.negative_indexed());
    format!("{{{{{}}}}}", words.join(" "))
}

/// One span from the first bucket that is not empty to the last, as input is written.
fn buckets(words: &mut Vec<String>, prefix: &str, all: impl Iterator<Item = (i32, f64)>) {
    let full: Vec<(i32, f64)> = all.filter(|(_, count)| *count != 0.0).collect();
    let (Some(&(first, _)), Some(&(last, _))) = (full.first(), full.last()) else { return };
    let offset = first;
    if offset != 0 {
        let mut word = String::new();
        write!(word, "{prefix}offset:{offset}").expect("writing to a string never fails");
        words.push(word);
    }
    // A span of a hostile width is told by its ends only; nobody compares it with written input.
    const WIDTH_MAX: i64 = 10_000;
    if i64::from(last) - i64::from(first) > WIDTH_MAX {
        words.push(format!("{prefix}buckets:{full:?}"));
        return;
    }
    let mut counts = vec![0.0; (last - first) as usize + 1];
    for (index, count) in full {
        counts[(index - first) as usize] = count;
    }
    words.push(format!("{prefix}buckets:{}", bracketed(&counts)));
}

fn bracketed(numbers: &[f64]) -> String {
    let texts: Vec<String> = numbers.iter().map(|number| format_g(*number)).collect();
    format!("[{}]", texts.join(" "))
}
