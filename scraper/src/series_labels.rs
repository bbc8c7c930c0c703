//! From the raw text of a series to its labels.
//!
//! Runs once for each series, not once for each sample: the scrape cache knows a series by its raw
//! text.

use std::borrow::Cow;

use protocol::labels::{METRIC_NAME, is_legacy_label_name};

use crate::exposition::Dialect;
use crate::exposition_lexing::{name_length, quote_end, unescape};

/// Labels as exposed: in the order of the text, names unique, values possibly empty.
pub type ExposedLabels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Why the text is no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Not the grammar.
    #[error("in series {series:?}: {reason}")]
    Malformed {
        /// The raw text, cut where it is long.
        series: String,
        /// What was expected.
        reason: &'static str,
    },
    /// A name stands there twice.
    #[error("label name {0:?} is not unique")]
    Duplicate(String),
}

/// Bytes of a refused series that the error shows.
const SHOWN_BYTES_MAX: usize = 200;

/// Parses `name{label="value",...}`; the name becomes the label `__name__`.
pub fn parse_series(series: &str, dialect: Dialect) -> Result<ExposedLabels<'_>, SeriesError> {
    let name = name_length(series.as_bytes(), 0);
    let mut labels = Vec::with_capacity(8);
    if name > 0 {
        labels.push((Cow::Borrowed(METRIC_NAME), Cow::Borrowed(&series[..name])));
    }
    let rest = match dialect {
        Dialect::Text => series[name..].trim_start_matches([' ', '\t']),
        Dialect::OpenMetrics => &series[name..],
    };
    if !rest.is_empty() {
        let mut reader = LabelsReader { text: rest, at: 0, dialect };
        reader.read(&mut labels).map_err(|reason| malformed(series, reason))?;
    }
    if let Some(name) = duplicate(&labels) {
        return Err(SeriesError::Duplicate(name.to_owned()));
    }
    Ok(labels)
}

fn duplicate<'l>(labels: &'l ExposedLabels<'_>) -> Option<&'l str> {
    // Label sets are short; a sorted copy is only worth it for the long ones.
    if labels.len() <= 16 {
        let mut earlier = labels.iter().enumerate();
        return earlier
            .find(|(at, label)| labels[..*at].iter().any(|other| other.0 == label.0))
            .map(|(_, label)| label.0.as_ref());
    }
    let mut names: Vec<&str> = labels.iter().map(|label| label.0.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn malformed(series: &str, reason: &'static str) -> SeriesError {
    let mut end = series.len().min(SHOWN_BYTES_MAX);
    while !series.is_char_boundary(end) {
        end -= 1;
    }
    SeriesError::Malformed { series: series[..end].to_owned(), reason }
}

struct LabelsReader<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> LabelsReader<'a> {
    fn read(&mut self, labels: &mut ExposedLabels<'a>) -> Result<(), &'static str> {
        self.expect(b'{', "expected {")?;
        loop {
            self.blanks();
            match self.peek() {
                Some(b'}') => break,
                Some(b'"') => self.quoted_name(labels)?,
                Some(_) => self.bare_name(labels)?,
                None => return Err("expected a label name or }"),
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                // Prometheus's text parser takes labels without a comma between them.
                Some(_) if self.dialect == Dialect::Text => {}
                _ => return Err("expected , or }"),
            }
        }
        self.at += 1;
        if self.at != self.text.len() {
            return Err("unexpected text after }");
        }
        Ok(())
    }

    /// A quoted label name, or, if no `=` follows, the metric's name.
    fn quoted_name(&mut self, labels: &mut ExposedLabels<'a>) -> Result<(), &'static str> {
        let name = self.quoted()?;
        self.blanks();
        if self.peek() == Some(b'=') {
            return self.value(name, labels);
        }
        if labels.iter().any(|label| label.0 == METRIC_NAME) {
            return Err("the metric name is already set");
        }
        labels.push((Cow::Borrowed(METRIC_NAME), name));
        Ok(())
    }

    fn bare_name(&mut self, labels: &mut ExposedLabels<'a>) -> Result<(), &'static str> {
        let length = name_length(self.text.as_bytes(), self.at);
        let name = &self.text[self.at..self.at + length];
        if !is_legacy_label_name(name) {
            return Err("expected a label name");
        }
        self.at += length;
        self.blanks();
        self.value(Cow::Borrowed(name), labels)
    }

    fn value(
        &mut self,
        name: Cow<'a, str>,
        labels: &mut ExposedLabels<'a>,
    ) -> Result<(), &'static str> {
        self.expect(b'=', "expected = after a label name")?;
        self.blanks();
        if self.peek() != Some(b'"') {
            return Err("expected a quoted label value");
        }
        if name.is_empty() {
            return Err("empty label name");
        }
        let value = self.quoted()?;
        labels.push((name, value));
        Ok(())
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, &'static str> {
        let end = quote_end(self.text.as_bytes(), self.at).ok_or("a quote is not closed")?;
        let raw = &self.text[self.at + 1..end - 1];
        if self.dialect == Dialect::OpenMetrics && raw.contains('\n') {
            return Err("a line end inside quotes");
        }
        self.at = end;
        Ok(unescape(raw, true))
    }

    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), &'static str> {
        if self.peek() != Some(byte) {
            return Err(reason);
        }
        self.at += 1;
        Ok(())
    }

    fn blanks(&mut self) {
        while self.dialect == Dialect::Text && matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests;
