//! Reads OpenMetrics text, 0.0.1 and 1.0.0.
//!
//! Strict where Prometheus is: single spaces, `# EOF` at the end and nothing behind it. Like
//! Prometheus it does not hold samples against the type of their family.

use std::borrow::Cow;

use protocol::sample::MetricType;

use crate::exposition::{Entry, ExemplarText, ExpositionError, SampleLine};
use crate::exposition_lexing::{labels_end, name_length, quote_end, unescape};
use crate::exposition_number::{parse_seconds, parse_value};

/// The parser of one body.
#[derive(Clone, Debug)]
pub struct OpenMetricsParser<'a> {
    body: &'a str,
    at: usize,
    ended: bool,
}

impl<'a> OpenMetricsParser<'a> {
    /// Starts at the top of `body`.
    pub fn new(body: &'a str) -> Self {
        Self { body, at: 0, ended: false }
    }

    /// The next entry; `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, ExpositionError> {
        if self.ended {
            return Ok(None);
        }
        match self.bytes().get(self.at) {
            None => Err(self.error("the body does not end with \"# EOF\"")),
            Some(b'#') => self.comment(),
            Some(_) => self.sample().map(|line| Some(Entry::Sample(line))),
        }
    }

    fn sample(&mut self) -> Result<SampleLine<'a>, ExpositionError> {
        let start = self.at;
        self.at += name_length(self.bytes(), start);
        if self.bytes().get(self.at) == Some(&b'{') {
            self.at = labels_end(self.bytes(), self.at)
                .ok_or_else(|| self.error("the label set is not closed"))?;
        } else if self.at == start {
            return Err(self.error("expected a metric name or a comment"));
        }
        let series = &self.body[start..self.at];
        let value = self.number()?;
        let timestamp_ms = if self.at_exemplar() { None } else { self.timestamp()? };
        let exemplar = if self.at_exemplar() { Some(self.exemplar()?) } else { None };
        self.line_end()?;
        Ok(SampleLine { series, value, timestamp_ms, exemplar })
    }

    fn exemplar(&mut self) -> Result<ExemplarText<'a>, ExpositionError> {
        self.at += " # ".len();
        if self.bytes().get(self.at) != Some(&b'{') {
            return Err(self.error("expected the labels of an exemplar"));
        }
        let start = self.at;
        self.at = labels_end(self.bytes(), self.at)
            .ok_or_else(|| self.error("the exemplar's label set is not closed"))?;
        let labels = &self.body[start..self.at];
        let value = self.number()?;
        Ok(ExemplarText { labels, value, timestamp_ms: self.timestamp()? })
    }

    fn comment(&mut self) -> Result<Option<Entry<'a>>, ExpositionError> {
        let start = self.at;
        let rest = self.rest();
        if let Some(behind) = rest.strip_prefix("# EOF") {
            self.ended = true;
            return match behind {
                "" | "\n" => Ok(None),
                _ => Err(self.error("unexpected data after \"# EOF\"")),
            };
        }
        let line = match memchr::memchr(b'\n', rest.as_bytes()) {
            Some(length) => &rest[..length],
            None => return Err(self.error("the body does not end with \"# EOF\"")),
        };
        self.at += line.len() + 1;
        let refuse = |reason: String| ExpositionError::at(self.body, start, reason);
        let known =
            ["# HELP ", "# TYPE ", "# UNIT "].iter().find(|known| line.starts_with(**known));
        let Some(keyword) = known else {
            return Err(refuse("expected HELP, TYPE, UNIT or EOF after \"# \"".to_owned()));
        };
        let (family, text) = family(&line[keyword.len()..]).map_err(refuse)?;
        Ok(Some(match *keyword {
            "# HELP " => Entry::Help(family, unescape(text, true)),
            "# TYPE " => {
                let metric_type = metric_type(text)
                    .ok_or_else(|| refuse(format!("invalid metric type {text:?}")))?;
                Entry::Type(family, metric_type)
            }
            _ if !text.is_empty() && !is_unit_of(&family, text) => {
                return Err(refuse(format!("unit {text:?} is no suffix of metric {family:?}")));
            }
            _ => Entry::Unit(family, text),
        }))
    }

    /// A space and a number.
    fn number(&mut self) -> Result<f64, ExpositionError> {
        let text = self.token().ok_or_else(|| self.error("expected a space and a value"))?;
        parse_value(text).ok_or_else(|| self.error(format!("{text:?} is no value")))
    }

    /// A space and a time, unless the line ends here.
    fn timestamp(&mut self) -> Result<Option<i64>, ExpositionError> {
        let Some(text) = self.token() else { return Ok(None) };
        let time = parse_seconds(text);
        time.map(Some).ok_or_else(|| self.error(format!("{text:?} is no timestamp")))
    }

    /// What stands behind a single space, up to the next space or line end.
    fn token(&mut self) -> Option<&'a str> {
        let text = self.rest().strip_prefix(' ')?;
        let length = memchr::memchr2(b' ', b'\n', text.as_bytes()).unwrap_or(text.len());
        self.at += 1 + length;
        Some(&text[..length])
    }

    fn line_end(&mut self) -> Result<(), ExpositionError> {
        if self.bytes().get(self.at) != Some(&b'\n') {
            return Err(self.error("expected the end of the line"));
        }
        self.at += 1;
        Ok(())
    }

    fn at_exemplar(&self) -> bool {
        self.rest().starts_with(" # ")
    }

    fn rest(&self) -> &'a str {
        &self.body[self.at..]
    }

    fn bytes(&self) -> &'a [u8] {
        self.body.as_bytes()
    }

    fn error(&self, reason: impl Into<String>) -> ExpositionError {
        ExpositionError::at(self.body, self.at, reason)
    }
}

/// A family's name and what follows behind a single space.
fn family(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let bytes = text.as_bytes();
    let (name, rest) = if bytes.first() == Some(&b'"') {
        let end = quote_end(bytes, 0).ok_or("the metric name is not closed")?;
        (unescape(&text[1..end - 1], true), &text[end..])
    } else {
        let length = name_length(bytes, 0);
        (Cow::Borrowed(&text[..length]), &text[length..])
    };
    if name.is_empty() {
        return Err("expected a metric name".to_owned());
    }
    match rest.strip_prefix(' ') {
        Some(rest) => Ok((name, rest)),
        None if rest.is_empty() => Ok((name, "")),
        None => Err("expected a space after the metric name".to_owned()),
    }
}

fn metric_type(text: &str) -> Option<MetricType> {
    Some(match text {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "gaugehistogram" => MetricType::GaugeHistogram,
        "summary" => MetricType::Summary,
        "info" => MetricType::Info,
        "stateset" => MetricType::StateSet,
        "unknown" => MetricType::Unknown,
        _ => return None,
    })
}

fn is_unit_of(family: &str, unit: &str) -> bool {
    family.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'))
}

#[cfg(test)]
mod tests;
