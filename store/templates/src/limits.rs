//! What a rendering may spend.

use std::fmt;

/// What a rendering may spend.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Longest output.
    pub output_bytes_max: usize,
    /// Nodes, expressions and iterations executed.
    pub steps_max: u64,
    /// Asked now and then; the rendering ends once it says yes.
    pub expired: &'a dyn Fn() -> bool,
}

impl Limits<'static> {
    /// For labels, annotations and messages: 1 MiB, a million steps (tens of milliseconds), no
    /// clock.
    pub const DEFAULT: Self =
        Limits { output_bytes_max: 1 << 20, steps_max: 1_000_000, expired: &|| false };
}

impl fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("output_bytes_max", &self.output_bytes_max)
            .field("steps_max", &self.steps_max)
            .finish_non_exhaustive()
    }
}
