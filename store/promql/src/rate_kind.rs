//! What tells `rate`, `increase` and `delta` apart.

/// Which of the three a function is.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Repairs resets.
    pub is_counter: bool,
    /// Divides by the range.
    pub per_second: bool,
}
