//! What an exposition body holds, line by line.
//!
//! Two parsers yield the same entries: [`exposition_text`](crate::exposition_text) and
//! [`exposition_openmetrics`](crate::exposition_openmetrics). Both go over the body once, copy
//! nothing and leave a series unparsed: its raw text is the key under which the scrape cache knows
//! it.

use std::borrow::Cow;

use protocol::sample::MetricType;

/// Which grammar a body follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Prometheus text, 0.0.4 and 1.0.0 alike.
    Text,
    /// OpenMetrics text, 0.0.1 and 1.0.0 alike.
    OpenMetrics,
}

/// One line of meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// A sample of a series.
    Sample(SampleLine<'a>),
    /// The type of a metric family.
    Type(Cow<'a, str>, MetricType),
    /// The description of a metric family.
    Help(Cow<'a, str>, Cow<'a, str>),
    /// The unit of a metric family.
    Unit(Cow<'a, str>, &'a str),
}

/// A sample of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleLine<'a> {
    /// Name and labels as they stand in the body.
    pub series: &'a str,
    /// NaN always has the bits of Prometheus's ordinary NaN.
    pub value: f64,
    /// Milliseconds since 1970, where the exporter wrote a time.
    pub timestamp_ms: Option<i64>,
    /// OpenMetrics only.
    pub exemplar: Option<ExemplarText<'a>>,
}

/// An exemplar, its labels not parsed yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExemplarText<'a> {
    /// With their braces.
    pub labels: &'a str,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
}

/// Why a body was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected.
    pub reason: String,
}

impl ExpositionError {
    /// An error at a place of the body.
    pub fn at(body: &str, offset: usize, reason: impl Into<String>) -> Self {
        let before = &body.as_bytes()[..offset.min(body.len())];
        Self { line: memchr::memchr_iter(b'\n', before).count() + 1, reason: reason.into() }
    }
}

/// The body as text. Only comments that mean nothing may hold bytes that are no UTF-8.
pub fn body_text(body: &[u8]) -> Result<Cow<'_, str>, ExpositionError> {
    let Err(error) = std::str::from_utf8(body) else {
        return Ok(String::from_utf8_lossy(body));
    };
    let mut text = String::with_capacity(body.len());
    for (at, line) in body.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) if is_bare_comment(line) => text.push_str(&String::from_utf8_lossy(line)),
            Err(_) => return Err(ExpositionError { line: at + 1, reason: error.to_string() }),
        }
    }
    Ok(Cow::Owned(text))
}

fn is_bare_comment(line: &[u8]) -> bool {
    let words: Vec<&[u8]> = line
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty())
        .take(2)
        .collect();
    let says = |word: &[u8]| [&b"HELP"[..], b"TYPE", b"UNIT"].contains(&word);
    words.first().is_some_and(|first| first.starts_with(b"#"))
        && !(words[0] == b"#" && words.get(1).is_some_and(|word| says(word)))
}
