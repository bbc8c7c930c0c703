//! Label matchers and their anchored regexes.
//!
//! A regex is Go's (RE2 syntax), wrapped as `^(?s:...)$`; `go_regex` translates it, so that a query
//! means here what it means in Prometheus.

use std::fmt;

use crate::go_regex::GoRegex;
use crate::go_regex::error::GoRegexError;
use crate::labels::{Labels, is_legacy_label_name, write_quoted};

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One condition on one label. An absent label reads as the empty string.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How it compares.
    pub op: MatchOp,
    /// The value or the pattern, as written.
    pub value: String,
    regex: Option<GoRegex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl Matcher {
    /// Compiles the pattern where there is one.
    pub fn new(
        op: MatchOp,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, GoRegexError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(GoRegex::anchored(&value)?),
        };
        Ok(Self { name, op, value, regex })
    }

    /// `name = value`, which cannot fail.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// Whether this value fits.
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.regex) {
            (MatchOp::Equal, _) => self.value == value,
            (MatchOp::NotEqual, _) => self.value != value,
            (MatchOp::Regex, Some(regex)) => regex.is_match(value),
            (MatchOp::NotRegex, Some(regex)) => !regex.is_match(value),
            (MatchOp::Regex | MatchOp::NotRegex, None) => {
                unreachable!("a regex matcher is only built with its compiled pattern")
            }
        }
    }

    /// Whether a series without this label fits.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// Whether a whole label set fits.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.value(&self.name))
    }

    /// Where the pattern is nothing but alternatives: these. `None`: any string may fit.
    pub fn literal_alternatives(&self) -> Option<&[String]> {
        self.regex.as_ref().and_then(GoRegex::literal_alternatives)
    }

    /// What every fitting value begins with; empty where nothing is known.
    pub fn literal_prefix(&self) -> &str {
        self.regex.as_ref().map_or("", GoRegex::literal_prefix)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_legacy_label_name(&self.name) {
            f.write_str(&self.name)?;
        } else {
            write_quoted(f, &self.name)?;
        }
        f.write_str(self.op.as_str())?;
        write_quoted(f, &self.value)
    }
}
