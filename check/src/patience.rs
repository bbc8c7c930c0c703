//! How long a verdict may take.
//!
//! Nothing here knows the time: whoever waits says when it is over.

use std::fmt;
use std::sync::Arc;

/// Asked again and again while something long runs, such as unit tests of rules.
#[derive(Clone)]
pub struct Patience(Arc<dyn Fn() -> bool + Send + Sync>);

impl Patience {
    /// Never gives up: what runs is bounded by its own limits.
    pub fn endless() -> Self {
        Self(Arc::new(|| false))
    }

    /// Gives up as soon as `expired` says `true`.
    pub fn until(expired: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(expired))
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        (self.0)()
    }

    /// The same as a function.
    pub fn expired(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        self.0.clone()
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patience")
    }
}
