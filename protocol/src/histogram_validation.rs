//! What a native histogram must hold to be stored.

use crate::histogram::{FloatHistogram, Span};
use crate::histogram_buckets::is_exponential_schema;

/// Why a histogram is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// Neither exponential nor custom.
    #[error("schema {0} is neither between -4 and 8 nor -53")]
    Schema(i32),
    /// Something is less than nothing.
    #[error("{what} is {count}, below zero")]
    NegativeCount {
        /// Which count.
        what: &'static str,
        /// Its value.
        count: f64,
    },
    /// A later span goes back.
    #[error("{side} span {number} has the negative offset {offset}")]
    NegativeOffset {
        /// Positive or negative.
        side: &'static str,
        /// From one.
        number: usize,
        /// As it stands.
        offset: i32,
    },
    /// Spans and buckets do not fit.
    #[error("{side} spans lay out {spans} buckets, {buckets} are there")]
    BucketNumber {
        /// Positive or negative.
        side: &'static str,
        /// Buckets that the spans want.
        spans: u64,
        /// Buckets that are there.
        buckets: u64,
    },
    /// Custom bounds are NaN, infinite or do not ascend.
    #[error("custom bound {number} ({bound}) is not finite or not above the one before")]
    CustomBound {
        /// From one.
        number: usize,
        /// As it stands.
        bound: f64,
    },
    /// Buckets without bounds.
    #[error("{bounds} custom bounds are too few for buckets that reach to number {reach}")]
    TooFewBounds {
        /// How many there are.
        bounds: usize,
        /// How many buckets the spans cover, gaps included.
        reach: u64,
    },
    /// Custom buckets with a zero bucket or negative buckets, or exponential ones with bounds.
    #[error("{0}")]
    Mixed(&'static str),
}

impl FloatHistogram {
    /// Checks layout and signs; that the counts add up is not asked, as in Prometheus.
    pub fn validate(&self) -> Result<(), HistogramError> {
        if self.uses_custom_buckets() {
            self.validate_custom()?;
        } else if is_exponential_schema(self.schema) {
            check_spans("positive", &self.positive_spans, self.positive_buckets.len(), 1)?;
            check_spans("negative", &self.negative_spans, self.negative_buckets.len(), 1)?;
            if !self.custom_values.is_empty() {
                return Err(HistogramError::Mixed("exponential buckets with custom bounds"));
            }
        } else {
            return Err(HistogramError::Schema(self.schema));
        }
        let buckets = self.positive_buckets.iter().map(|count| ("a positive bucket", *count));
        let negative = self.negative_buckets.iter().map(|count| ("a negative bucket", *count));
        let single = [("the count", self.count), ("the zero bucket", self.zero_count)];
        let below_zero = single.into_iter().chain(buckets).chain(negative).find(|(_, c)| *c < 0.0);
        below_zero
            .map_or(Ok(()), |(what, count)| Err(HistogramError::NegativeCount { what, count }))
    }

    fn validate_custom(&self) -> Result<(), HistogramError> {
        let mut before = f64::NEG_INFINITY;
        for (at, bound) in self.custom_values.iter().enumerate() {
            // The first may be -Inf; NaN fails every comparison.
            let ascends = at == 0 && *bound == before || *bound > before;
            if !ascends || *bound == f64::INFINITY {
                return Err(HistogramError::CustomBound { number: at + 1, bound: *bound });
            }
            before = *bound;
        }
        check_spans("positive", &self.positive_spans, self.positive_buckets.len(), 0)?;
        let covered = |span: &Span| u64::from(span.length) + u64::from(span.offset.unsigned_abs());
        let reach = self.positive_spans.iter().map(covered).sum();
        if (self.custom_values.len() as u64 + 1) < reach {
            return Err(HistogramError::TooFewBounds { bounds: self.custom_values.len(), reach });
        }
        if self.zero_count != 0.0 || self.zero_threshold != 0.0 {
            return Err(HistogramError::Mixed("custom buckets with a zero bucket"));
        }
        if !self.negative_spans.is_empty() || !self.negative_buckets.is_empty() {
            return Err(HistogramError::Mixed("custom buckets with negative buckets"));
        }
        Ok(())
    }
}

/// `free` spans at the start may have a negative offset.
fn check_spans(
    side: &'static str,
    spans: &[Span],
    buckets: usize,
    free: usize,
) -> Result<(), HistogramError> {
    let back = spans.iter().enumerate().skip(free).find(|(_, span)| span.offset < 0);
    if let Some((at, span)) = back {
        return Err(HistogramError::NegativeOffset { side, number: at + 1, offset: span.offset });
    }
    let wanted: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if wanted != buckets as u64 {
        let buckets = buckets as u64;
        return Err(HistogramError::BucketNumber { side, spans: wanted, buckets });
    }
    Ok(())
}
