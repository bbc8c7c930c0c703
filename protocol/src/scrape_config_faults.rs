//! Collects faults under a path.

use crate::fault::Fault;

/// What the message of a fault begins with where Prometheus takes the field and we do not (yet).
pub const NOT_SUPPORTED: &str = "not supported";

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
        self.found.push(Fault::at_path(self.path.clone(), message));
    }

    /// Reports something that only we do not take; `instead` says what to do.
    pub fn unsupported(&mut self, instead: &str) {
        self.invalid(format!("{NOT_SUPPORTED}: {instead}"));
    }
}
