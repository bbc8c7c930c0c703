//! Native histograms: the value, its buckets, its arithmetic.

/// Schema of a histogram with bounds of its own instead of exponential ones.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

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
