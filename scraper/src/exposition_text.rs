//! Reads Prometheus text, 0.0.4 and 1.0.0.
//!
//! As lenient as Prometheus: white space between tokens, optional commas between labels, no `#
//! EOF`, a last line without its end.

use std::borrow::Cow;

use protocol::sample::MetricType;

use crate::exposition::{Entry, ExpositionError, SampleLine};
use crate::exposition_lexing::{labels_end, name_length, quote_end, unescape};
use crate::exposition_number::{parse_millis, parse_value};

/// The parser of one body.
#[derive(Clone, Debug)]
pub struct TextParser<'a> {
    body: &'a str,
    at: usize,
}

impl<'a> TextParser<'a> {
    /// Starts at the top of `body`.
    pub fn new(body: &'a str) -> Self {
        Self { body, at: 0 }
    }

    /// The next entry; `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, ExpositionError> {
        loop {
            self.skip_blanks();
            match self.bytes().get(self.at) {
                None => return Ok(None),
                Some(b'\n') => self.at += 1,
                Some(b'#') => {
                    if let Some(entry) = self.comment()? {
                        return Ok(Some(entry));
                    }
                }
                Some(_) => return self.sample().map(|line| Some(Entry::Sample(line))),
            }
        }
    }

    fn sample(&mut self) -> Result<SampleLine<'a>, ExpositionError> {
        let start = self.at;
        let name = name_length(self.bytes(), start);
        self.at += name;
        let mut end = self.at;
        self.skip_blanks();
        if self.bytes().get(self.at) == Some(&b'{') {
            end = labels_end(self.bytes(), self.at)
                .ok_or_else(|| self.error("the label set is not closed"))?;
            self.at = end;
        } else if name == 0 {
            return Err(self.error("expected a metric name, a comment or a blank line"));
        }
        self.skip_blanks();
        let text = self.token();
        let value = parse_value(text).ok_or_else(|| match text {
            "" => self.error("expected a value after the series"),
            _ => self.error(format!("{text:?} is no value")),
        })?;
        self.skip_blanks();
        let timestamp_ms = match self.bytes().get(self.at) {
            None | Some(b'\n') => None,
            Some(_) => {
                let text = self.token();
                let time = parse_millis(text);
                Some(time.ok_or_else(|| self.error(format!("{text:?} is no timestamp")))?)
            }
        };
        self.skip_blanks();
        match self.bytes().get(self.at) {
            None => {}
            Some(b'\n') => self.at += 1,
            Some(_) => return Err(self.error("expected the end of the line")),
        }
        Ok(SampleLine { series: &self.body[start..end], value, timestamp_ms, exemplar: None })
    }

    /// A comment that says something; `None` for the others, which are skipped.
    fn comment(&mut self) -> Result<Option<Entry<'a>>, ExpositionError> {
        let start = self.at;
        let end = memchr::memchr(b'\n', &self.bytes()[start..])
            .map_or(self.body.len(), |length| start + length);
        let line = &self.body[start + 1..end];
        self.at = end;
        let is_blank = |c: char| c == ' ' || c == '\t';
        if !line.starts_with(is_blank) {
            return Ok(None);
        }
        let Some((keyword, rest)) = line.trim_start_matches(is_blank).split_once(is_blank) else {
            return Ok(None);
        };
        if !matches!(keyword, "HELP" | "TYPE") {
            return Ok(None);
        }
        let (family, text) = self.family(rest.trim_start_matches(is_blank), start)?;
        let text = text.trim_start_matches(is_blank);
        if keyword == "HELP" {
            return Ok(Some(Entry::Help(family, unescape(text, false))));
        }
        let metric_type = match text.trim_end_matches(is_blank) {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "summary" => MetricType::Summary,
            "untyped" => MetricType::Unknown,
            other => return Err(self.error_at(start, format!("invalid metric type {other:?}"))),
        };
        Ok(Some(Entry::Type(family, metric_type)))
    }

    fn family(
        &self,
        text: &'a str,
        line_start: usize,
    ) -> Result<(Cow<'a, str>, &'a str), ExpositionError> {
        let bytes = text.as_bytes();
        if bytes.first() == Some(&b'"') {
            let end = quote_end(bytes, 0)
                .ok_or_else(|| self.error_at(line_start, "the metric name is not closed"))?;
            return Ok((unescape(&text[1..end - 1], true), &text[end..]));
        }
        match name_length(bytes, 0) {
            0 => Err(self.error_at(line_start, "expected a metric name")),
            length => Ok((Cow::Borrowed(&text[..length]), &text[length..])),
        }
    }

    /// Up to the next blank, line end or brace.
    fn token(&mut self) -> &'a str {
        let rest = &self.bytes()[self.at..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'{'))
            .unwrap_or(rest.len());
        let text = &self.body[self.at..self.at + length];
        self.at += length;
        text
    }

    fn skip_blanks(&mut self) {
        while matches!(self.bytes().get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn bytes(&self) -> &'a [u8] {
        self.body.as_bytes()
    }

    fn error(&self, reason: impl Into<String>) -> ExpositionError {
        self.error_at(self.at, reason)
    }

    fn error_at(&self, offset: usize, reason: impl Into<String>) -> ExpositionError {
        ExpositionError::at(self.body, offset, reason)
    }
}

#[cfg(test)]
mod tests;
