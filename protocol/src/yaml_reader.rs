//! YAML to types, within bounds.
//!
//! The size of the text is bounded by the caller's limit, nesting by [`NESTING_MAX`], what aliases
//! repeat by [`REPEATED_MAX`], events by the reader's own budget.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, from_str_with_options, options};

/// Lists and maps inside each other: 14 levels of routes, far more than people write. A level of
/// routes takes some 70 KiB of stack in a debug build, and stacks may be of 2 MiB.
pub const NESTING_MAX: usize = 32;

/// Pieces of YAML that all aliases of a document may repeat: far more than people share, and read in
/// tens of milliseconds, as a verdict reads a text several times.
pub const REPEATED_MAX: usize = 50_000;

/// Reads one document; the error as the reader gives it.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    from_str_with_options(
        text,
        options! {
            budget: serde_saphyr::budget! { max_depth: NESTING_MAX },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: REPEATED_MAX,
            },
        },
    )
}
