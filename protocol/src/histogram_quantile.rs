//! Quantiles, fractions and variance of native histograms.
//!
//! Inside a bucket observations are taken to lie evenly: on a logarithmic scale in exponential
//! buckets, linearly in custom ones and around zero.

use crate::histogram::FloatHistogram;
use crate::histogram_buckets::Bucket;
use crate::summation::CompensatedSum;

/// What a number computed from a histogram with NaN observations is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanObservations {
    /// The rank falls among the NaNs.
    ResultIsNan,
    /// The NaNs count as if they were above everything.
    ResultIsSkewed,
    /// The NaNs are in no fraction.
    Excluded,
}

impl FloatHistogram {
    /// The `q`-quantile, -Inf below 0 and +Inf above 1, with a remark on NaN observations.
    pub fn quantile(&self, q: f64) -> (f64, Option<NanObservations>) {
        if q < 0.0 {
            return (f64::NEG_INFINITY, None);
        }
        if q > 1.0 {
            return (f64::INFINITY, None);
        }
        if self.count == 0.0 || q.is_nan() {
            return (f64::NAN, None);
        }
        // From the nearer end, so that observations missing from the buckets (NaN has none)
        // do not matter; with NaNs always from below.
        let from_below = self.sum.is_nan() || q < 0.5;
        let mut buckets = self.all_buckets();
        if !from_below {
            buckets.reverse();
        }
        let rank = if from_below { q * self.count } else { (1.0 - q) * self.count };
        let (found, mut bucket, mut count) = find_rank(&buckets, rank);
        if let Some(edge) = self.limit_bucket(&mut bucket) {
            return (edge, None);
        }
        count = count.min(self.count);
        if count < rank {
            if self.sum.is_nan() {
                return (f64::NAN, Some(NanObservations::ResultIsNan));
            }
            return (bucket.upper, None);
        }
        let inside = if from_below { rank - (count - bucket.count) } else { count - rank };
        let mut remark = None;
        if self.sum.is_nan() {
            let rest = buckets.get(found + 1..).unwrap_or_default();
            let all = count + rest.iter().map(|bucket| bucket.count).sum::<f64>();
            remark = (all < self.count).then_some(NanObservations::ResultIsSkewed);
        }
        (self.interpolate(&bucket, inside / bucket.count), remark)
    }

    /// Cuts a bucket that has an open or a foreign end; an answer where nothing can be cut.
    fn limit_bucket(&self, bucket: &mut Bucket) -> Option<f64> {
        if !self.uses_custom_buckets() {
            if bucket.lower < 0.0 && bucket.upper > 0.0 {
                self.limit_zero_bucket(bucket);
            }
            return None;
        }
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return Some(bucket.upper);
            }
            bucket.lower = 0.0;
            return None;
        }
        (bucket.upper == f64::INFINITY).then_some(bucket.lower)
    }

    /// The zero bucket ends at zero where the histogram has buckets of one sign only.
    fn limit_zero_bucket(&self, bucket: &mut Bucket) {
        match (self.negative_buckets.is_empty(), self.positive_buckets.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }

    fn interpolate(&self, bucket: &Bucket, fraction: f64) -> f64 {
        let (lower, upper) = (bucket.lower, bucket.upper);
        if self.uses_custom_buckets() || (lower <= 0.0 && upper >= 0.0) {
            return lower + (upper - lower) * fraction;
        }
        let (log_lower, log_upper) = (lower.abs().log2(), upper.abs().log2());
        if lower > 0.0 {
            (log_lower + (log_upper - log_lower) * fraction).exp2()
        } else {
            -(log_upper + (log_lower - log_upper) * (1.0 - fraction)).exp2()
        }
    }

    /// Share of the observations between `lower` and `upper`.
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, Option<NanObservations>) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, None);
        }
        if lower >= upper {
            return (0.0, None);
        }
        let buckets = self.all_buckets();
        let mut remark = None;
        let mut count = self.count;
        if self.sum.is_nan() {
            count = buckets.iter().map(|bucket| bucket.count).sum();
            remark = (count < self.count).then_some(NanObservations::Excluded);
        }
        let rank_of = |value| self.rank_of(&buckets, value).unwrap_or(count).min(count);
        ((rank_of(upper) - rank_of(lower)) / self.count, remark)
    }

    /// How many observations lie below `value`; `None` where all buckets do.
    fn rank_of(&self, buckets: &[Bucket], value: f64) -> Option<f64> {
        let mut rank = 0.0;
        for bucket in buckets {
            let mut bucket = *bucket;
            let around_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            if around_zero {
                self.limit_zero_bucket(&mut bucket);
            }
            if bucket.lower >= value {
                return Some(rank);
            }
            if bucket.upper > value {
                let linear = self.uses_custom_buckets() || around_zero;
                if linear && bucket.lower == f64::NEG_INFINITY {
                    return Some(bucket.count);
                }
                return Some(rank + bucket.count * bucket.fraction_below(value, linear));
            }
            rank += bucket.count;
        }
        None
    }

    /// Estimated variance: every observation counts as its bucket's middle.
    pub fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let mut total = CompensatedSum::default();
        for bucket in self.all_buckets().into_iter().filter(|bucket| bucket.count != 0.0) {
            let middle = if self.uses_custom_buckets() {
                f64::midpoint(bucket.upper, bucket.lower)
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
            };
            let delta = middle - mean;
            total.add(bucket.count * delta * delta);
        }
        total.value() / self.count
    }
}

/// The bucket in which the running count reaches `rank`, or the last one.
fn find_rank(buckets: &[Bucket], rank: f64) -> (usize, Bucket, f64) {
    let nothing = Bucket {
        lower: 0.0,
        upper: 0.0,
        lower_inclusive: false,
        upper_inclusive: false,
        count: 0.0,
    };
    let (mut found, mut count) = ((buckets.len(), nothing), 0.0);
    for (at, bucket) in buckets.iter().enumerate() {
        found = (at, *bucket);
        if bucket.count == 0.0 {
            continue;
        }
        count += bucket.count;
        if count >= rank {
            break;
        }
    }
    (found.0, found.1, count)
}
