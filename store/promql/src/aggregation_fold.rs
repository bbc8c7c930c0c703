//! What a group knows at one step while it is folded.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::histogram_sum::{HistogramMean, HistogramSum, IncompatibleBuckets, Merge};
use protocol::summation::{CompensatedMean, CompensatedSum};

use crate::annotations::Annotations;
use crate::ast::Span;
use crate::eval_series::Point;
use crate::functions_moments::quantile;
use crate::operator::AggregateOp;
use crate::value::PointValue;

/// What an accumulator is told besides the point.
pub struct FoldContext<'a> {
    /// Which aggregation.
    pub op: AggregateOp,
    /// Of what is aggregated.
    pub span: Span,
    /// Of the series at hand.
    pub metric_name: &'a str,
    /// Where to tell something.
    pub annotations: &'a mut Annotations,
}

/// The state of one group at one step.
pub enum Accumulator {
    /// A sum or mean of floats.
    Sum(CompensatedSum),
    /// A mean of floats.
    Mean(CompensatedMean),
    /// A sum or mean of histograms.
    Histograms(Box<Histograms>),
    /// Floats and histograms in one group: no answer.
    Mixed,
    /// Exponential and custom buckets in one group: no answer.
    Incompatible,
    /// Minimum, maximum or the 1 of `group`.
    Single(f64),
    /// How many.
    Count(f64),
    /// Count, mean and squared distances of Welford's algorithm.
    Spread {
        /// How many.
        count: f64,
        /// Of those.
        mean: f64,
        /// Sum of squared distances from the mean.
        squares: f64,
    },
    /// All values, for the quantile.
    All(Vec<f64>),
}

/// A sum or mean of histograms.
pub struct Histograms {
    total: HistogramTotal,
    reset_seen: bool,
    not_reset_seen: bool,
}

enum HistogramTotal {
    Sum(HistogramSum),
    Mean(HistogramMean),
}

impl Histograms {
    fn new(first: &FloatHistogram, op: AggregateOp) -> Self {
        let total = match op {
            AggregateOp::Avg => HistogramTotal::Mean(HistogramMean::new(first)),
            _ => HistogramTotal::Sum(HistogramSum::new(first)),
        };
        let mut new = Self { total, reset_seen: false, not_reset_seen: false };
        new.see_hint(first);
        new
    }

    fn see_hint(&mut self, histogram: &FloatHistogram) {
        self.reset_seen |= histogram.reset_hint == ResetHint::Reset;
        self.not_reset_seen |= histogram.reset_hint == ResetHint::NotReset;
    }

    fn add(&mut self, histogram: &FloatHistogram) -> Result<Merge, IncompatibleBuckets> {
        self.see_hint(histogram);
        match &mut self.total {
            HistogramTotal::Sum(sum) => sum.add(histogram),
            HistogramTotal::Mean(mean) => mean.add(histogram),
        }
    }
}

impl Accumulator {
    /// Starts with a point; `None` where the aggregation takes no histograms.
    pub fn new(point: Point<'_>, context: &mut FoldContext<'_>) -> Option<Self> {
        use AggregateOp as Op;
        let value = match point {
            Point::Histogram(histogram) => {
                return match context.op {
                    Op::Sum | Op::Avg => {
                        Some(Self::Histograms(Box::new(Histograms::new(histogram, context.op))))
                    }
                    Op::Count => Some(Self::Count(1.0)),
                    Op::Group => Some(Self::Single(1.0)),
                    _ => {
                        context.info_ignored();
                        None
                    }
                };
            }
            Point::Float(value) => value,
        };
        Some(match context.op {
            Op::Sum => Self::Sum(CompensatedSum::new(value)),
            Op::Avg => Self::Mean(CompensatedMean::new(value)),
            Op::Count => Self::Count(1.0),
            Op::Group => Self::Single(1.0),
            Op::Stddev | Op::Stdvar => {
                let squares = if value.is_finite() { 0.0 } else { f64::NAN };
                Self::Spread { count: 1.0, mean: value, squares }
            }
            Op::Quantile => Self::All(vec![value]),
            _ => Self::Single(value),
        })
    }

    /// Adds a further point.
    pub fn add(&mut self, point: Point<'_>, context: &mut FoldContext<'_>) {
        match point {
            Point::Float(value) => self.add_float(value, context.op),
            Point::Histogram(histogram) => self.add_histogram(histogram, context),
        }
    }

    fn add_float(&mut self, value: f64, op: AggregateOp) {
        match self {
            Self::Sum(sum) => sum.add(value),
            Self::Mean(mean) => mean.add(value),
            Self::Histograms(_) => *self = Self::Mixed,
            Self::Mixed | Self::Incompatible => {}
            Self::Single(best) => {
                let better = match op {
                    AggregateOp::Min => *best > value || best.is_nan(),
                    AggregateOp::Max => *best < value || best.is_nan(),
                    _ => false,
                };
                if better {
                    *best = value;
                }
            }
            Self::Count(count) => *count += 1.0,
            Self::Spread { count, mean, squares } => {
                *count += 1.0;
                let delta = value - *mean;
                *mean += delta / *count;
                *squares += delta * (value - *mean);
            }
            Self::All(values) => values.push(value),
        }
    }

    fn add_histogram(&mut self, histogram: &FloatHistogram, context: &mut FoldContext<'_>) {
        match self {
            Self::Sum(_) | Self::Mean(_) => *self = Self::Mixed,
            Self::Histograms(total) => match total.add(histogram) {
                Ok(merge) => {
                    if merge.bounds_reconciled {
                        let text = "mismatched custom buckets were reconciled during aggregation";
                        context.annotations.info(context.span, text);
                    }
                }
                Err(IncompatibleBuckets) => {
                    let name = context.metric_name;
                    let text = format!(
                        "vector contains a mix of histograms with exponential and custom buckets \
                         schemas for metric name {name:?}"
                    );
                    context.annotations.warn(context.span, text);
                    *self = Self::Incompatible;
                }
            },
            Self::Count(count) => *count += 1.0,
            Self::Mixed | Self::Incompatible => {}
            Self::Single(_) if context.op == AggregateOp::Group => {}
            Self::Single(_) | Self::Spread { .. } | Self::All(_) => context.info_ignored(),
        }
    }

    /// The group's value; `param` is the quantile.
    pub fn finish(self, param: f64, context: &mut FoldContext<'_>) -> Option<PointValue> {
        Some(PointValue::Float(match self {
            Self::Sum(sum) => sum.value(),
            Self::Mean(mean) => mean.value(),
            Self::Single(value) | Self::Count(value) => value,
            Self::Spread { count, squares, .. } => match context.op {
                AggregateOp::Stddev => (squares / count).sqrt(),
                _ => squares / count,
            },
            Self::All(mut values) => quantile(param, &mut values),
            Self::Incompatible => return None,
            Self::Mixed => {
                let text = "encountered a mix of histograms and floats for aggregation";
                context.annotations.warn(context.span, text);
                return None;
            }
            Self::Histograms(histograms) => {
                if histograms.reset_seen && histograms.not_reset_seen {
                    let text = "conflicting counter resets during histogram aggregation";
                    context.annotations.warn(context.span, text);
                }
                let mut total = match histograms.total {
                    HistogramTotal::Sum(sum) => sum.finish(),
                    HistogramTotal::Mean(mean) => mean.finish(),
                };
                total.compact();
                return Some(PointValue::Histogram(Arc::new(total)));
            }
        }))
    }
}

impl FoldContext<'_> {
    fn info_ignored(&mut self) {
        let text = format!("ignored histogram in {} aggregation", self.op.as_str());
        self.annotations.info(self.span, text);
    }
}
