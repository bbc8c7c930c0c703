//! A text that refuses to grow beyond its limit.

use std::fmt;

use crate::error::CallError;

/// Collects text up to a number of bytes.
#[derive(Debug)]
pub struct Bounded {
    text: String,
    bytes_max: usize,
}

impl Bounded {
    /// An empty text.
    pub const fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max }
    }

    /// What may still be written.
    pub fn room(&self) -> usize {
        self.bytes_max - self.text.len()
    }

    /// The finished text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The error of a text that did not fit.
    pub const fn too_large(&self) -> CallError {
        CallError::TooLarge(self.bytes_max)
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if part.len() > self.room() {
            return Err(fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}

/// Builds a text of at most `bytes_max` bytes.
pub fn bounded(
    bytes_max: usize,
    write: impl FnOnce(&mut Bounded) -> fmt::Result,
) -> Result<String, CallError> {
    let mut out = Bounded::new(bytes_max);
    match write(&mut out) {
        Ok(()) => Ok(out.into_text()),
        Err(fmt::Error) => Err(out.too_large()),
    }
}
