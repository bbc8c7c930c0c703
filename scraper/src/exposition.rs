//! What an exposition body holds, line by line.
//!
//! Two parsers yield the same entries: [`exposition_text`](crate::exposition_text) and
//! [`exposition_openmetrics`](crate::exposition_openmetrics). Both go over the body once, copy
//! nothing and leave a series unparsed: its raw text is the key under which the scrape cache knows
//! it.

use std::borrow::Cow;

use protocol::sample::MetricType;

use crate::exposition_openmetrics::OpenMetricsParser;
use crate::exposition_text::TextParser;

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

/// The parser of one body.
#[derive(Clone, Debug)]
pub enum Parser<'a> {
    /// Prometheus text.
    Text(TextParser<'a>),
    /// OpenMetrics text.
    OpenMetrics(OpenMetricsParser<'a>),
}

impl<'a> Parser<'a> {
    /// Starts at the top of `body`.
    pub fn new(dialect: Dialect, body: &'a str) -> Self {
        match dialect {
            Dialect::Text => Self::Text(TextParser::new(body)),
            Dialect::OpenMetrics => Self::OpenMetrics(OpenMetricsParser::new(body)),
        }
    }

    /// The next entry; `None` at the end. After an error there is nothing more to read.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, ExpositionError> {
        match self {
            Self::Text(parser) => parser.next_entry(),
            Self::OpenMetrics(parser) => parser.next_entry(),
        }
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

/// The end of a label set: the place behind the first `}` that is not inside quotes.
pub(crate) fn labels_end(body: &[u8], open: usize) -> Option<usize> {
    let first = open + 1 + memchr::memchr(b'}', body.get(open + 1..)?)?;
    // Behind a closing quote it is the end. The quote is a closing one unless it is escaped or may
    // be an opening one by what stands before it; then, and only then, count quotes from the start.
    let closes = match &body[open + 1..first] {
        [] => true,
        [.., before, b'"'] => !matches!(before, b'\\' | b'=' | b'{' | b',' | b'"' | b' ' | b'\t'),
        _ => false,
    };
    if closes { Some(first + 1) } else { labels_end_by_quotes(body, open) }
}

fn labels_end_by_quotes(body: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr::memchr2(b'"', b'}', body.get(at..)?)?;
        if body[at] == b'}' {
            return Some(at + 1);
        }
        at = quote_end(body, at)?;
    }
}

/// The place behind the quote that closes the one at `open`.
pub(crate) fn quote_end(body: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// How many bytes from `at` on fit a metric's name outside quotes.
pub(crate) fn name_length(body: &[u8], at: usize) -> usize {
    let rest = &body[at..];
    if rest.first().is_none_or(u8::is_ascii_digit) {
        return 0;
    }
    let is_name = |byte: &u8| NAME_BYTES[usize::from(*byte)];
    rest.iter().position(|byte| !is_name(byte)).unwrap_or(rest.len())
}

/// Which bytes a metric's name may have outside quotes: one look-up a byte, on the hottest path.
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b':');
        byte += 1;
    }
    table
};

/// Undoes `\\`, `\n` and, inside quotes, `\"`; any other backslash stays.
pub(crate) fn unescape(text: &str, quoted: bool) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let mut ahead = chars.clone();
        match ahead.next() {
            Some('\\') => plain.push('\\'),
            Some('n') => plain.push('\n'),
            Some('"') if quoted => plain.push('"'),
            _ => {
                plain.push('\\');
                continue;
            }
        }
        chars = ahead;
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{labels_end, labels_end_by_quotes};

    #[test]
    fn braces_inside_quotes_end_nothing() {
        for set in [
            "{}",
            "{a=\"b\"}",
            "{a=\"}\"}",
            "{a=\"x\\\"}\"}",
            "{a=\"=\"}",
            "{\"}\"}",
            "{a=\"b\",}",
            "{a=\"} 1\n\"}",
            "{a=\"b\"\"} 1\"=\"\"}",
        ] {
            let line = format!("m{set} 1 # {{x=\"y\"}} 2\n");
            assert_eq!(labels_end(line.as_bytes(), 1), Some(1 + set.len()), "{set}");
        }
        assert_eq!(labels_end(b"m{a=\"b\"", 1), None);
    }

    proptest! {
        #[test]
        fn the_short_cut_finds_what_counting_finds(
            pairs in proptest::collection::vec(("[a-z]{1,3}", "[a-z}{=,\" \\\\\n]{0,6}"), 0..4)
        ) {
            let set: Vec<String> = pairs
                .iter()
                .map(|(name, value)| {
                    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
                })
                .collect();
            let line = format!("m{{{}}} 1\n", set.join(","));
            let expected = Some(line.len() - " 1\n".len());
            prop_assert_eq!(labels_end_by_quotes(line.as_bytes(), 1), expected);
            prop_assert_eq!(labels_end(line.as_bytes(), 1), expected);
        }
    }
}
