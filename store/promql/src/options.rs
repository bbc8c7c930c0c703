//! What of the language is switched on.
//!
//! The switches are Prometheus's feature flags; a workspace sets them by the flags' names.

/// The optional parts of the grammar. The default is a stock Prometheus 3.14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseOptions {
    /// `promql-experimental-functions`: functions and aggregations marked experimental.
    pub experimental_functions: bool,
    /// `promql-extended-range-selectors`: `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `promql-binop-fill-modifiers`: `fill`, `fill_left`, `fill_right`.
    pub fill_modifiers: bool,
    /// Arithmetic in ranges, steps and offsets; on by default since 3.14.
    pub duration_expressions: bool,
}

impl ParseOptions {
    /// Everything on, as Prometheus's own script tests run.
    pub const ALL: Self = Self {
        experimental_functions: true,
        extended_range_selectors: true,
        fill_modifiers: true,
        duration_expressions: true,
    };
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            experimental_functions: false,
            extended_range_selectors: false,
            fill_modifiers: false,
            duration_expressions: true,
        }
    }
}
