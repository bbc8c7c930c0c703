//! Cutting native histograms at a value.
//!
//! What remains of a bucket that the cut crosses is estimated as quantiles are; the sum is
//! estimated from the middles of what remains, and only where something was cut off.

use crate::histogram::FloatHistogram;
use crate::histogram_buckets::{Bucket, lay_out};

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those up to the value.
    Below,
    /// Those above the value.
    Above,
}

impl FloatHistogram {
    /// Without the observations on the other side of `value`.
    pub fn trimmed(&self, value: f64, keep: Keep) -> Self {
        let linear = self.uses_custom_buckets();
        let mut total = Kept::default();
        let mut side = |buckets: Vec<(i32, Bucket)>, positive: bool| -> Vec<(i32, f64)> {
            let cut =
                |(index, bucket)| (index, total.bucket(&bucket, value, keep, positive, linear));
            buckets.into_iter().map(cut).collect()
        };
        let bucket = |(index, count)| (index, self.positive_bucket(index, count));
        let positive = side(self.positive_indexed().map(bucket).collect(), true);
        let bucket = |(index, count)| (index, self.negative_bucket(index, count));
        let negative = side(self.negative_indexed().map(bucket).collect(), false);
        let mut out = self.clone();
        (out.positive_spans, out.positive_buckets) = lay_out(positive);
        (out.negative_spans, out.negative_buckets) = lay_out(negative);
        if self.zero_count > 0.0 {
            out.zero_count = total.zero_bucket(&self.limited_zero_bucket(), value, keep);
        }
        if total.changed {
            (out.count, out.sum) = (total.count, total.sum);
            out.compact();
        }
        out
    }

    /// The zero bucket, ending at zero where all other full buckets have one sign.
    fn limited_zero_bucket(&self) -> Bucket {
        let mut zero = self.zero_bucket();
        let full = |buckets: &[f64]| buckets.iter().any(|count| *count != 0.0);
        match (full(&self.negative_buckets), full(&self.positive_buckets)) {
            (true, false) => zero.upper = 0.0,
            (false, true) => zero.lower = 0.0,
            _ => {}
        }
        zero
    }
}

/// What stays, summed up.
#[derive(Default)]
struct Kept {
    count: f64,
    sum: f64,
    changed: bool,
}

impl Kept {
    fn add(&mut self, before: f64, count: f64, middle: f64) -> f64 {
        self.count += count;
        self.sum += middle * count;
        self.changed |= before != count;
        count
    }

    fn bucket(&mut self, b: &Bucket, value: f64, keep: Keep, positive: bool, linear: bool) -> f64 {
        if b.count == 0.0 {
            return 0.0;
        }
        let (inside, outside) = match keep {
            Keep::Below => (b.upper <= value, b.lower >= value),
            Keep::Above => (b.lower >= value, b.upper <= value),
        };
        if inside {
            return self.add(b.count, b.count, middle(b.lower, b.upper, positive, linear));
        }
        if outside {
            self.changed = true;
            return 0.0;
        }
        if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
            let (count, middle) = cut_open_bucket(b, value, keep);
            return self.add(b.count, count, middle);
        }
        let below = b.count * b.fraction_below(value, linear);
        match keep {
            Keep::Below => self.add(b.count, below, middle(b.lower, value, positive, linear)),
            Keep::Above => {
                self.add(b.count, b.count - below, middle(value, b.upper, positive, linear))
            }
        }
    }

    fn zero_bucket(&mut self, zero: &Bucket, value: f64, keep: Keep) -> f64 {
        let (lower, upper) = (zero.lower, zero.upper);
        let all = f64::midpoint(lower, upper);
        let (from, to) = match keep {
            Keep::Below if value <= lower => return self.add(zero.count, 0.0, 0.0),
            Keep::Below if value >= upper => return self.add(zero.count, zero.count, all),
            Keep::Below => (lower, value),
            Keep::Above if value <= lower => return self.add(zero.count, zero.count, all),
            Keep::Above if value >= upper => return self.add(zero.count, 0.0, 0.0),
            Keep::Above => (value, upper),
        };
        let share = (to - from) / (upper - lower);
        self.add(zero.count, zero.count * share, f64::midpoint(from, to))
    }
}

/// Count and middle of what stays of a bucket with an infinite end that the cut crosses.
fn cut_open_bucket(b: &Bucket, value: f64, keep: Keep) -> (f64, f64) {
    let finite_or_zero = |bound: f64| if bound.is_infinite() { 0.0 } else { bound };
    if b.lower == f64::NEG_INFINITY {
        let bounded = b.upper.is_finite();
        return match keep {
            Keep::Below if value > 0.0 && b.upper > 0.0 && bounded => {
                (b.count * value / b.upper, value / 2.0)
            }
            Keep::Below if b.upper <= 0.0 => (b.count, value),
            Keep::Above if value >= 0.0 && b.upper > value && bounded => {
                (b.count * (1.0 - value / b.upper), f64::midpoint(value, b.upper))
            }
            Keep::Below | Keep::Above => (0.0, finite_or_zero(b.upper)),
        };
    }
    match keep {
        Keep::Above if value >= b.lower => (b.count, value),
        Keep::Above | Keep::Below => (0.0, finite_or_zero(b.lower)),
    }
}

fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => f64::midpoint(lower, upper),
        (false, false) => {
            let geometric = (lower * upper).abs().sqrt();
            if positive { geometric } else { -geometric }
        }
    }
}
