//! The parser of a body, whichever grammar it follows.

use crate::exposition::{Dialect, Entry, ExpositionError};
use crate::exposition_openmetrics::OpenMetricsParser;
use crate::exposition_text::TextParser;

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
