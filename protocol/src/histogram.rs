//! Native histograms: the value itself.
//!
//! What can be done with one stands beside: `histogram_buckets` (bounds, walking),
//! `histogram_sum` (arithmetic), `histogram_reset`, `histogram_quantile`, `histogram_trim`,
//! `histogram_validation`.

/// Schema of a histogram with bounds of its own instead of exponential ones.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;
/// Coarsest exponential resolution: every bound is 65,536 times the one before.
pub const EXPONENTIAL_SCHEMA_MIN: i32 = -4;
/// Finest exponential resolution: 256 buckets between a number and its double.
pub const EXPONENTIAL_SCHEMA_MAX: i32 = 8;

/// Whether this histogram continues the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResetHint {
    /// To be found out by comparing.
    #[default]
    Unknown,
    /// A counter reset came before this one.
    Reset,
    /// Surely no reset.
    NotReset,
    /// A gauge histogram: resets mean nothing.
    Gauge,
}

/// A run of consecutive buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Empty buckets between the last span's end and this one (the first: the index it starts at).
    pub offset: i32,
    /// How many buckets the run has.
    pub length: u32,
}

/// A native histogram with absolute, possibly fractional bucket counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatHistogram {
    /// Relation to the histogram before.
    pub reset_hint: ResetHint,
    /// Resolution, -4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Half width of the bucket around zero.
    pub zero_threshold: f64,
    /// Observations in the bucket around zero.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// One count a bucket of `positive_spans`.
    pub positive_buckets: Vec<f64>,
    /// One count a bucket of `negative_spans`.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, ascending, without +Inf.
    pub custom_values: Vec<f64>,
}

impl FloatHistogram {
    /// Whether the bounds are its own instead of exponential ones.
    pub const fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Bytes it holds in memory, for budgets.
    pub fn size_bytes(&self) -> usize {
        let spans = self.positive_spans.len() + self.negative_spans.len();
        let numbers =
            self.positive_buckets.len() + self.negative_buckets.len() + self.custom_values.len();
        size_of::<Self>() + 8 * (spans + numbers)
    }

    /// Multiplies every count and the sum; a negative factor makes it a gauge.
    pub fn scale(&mut self, factor: f64) {
        self.for_each_number(|number| *number *= factor);
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Divides every count and the sum; by zero leaves no buckets, as nothing can be said of them.
    pub fn divide(&mut self, divisor: f64) {
        self.for_each_number(|number| *number /= divisor);
        if divisor == 0.0 {
            self.positive_buckets.clear();
            self.negative_buckets.clear();
            self.positive_spans.clear();
            self.negative_spans.clear();
        }
        if divisor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    fn for_each_number(&mut self, mut change: impl FnMut(&mut f64)) {
        change(&mut self.zero_count);
        change(&mut self.count);
        change(&mut self.sum);
        self.positive_buckets.iter_mut().for_each(&mut change);
        self.negative_buckets.iter_mut().for_each(&mut change);
    }
}
