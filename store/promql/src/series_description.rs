//! Series written as text: `metric{a="b"} 1+2x3 _x4 stale`.
//!
//! The language of test scripts and of unit tests of rules. `axN` is `a` N + 1 times, `a+bxN` adds
//! `b` N times, `_xN` leaves N values out; histograms work alike.

use std::sync::Arc;

use protocol::histogram::FloatHistogram;
use protocol::histogram_sum::HistogramSum;
use protocol::labels::{Labels, LabelsBuilder, METRIC_NAME};
use protocol::sample::stale_nan;

use crate::ast::Span;
use crate::histogram_description::parse_histogram;
use crate::literal::{parse_number, seconds_of_duration};
use crate::options::ParseOptions;
use crate::parse_error::ParseError;
use crate::parser::{Parser, Result};
use crate::token::TokenKind;

/// Values of one line; scripts use some thousand, and `1x99999999999` must not eat the memory.
const VALUES_MAX: usize = 1_000_000;

/// One value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum SequenceValue {
    /// No sample at this time.
    Omitted,
    /// A number, possibly the staleness marker.
    Float(f64),
    /// A native histogram.
    Histogram {
        /// The value.
        histogram: Arc<FloatHistogram>,
        /// Whether the reset hint was written: only then it is to be compared.
        hint_written: bool,
    },
}

/// Parses a series and its values.
pub fn parse_series(text: &str) -> Result<(Labels, Vec<SequenceValue>)> {
    let end = end_of_labels(text);
    let labels = parse_labels(text, end)?;
    let mut values = Values { text, at: end, values: Vec::new() };
    values.all()?;
    Ok((labels, values.values))
}

/// Parses a metric: `name{a="b"}`.
pub fn parse_metric(text: &str) -> Result<Labels> {
    parse_labels(text, text.len())
}

/// Where the values begin: behind the name and the braces.
fn end_of_labels(text: &str) -> usize {
    let word = |byte: &u8| *byte == b':' || *byte == b'_' || byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    let name = bytes.iter().take_while(|byte| word(byte)).count();
    // Spaces may stand before the braces, but two braces are a histogram.
    let blanks = bytes[name..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let braces = name + blanks;
    if bytes.get(braces) != Some(&b'{') || bytes.get(braces + 1) == Some(&b'{') {
        return name;
    }
    let mut quote = None;
    let mut at = braces + 1;
    while let Some(&byte) = bytes.get(at) {
        match quote {
            Some(_) if byte == b'\\' && quote != Some(b'`') => at += 1,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'}' => return at + 1,
            None if matches!(byte, b'"' | b'\'' | b'`') => quote = Some(byte),
            None => {}
        }
        at += 1;
    }
    bytes.len()
}

fn parse_labels(text: &str, end: usize) -> Result<Labels> {
    let mut parser = Parser::new(&text[..end], &ParseOptions::default())?;
    let mut labels = LabelsBuilder::default();
    let first = parser.peek()?;
    if first.kind.is_metric_name() {
        let name = parser.next_text()?.to_owned();
        parser.label_set(&mut labels)?;
        labels.set(METRIC_NAME, name);
    } else {
        parser.label_set(&mut labels)?;
    }
    parser.expect_end()?;
    Ok(labels.build())
}

impl Parser<'_> {
    fn label_set(&mut self, labels: &mut LabelsBuilder) -> Result<()> {
        const PLACE: &str = "label set";
        if self.accept(TokenKind::LeftBrace)?.is_none() {
            return Ok(());
        }
        while self.accept(TokenKind::RightBrace)?.is_none() {
            self.within(PLACE, "identifier or \"}\"", |parser| parser.label(labels))?;
            if self.accept(TokenKind::Comma)?.is_none() {
                self.within(PLACE, "\",\" or \"}\"", |p| p.expect(TokenKind::RightBrace))?;
                break;
            }
        }
        Ok(())
    }

    fn label(&mut self, labels: &mut LabelsBuilder) -> Result<()> {
        let quoted = self.peek()?.kind == TokenKind::Text;
        let name = match self.peek()?.kind {
            TokenKind::Identifier => self.next_text()?.to_owned(),
            TokenKind::Text => self.string()?,
            _ => return Err(self.unexpected()),
        };
        if self.accept(TokenKind::Assign)?.is_some() {
            let value = self.within("label set", "string", Self::string)?;
            labels.set(name, value);
            return Ok(());
        }
        if quoted {
            labels.set(METRIC_NAME, name);
            return Ok(());
        }
        self.within("label set", "\"=\"", |parser| Err(parser.unexpected()))
    }
}

struct Values<'a> {
    text: &'a str,
    at: usize,
    values: Vec<SequenceValue>,
}

impl<'a> Values<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        let span = Span::new(self.at as u32, self.text.len() as u32);
        Err(ParseError::new(self.text, span, message))
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn all(&mut self) -> Result<()> {
        while !self.rest().is_empty() {
            let blanks = self.rest().len() - self.rest().trim_start().len();
            self.at += blanks;
            if self.rest().is_empty() {
                break;
            }
            if blanks == 0 {
                return self.fail("unexpected text in series values, expected space");
            }
            self.item()?;
        }
        Ok(())
    }

    fn item(&mut self) -> Result<()> {
        if self.rest().starts_with("{{") {
            return self.histograms();
        }
        if self.accept("_") {
            let times = self.times()?.unwrap_or(1);
            return self.push(times, |_| Ok(SequenceValue::Omitted));
        }
        if self.accept("stale") {
            return self.push(1, |_| Ok(SequenceValue::Float(stale_nan())));
        }
        let mut value = self.signed_number()?;
        let increment = match self.rest().as_bytes().first() {
            Some(b'+' | b'-') => Some(self.signed_number()?),
            _ => None,
        };
        let times = match (self.times()?, increment) {
            (Some(times), _) => times.saturating_add(1),
            (None, None) => 1,
            (None, Some(_)) => return self.fail("expected a repetition in series values"),
        };
        self.push(times, |_| {
            let current = value;
            value += increment.unwrap_or(0.0);
            Ok(SequenceValue::Float(current))
        })
    }

    /// `xN`
    fn times(&mut self) -> Result<Option<usize>> {
        if !self.accept("x") {
            return Ok(None);
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        match self.rest()[..digits].parse() {
            Ok(times) => {
                self.at += digits;
                Ok(Some(times))
            }
            Err(_) => self.fail("invalid repetition in series values"),
        }
    }

    fn push(
        &mut self,
        times: usize,
        mut value: impl FnMut(usize) -> Result<SequenceValue, String>,
    ) -> Result<()> {
        if self.values.len().saturating_add(times) > VALUES_MAX {
            return self.fail(format!("more than {VALUES_MAX} values in a series"));
        }
        for number in 0..times {
            match value(number) {
                Ok(value) => self.values.push(value),
                Err(message) => return self.fail(message),
            }
        }
        Ok(())
    }

    fn signed_number(&mut self) -> Result<f64> {
        let negative = self.accept("-");
        if !negative {
            self.accept("+");
        }
        let length = number_length(self.rest().as_bytes());
        let text = &self.rest()[..length];
        if text.is_empty() {
            return self.fail("unexpected text in series values, expected number or \"stale\"");
        }
        let lower = text.to_ascii_lowercase();
        let is_duration = lower.ends_with(['s', 'm', 'h', 'd', 'w', 'y']);
        let value = if is_duration { seconds_of_duration(text) } else { parse_number(text) };
        match value {
            Ok(value) => {
                self.at += length;
                Ok(if negative { -value } else { value })
            }
            Err(message) => self.fail(message),
        }
    }

    fn histograms(&mut self) -> Result<()> {
        let (first, hint_written) = self.histogram()?;
        let base = Arc::new(first);
        let sign = match self.rest().as_bytes().first() {
            Some(b'+') => 1.0,
            Some(b'-') => -1.0,
            _ => {
                let times = self.times()?.map_or(1, |times| times.saturating_add(1));
                let value = SequenceValue::Histogram { histogram: base, hint_written };
                return self.push(times, |_| Ok(value.clone()));
            }
        };
        self.at += 1;
        let (increment, hint_written) = self.histogram()?;
        let Some(times) = self.times()? else {
            return self.fail("expected a repetition in series values");
        };
        let mut current = base;
        self.push(times.saturating_add(1), |number| {
            if number > 0 {
                current = Arc::new(combine(&current, &increment, sign)?);
            }
            Ok(SequenceValue::Histogram { histogram: Arc::clone(&current), hint_written })
        })
    }

    fn histogram(&mut self) -> Result<(FloatHistogram, bool)> {
        let end = match self.rest().strip_prefix("{{").and_then(|inner| inner.find("}}")) {
            Some(end) => end + 2,
            None => return self.fail("histogram description incomplete"),
        };
        match parse_histogram(&self.rest()[2..end]) {
            Ok(parsed) => {
                self.at += end + 2;
                Ok(parsed)
            }
            Err(message) => self.fail(message),
        }
    }
}

fn combine(
    base: &FloatHistogram,
    increment: &FloatHistogram,
    sign: f64,
) -> Result<FloatHistogram, String> {
    if base.schema > increment.schema {
        return Err(format!(
            "error combining histograms: cannot merge from schema {} to {}",
            increment.schema, base.schema
        ));
    }
    let mut sum = HistogramSum::new(base);
    let combined = if sign < 0.0 { sum.subtract(increment) } else { sum.add(increment) };
    combined.map_err(|error| error.to_string())?;
    Ok(sum.finish())
}

/// How many bytes a number or a duration without sign has; `x` ends it, hexadecimal there is not.
fn number_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let exponent_sign = matches!(byte, b'+' | b'-')
            && at > 0
            && matches!(bytes[at - 1], b'e' | b'E')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let fits = byte == b'.' || byte == b'_' || byte.is_ascii_alphanumeric();
        if byte == b'x' || !(fits || exponent_sign) {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests;
