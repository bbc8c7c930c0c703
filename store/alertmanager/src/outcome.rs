//! What a receiver says to a message.

use std::time::Duration;

/// What a receiver said to one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the message.
    Taken,
    /// Worth another try, not before this pause where it named one.
    Retry {
        /// What happened; never a secret.
        reason: String,
        /// From a `Retry-After`.
        after: Option<Duration>,
    },
    /// Never the same again.
    Refused {
        /// What happened; never a secret.
        reason: String,
    },
}
