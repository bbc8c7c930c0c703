//! What is wrong in a scrape configuration, and where.

use std::fmt;

/// Why a place of the file was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No Prometheus would take it.
    Invalid,
    /// Prometheus takes it, we do not (yet).
    Unsupported,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// From the top of the document, for example `scrape_configs[1].scrape_timeout`; may be empty.
    pub path: String,
    /// Counted from 1; 0 where the place is not known.
    pub line: usize,
    /// Counted from 1; 0 where the place is not known.
    pub column: usize,
    /// Why it was refused.
    pub kind: FaultKind,
    /// The reason, in words.
    pub message: String,
}

impl fmt::Display for Fault {
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

/// Collects faults under a path.
#[derive(Debug)]
pub struct Faults<'a> {
    found: &'a mut Vec<Fault>,
    path: String,
}

impl<'a> Faults<'a> {
    /// Collects into `found`, at the top of the document.
    pub fn new(found: &'a mut Vec<Fault>) -> Self {
        Self { found, path: String::new() }
    }

    /// The same collector one field further down.
    pub fn at(&mut self, field: &str) -> Faults<'_> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Faults { path: format!("{}{dot}{field}", self.path), found: self.found }
    }

    /// The same collector at one item of a list.
    pub fn item(&mut self, index: usize) -> Faults<'_> {
        Faults { path: format!("{}[{index}]", self.path), found: self.found }
    }

    /// Reports something no Prometheus would take.
    pub fn invalid(&mut self, message: impl Into<String>) {
        self.report(FaultKind::Invalid, message.into());
    }

    /// Reports something that only we do not take.
    pub fn unsupported(&mut self, message: impl Into<String>) {
        self.report(FaultKind::Unsupported, message.into());
    }

    fn report(&mut self, kind: FaultKind, message: String) {
        self.found.push(Fault { path: self.path.clone(), line: 0, column: 0, kind, message });
    }
}
