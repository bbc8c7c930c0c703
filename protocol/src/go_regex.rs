//! Go's regular expressions on Rust's engine.

use regex::Regex;

/// A compiled pattern in Go's syntax.
#[derive(Clone, Debug)]
pub struct GoRegex {
    regex: Regex,
    alternatives: Option<Vec<String>>,
    prefix: String,
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GoRegexError(String);

impl GoRegex {
    /// Compiles `pattern` so that it must match the whole text, `.` matching a newline too.
    pub fn anchored(pattern: &str) -> Result<Self, GoRegexError> {
        let regex = Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|error| GoRegexError(error.to_string()))?;
        Ok(Self { regex, alternatives: None, prefix: String::new() })
    }

    /// Whether the whole text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Where the pattern is nothing but alternatives: these.
    pub fn literal_alternatives(&self) -> Option<&[String]> {
        self.alternatives.as_deref()
    }

    /// What every matching text begins with.
    pub fn literal_prefix(&self) -> &str {
        &self.prefix
    }

    /// The engine itself, for captures and replacement.
    pub fn as_regex(&self) -> &Regex {
        &self.regex
    }
}
