//! One fault in what a user wrote: where, what, why.

use std::fmt;

/// Where a text is wrong and why. Line and column count from 1; 0 means "the text as a whole".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
    /// The field, for example `groups[0].rules[2].expr`; empty where unknown.
    pub path: String,
    /// Why, in lower case, without a full stop.
    pub message: String,
}

impl Fault {
    /// A fault of one field, its place not known yet.
    pub fn at_path(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), ..Self::default() }
    }

    /// The same fault inside a larger text that begins `lines` lines and `columns` columns earlier.
    pub fn shifted(mut self, lines: u32, columns: u32) -> Self {
        if self.line > 0 {
            self.line += lines;
            self.column += columns;
        } else {
            self.line = lines + 1;
            self.column = columns + 1;
        }
        self
    }

    /// The same fault below a field of a larger text.
    pub fn below(mut self, path: &str) -> Self {
        self.path = match (path.is_empty(), self.path.is_empty()) {
            (true, _) => self.path,
            (false, true) => path.to_owned(),
            (false, false) => format!("{path}.{}", self.path),
        };
        self
    }
}

impl fmt::Display for Fault {
    /// `LINE:COLUMN: field: message`, leaving out what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}
