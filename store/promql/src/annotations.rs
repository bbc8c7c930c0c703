//! Warnings and infos that go with an answer.
//!
//! Deduplicated by text without position; the first position stays. The order is that of first
//! occurrence, so an answer never depends on a hash map.

use std::fmt::Write as _;

use protocol::go_float::{format_g, format_g2};
use rapidhash::RapidHashMap;

use crate::ast::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The answer may be wrong.
    Warning,
    /// Worth knowing.
    Info,
}

/// Details that are merged when the same annotation occurs again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail {
    /// Nothing more to say.
    None,
    /// Classic buckets that had to be made monotonic.
    Monotonicity {
        /// First time of occurrence in milliseconds.
        from_ms: i64,
        /// Last time of occurrence in milliseconds.
        to_ms: i64,
        /// Lowest bucket changed.
        bucket_min: f64,
        /// Highest bucket changed.
        bucket_max: f64,
        /// Greatest change.
        diff_max: f64,
        /// Further occurrences.
        more: u64,
    },
    /// How often it occurred.
    Occurrences(u64),
}

/// One annotation.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// How bad.
    pub severity: Severity,
    /// Without the prefix `PromQL warning: ` and without position.
    pub text: String,
    /// What it speaks of.
    pub span: Span,
    /// More, to be merged.
    pub detail: Detail,
}

/// All annotations of one answer.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    list: Vec<Annotation>,
    by_text: RapidHashMap<(Severity, String), usize>,
}

impl Annotations {
    /// Adds a warning.
    pub fn warn(&mut self, span: Span, text: impl Into<String>) {
        self.add(Severity::Warning, span, text.into(), Detail::None);
    }

    /// Adds an info.
    pub fn info(&mut self, span: Span, text: impl Into<String>) {
        self.add(Severity::Info, span, text.into(), Detail::None);
    }

    /// Adds an annotation, or merges its detail into the equal one that is there.
    pub fn add(&mut self, severity: Severity, span: Span, text: String, detail: Detail) {
        if let Some(at) = self.by_text.get(&(severity, text.clone())) {
            self.list[*at].detail.merge(detail);
            return;
        }
        self.by_text.insert((severity, text.clone()), self.list.len());
        self.list.push(Annotation { severity, text, span, detail });
    }

    /// In order of first occurrence.
    pub fn iter(&self) -> impl Iterator<Item = &Annotation> {
        self.list.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The warnings as the API writes them, with ` (line:col)` in `query`.
    pub fn warnings(&self, query: &str) -> Vec<String> {
        self.rendered(Severity::Warning, query)
    }

    /// The infos as the API writes them, with ` (line:col)` in `query`.
    pub fn infos(&self, query: &str) -> Vec<String> {
        self.rendered(Severity::Info, query)
    }

    fn rendered(&self, severity: Severity, query: &str) -> Vec<String> {
        let fits = |annotation: &&Annotation| annotation.severity == severity;
        self.list.iter().filter(fits).map(|annotation| annotation.rendered(query)).collect()
    }
}

impl Annotation {
    /// With prefix, without position and detail.
    pub fn plain(&self) -> String {
        let prefix = match self.severity {
            Severity::Warning => "PromQL warning",
            Severity::Info => "PromQL info",
        };
        format!("{prefix}: {}", self.text)
    }

    fn rendered(&self, query: &str) -> String {
        let mut text = self.plain();
        match self.detail {
            Detail::Monotonicity { from_ms, to_ms, bucket_min, bucket_max, diff_max, more } => {
                let _ = write!(
                    text,
                    ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
                    format_g(bucket_min),
                    format_g(bucket_max),
                    format_g2(diff_max),
                    more + 1,
                    rfc3339(from_ms),
                    rfc3339(to_ms),
                );
            }
            Detail::Occurrences(count) if count > 1 => {
                let _ = write!(text, " ({count} occurrences)");
            }
            Detail::Occurrences(_) | Detail::None => {}
        }
        let (line, column) = line_and_column(query, self.span.start);
        let _ = write!(text, " ({line}:{column})");
        text
    }
}

impl Detail {
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (
                Self::Monotonicity { from_ms, to_ms, bucket_min, bucket_max, diff_max, more },
                Self::Monotonicity {
                    from_ms: from,
                    to_ms: to,
                    bucket_min: low,
                    bucket_max: high,
                    diff_max: diff,
                    more: others,
                },
            ) => {
                *from_ms = from.min(*from_ms);
                *to_ms = to.max(*to_ms);
                *bucket_min = low.min(*bucket_min);
                *bucket_max = high.max(*bucket_max);
                *diff_max = diff.max(*diff_max);
                *more += others + 1;
            }
            (Self::Occurrences(count), Self::Occurrences(more)) => *count += more,
            _ => {}
        }
    }
}

/// Line and column, both from one, of a byte of the query.
pub fn line_and_column(query: &str, at: u32) -> (usize, usize) {
    let at = (at as usize).min(query.len());
    let before = &query.as_bytes()[..at];
    let line = before.split(|byte| *byte == b'\n').count();
    let column = at - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |nl| nl + 1) + 1;
    (line, column)
}

fn rfc3339(ms: i64) -> String {
    let second = jiff::Timestamp::from_second(ms.div_euclid(1000));
    second.map_or_else(|_| ms.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_with_the_first_position() {
        let mut annotations = Annotations::default();
        annotations.warn(Span::new(2, 3), "twice");
        annotations.warn(Span::new(0, 1), "twice");
        annotations.info(Span::new(0, 1), "once");
        assert_eq!(annotations.warnings("a\nb"), ["PromQL warning: twice (2:1)"]);
        assert_eq!(annotations.infos("a\nb"), ["PromQL info: once (1:1)"]);
    }
}
