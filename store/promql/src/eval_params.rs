//! When and how a query is evaluated.

/// How far back a selector finds its sample, unless the caller says otherwise.
pub const LOOKBACK_MS: i64 = 300_000;
/// Step of a subquery that names none, unless the caller says otherwise.
pub const SUBQUERY_STEP_MS: i64 = 60_000;

/// Feature flags that change answers. The default is a stock Prometheus 3.14.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// `promql-delayed-name-removal`: names are dropped at the end of the query only.
    pub delayed_name_removal: bool,
    /// `use-start-timestamps`: counters know when they began.
    pub use_start_timestamps: bool,
    /// `type-and-unit-labels`: the labels `__type__` and `__unit__` mean something.
    pub type_and_unit: bool,
}

/// When and how a query is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalParams {
    /// First step.
    pub start_ms: i64,
    /// No step is later.
    pub end_ms: i64,
    /// Zero for an instant query.
    pub step_ms: i64,
    /// How far back a selector finds its sample.
    pub lookback_ms: i64,
    /// Step of subqueries that name none.
    pub subquery_step_ms: i64,
    /// Feature flags.
    pub options: EngineOptions,
}

impl EvalParams {
    /// A query at one time.
    pub fn instant(at_ms: i64) -> Self {
        Self::range(at_ms, at_ms, 0)
    }

    /// A query at `start`, `start + step`, ... up to `end`. A step of zero makes it instant.
    pub fn range(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        Self {
            start_ms,
            end_ms,
            step_ms,
            lookback_ms: LOOKBACK_MS,
            subquery_step_ms: SUBQUERY_STEP_MS,
            options: EngineOptions::default(),
        }
    }

    /// Whether the answer has the shape of an instant query's.
    pub const fn is_instant(&self) -> bool {
        self.step_ms == 0
    }
}
