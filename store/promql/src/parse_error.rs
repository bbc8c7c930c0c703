//! What is wrong with a query, and where.

use std::fmt;

use crate::ast::Span;

/// A line and a column of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// In bytes, from 1.
    pub column: u32,
}

impl Position {
    /// Where byte `at` of `query` stands.
    pub fn of(query: &str, at: u32) -> Self {
        let before = &query.as_bytes()[..query.len().min(at as usize)];
        let line = before.split(|&byte| byte == b'\n').count();
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        Self { line: line as u32, column: (before.len() - line_start + 1) as u32 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a query was refused: syntax or types. Prints as Prometheus does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// The part of the query that is wrong.
    pub span: Span,
    /// Where it begins; `None` in an empty query.
    pub position: Option<Position>,
    /// What is wrong, without the position.
    pub message: String,
}

impl ParseError {
    /// An error at `span` of `query`.
    pub fn new(query: &str, span: Span, message: impl Into<String>) -> Self {
        let position = (!query.is_empty()).then(|| Position::of(query, span.start));
        Self { span, position, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: parse error: {}", self.message),
            None => write!(f, "unknown position: parse error: {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_bytes() {
        assert_eq!(Position::of("ab\ncd", 4).to_string(), "2:2");
        assert_eq!(Position::of("ab\ncd", 3).to_string(), "2:1");
        assert_eq!(Position::of("ab", 0).to_string(), "1:1");
        assert_eq!(Position::of("ab", 99).to_string(), "1:3");
        let error = ParseError::new("", Span::default(), "no expression found in input");
        assert_eq!(
            error.to_string(),
            "unknown position: parse error: no expression found in input"
        );
    }
}
