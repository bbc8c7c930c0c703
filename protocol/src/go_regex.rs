//! Go's regular expressions on Rust's engine.
//!
//! The pattern is read with Go's rules (RE2 syntax, ASCII `\d \w \s \b`, at most 1000 repetitions)
//! and written anew for Rust's engine, which is as linear in time as Go's. So a matcher, a relabel
//! rule or a route means here what it means in Prometheus, and a pattern that Go refuses is
//! refused.

mod class;
pub mod error;
mod escape;
mod literals;
mod parser;
mod syntax;
mod translate;

use std::collections::HashSet;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use self::error::GoRegexError;
use self::literals::Shape;

/// A pattern of people is short; lists of names that dashboards make run to some hundred kilobytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The compiled program; Rust's own default, enough for any class repeated a thousand times.
const PROGRAM_BYTES_MAX: usize = 10 << 20;
/// Of the translated pattern: more than its reader lets through.
const ENGINE_NESTING_MAX: u32 = 2000;
/// From so many alternatives on a table is faster than comparing one by one.
const TABLE_FROM: usize = 16;

/// A compiled pattern in Go's syntax.
#[derive(Clone, Debug)]
pub struct GoRegex {
    /// For Rust's engine.
    translated: String,
    compiled: OnceLock<Regex>,
    shape: Shape,
    alternatives: Option<Vec<String>>,
    table: HashSet<String>,
    prefix: String,
}

impl GoRegex {
    /// Compiles `pattern` so that it must match the whole text, `.` matching a newline too.
    pub fn anchored(pattern: &str) -> Result<Self, GoRegexError> {
        Self::compile(pattern, true)
    }

    /// Compiles `pattern` so that it may match anywhere, `.` not matching a newline: Go's
    /// `regexp.MustCompile`.
    pub fn unanchored(pattern: &str) -> Result<Self, GoRegexError> {
        Self::compile(pattern, false)
    }

    fn compile(pattern: &str, anchored: bool) -> Result<Self, GoRegexError> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(GoRegexError(format!("expression longer than {PATTERN_BYTES_MAX} bytes")));
        }
        let node = parser::parse(pattern, anchored)?;
        let mut translated = String::with_capacity(pattern.len() + 8);
        translated.push_str(if anchored { "\\A(?:" } else { "(?:" });
        translate::write_node(&node, &mut translated);
        translated.push_str(if anchored { ")\\z" } else { ")" });
        if !anchored {
            let compiled = build(&translated, PROGRAM_BYTES_MAX)?.into();
            return Ok(Self { compiled, ..Self::plain(translated) });
        }
        let shape = Shape::of(&node);
        let alternatives = literals::spelled_out(&node);
        let prefix = literals::prefix(&node);
        let mut compiled = OnceLock::new();
        if alternatives.is_none() && shape == Shape::General {
            compiled = build(&translated, PROGRAM_BYTES_MAX)?.into();
        }
        let table = match &alternatives {
            Some(texts) if texts.len() >= TABLE_FROM => texts.iter().cloned().collect(),
            _ => HashSet::new(),
        };
        Ok(Self { compiled, shape, alternatives, table, prefix, ..Self::plain(translated) })
    }

    fn plain(translated: String) -> Self {
        Self {
            translated,
            compiled: OnceLock::new(),
            shape: Shape::General,
            alternatives: None,
            table: HashSet::new(),
            prefix: String::new(),
        }
    }

    /// Whether the text matches: as a whole where anchored, else anywhere.
    pub fn is_match(&self, text: &str) -> bool {
        if !self.table.is_empty() {
            return self.table.contains(text);
        }
        if let Some(alternatives) = &self.alternatives {
            return alternatives.iter().any(|alternative| alternative == text);
        }
        match &self.shape {
            Shape::Anything => true,
            Shape::NonEmpty => !text.is_empty(),
            Shape::StartsWith(start) => text.starts_with(start),
            Shape::EndsWith(end) => text.ends_with(end),
            Shape::Contains(part) => text.contains(part),
            Shape::General => text.starts_with(&self.prefix) && self.as_regex().is_match(text),
        }
    }

    /// Where exactly these texts match, in order of preference: these. The empty text, which an
    /// absent label reads as, may be among them.
    pub fn literal_alternatives(&self) -> Option<&[String]> {
        self.alternatives.as_deref()
    }

    /// What every matching text begins with; empty where nothing is known.
    pub fn literal_prefix(&self) -> &str {
        &self.prefix
    }

    /// The engine itself, for captures and replacement.
    pub fn as_regex(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            // Only what needs no engine to match was left uncompiled: lists of literals, and
            // literals beside `.*`. Their size is bounded by that of the pattern.
            build(&self.translated, usize::MAX).expect("literals and `.*` compile")
        })
    }
}

fn build(translated: &str, size_limit: usize) -> Result<Regex, GoRegexError> {
    RegexBuilder::new(translated)
        .size_limit(size_limit)
        .nest_limit(ENGINE_NESTING_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => GoRegexError("expression too large".to_owned()),
            error => GoRegexError(error.to_string()),
        })
}

#[cfg(test)]
mod tests;
