//! Adding and subtracting native histograms.
//!
//! Layouts that differ are made alike first: the coarser schema wins, the wider zero bucket wins,
//! of custom bounds those that both have stay. Every number is a compensated sum.

use crate::histogram::{FloatHistogram, ResetHint};
use crate::histogram_buckets::{coarser_index, exponential_bound, is_exponential_schema, lay_out};
use crate::summation::CompensatedSum;

/// Exponential and custom buckets do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one histogram has exponential buckets, the other custom ones")]
pub struct IncompatibleBuckets;

/// What had to be done to add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// One histogram said "reset", the other "surely no reset".
    pub reset_collision: bool,
    /// Custom bounds differed; only the common ones are left.
    pub bounds_reconciled: bool,
}

type Side = Vec<(i32, CompensatedSum)>;

/// A sum of histograms under way.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    hint: ResetHint,
    schema: i32,
    zero_threshold: f64,
    zero_count: CompensatedSum,
    count: CompensatedSum,
    sum: CompensatedSum,
    positive: Side,
    negative: Side,
    custom_values: Vec<f64>,
}

impl HistogramSum {
    /// Starts with one histogram.
    pub fn new(first: &FloatHistogram) -> Self {
        let start = |(index, count)| (index, CompensatedSum::new(count));
        Self {
            hint: first.reset_hint,
            schema: first.schema,
            zero_threshold: first.zero_threshold,
            zero_count: CompensatedSum::new(first.zero_count),
            count: CompensatedSum::new(first.count),
            sum: CompensatedSum::new(first.sum),
            positive: first.positive_indexed().map(start).collect(),
            negative: first.negative_indexed().map(start).collect(),
            custom_values: first.custom_values.clone(),
        }
    }

    /// Adds a histogram.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Merge, IncompatibleBuckets> {
        self.combine(other, 1.0)
    }

    /// Subtracts a histogram. The hint stays as it would after adding; what is no counter any
    /// more is for the caller to mark.
    pub fn subtract(&mut self, other: &FloatHistogram) -> Result<Merge, IncompatibleBuckets> {
        self.combine(other, -1.0)
    }

    /// Multiplies everything.
    pub fn scale(&mut self, factor: f64) {
        self.for_each_number(|number| number.scale(factor));
    }

    /// Divides everything.
    pub fn divide(&mut self, divisor: f64) {
        self.for_each_number(|number| number.divide(divisor));
    }

    /// Whether some number left the range of `f64`.
    pub fn has_overflow(&self) -> bool {
        let single = [&self.zero_count, &self.count, &self.sum];
        let sides = self.positive.iter().chain(&self.negative).map(|(_, number)| number);
        single.into_iter().chain(sides).any(|number| number.sum.is_infinite())
    }

    /// The sum, empty buckets included.
    pub fn finish(&self) -> FloatHistogram {
        let side = |side: &Side| lay_out(side.iter().map(|(index, sum)| (*index, sum.value())));
        let (positive_spans, positive_buckets) = side(&self.positive);
        let (negative_spans, negative_buckets) = side(&self.negative);
        FloatHistogram {
            reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            count: self.count.value(),
            sum: self.sum.value(),
            positive_spans,
            negative_spans,
            positive_buckets,
            negative_buckets,
            custom_values: self.custom_values.clone(),
        }
    }

    fn combine(&mut self, other: &FloatHistogram, sign: f64) -> Result<Merge, IncompatibleBuckets> {
        let custom = !is_exponential_schema(self.schema);
        if custom == is_exponential_schema(other.schema) {
            return Err(IncompatibleBuckets);
        }
        let mut merge = Merge { reset_collision: self.adjust_hint(other), ..Merge::default() };
        if !custom {
            let zero_count = self.reconcile_zero_bucket(other);
            self.zero_count.add(sign * zero_count);
        }
        self.count.add(sign * other.count);
        self.sum.add(sign * other.sum);
        if !custom {
            self.combine_exponential(other, sign);
        } else if self.custom_values == other.custom_values {
            combine_side(&mut self.positive, other.positive_indexed(), sign);
        } else {
            merge.bounds_reconciled = true;
            self.combine_custom(other, sign);
        }
        Ok(merge)
    }

    fn combine_exponential(&mut self, other: &FloatHistogram, sign: f64) {
        if other.schema < self.schema {
            self.positive = coarser_side(&self.positive, self.schema, other.schema);
            self.negative = coarser_side(&self.negative, self.schema, other.schema);
            self.schema = other.schema;
        }
        let (from, to, threshold) = (other.schema, self.schema, self.zero_threshold);
        let index = move |index| if from == to { index } else { coarser_index(index, from, to) };
        // What lies below the threshold went into the zero bucket already.
        let above = move |(at, _): &(i32, f64)| exponential_bound(*at, to) <= threshold;
        let map = move |(at, count)| (index(at), count);
        combine_side(&mut self.positive, other.positive_indexed().map(map).skip_while(above), sign);
        combine_side(&mut self.negative, other.negative_indexed().map(map).skip_while(above), sign);
    }

    fn combine_custom(&mut self, other: &FloatHistogram, sign: f64) {
        let common = common_bounds(&self.custom_values, &other.custom_values);
        let mut targets = vec![CompensatedSum::default(); common.len() + 1];
        let target = |bounds: &[f64], index: i32| {
            let bound = usize::try_from(index).ok().and_then(|at| bounds.get(at).copied());
            bound.map_or(common.len(), |bound| common.partition_point(|&c| c < bound))
        };
        for (index, count) in &self.positive {
            let at = target(&self.custom_values, *index);
            targets[at].add(count.sum);
            targets[at].add(count.compensation);
        }
        for (index, count) in other.positive_indexed() {
            targets[target(&other.custom_values, index)].add(sign * count);
        }
        let full = |sum: &CompensatedSum| sum.sum != 0.0 || sum.compensation != 0.0;
        self.positive = (0..).zip(targets).filter(|(_, sum)| full(sum)).collect();
        self.custom_values = common;
    }

    fn adjust_hint(&mut self, other: &FloatHistogram) -> bool {
        use ResetHint::{Gauge, NotReset, Reset, Unknown};
        let (hint, collision) = match (self.hint, other.reset_hint) {
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            (Reset, NotReset) | (NotReset, Reset) => (Unknown, true),
            (same @ (Reset | NotReset), _) => (same, false),
        };
        self.hint = hint;
        collision
    }

    /// Makes both zero buckets equally wide; returns what `other`'s then holds.
    fn reconcile_zero_bucket(&mut self, other: &FloatHistogram) -> f64 {
        let (mut other_count, mut other_threshold) = (other.zero_count, other.zero_threshold);
        while other_threshold != self.zero_threshold {
            if self.zero_threshold > other_threshold {
                let side = |(index, count)| (index, CompensatedSum::new(count));
                let positive: Side = other.positive_indexed().map(side).collect();
                let negative: Side = other.negative_indexed().map(side).collect();
                let zero = CompensatedSum::new(other.zero_count);
                let sides = [&positive, &negative];
                let wide = widen(zero, sides, other.schema, self.zero_threshold);
                (other_count, other_threshold) = (wide.0.sum, wide.1);
            }
            if other_threshold > self.zero_threshold {
                let sides = [&self.positive, &self.negative];
                let wide = widen(self.zero_count, sides, self.schema, other_threshold);
                (self.zero_count, self.zero_threshold) = wide;
                let (schema, threshold) = (self.schema, self.zero_threshold);
                let outside = |(index, _): &(i32, CompensatedSum)| {
                    exponential_bound(*index - 1, schema) >= threshold
                };
                self.positive.retain(outside);
                self.negative.retain(outside);
            }
        }
        other_count
    }

    fn for_each_number(&mut self, mut change: impl FnMut(&mut CompensatedSum)) {
        [&mut self.zero_count, &mut self.count, &mut self.sum].into_iter().for_each(&mut change);
        let sides = self.positive.iter_mut().chain(&mut self.negative);
        sides.for_each(|(_, number)| change(number));
    }
}

/// Count of the zero bucket at `threshold` or, where a full bucket straddles it, a bit wider.
fn widen(
    zero: CompensatedSum,
    sides: [&Side; 2],
    schema: i32,
    mut threshold: f64,
) -> (CompensatedSum, f64) {
    // Each round ends at a bucket's bound, so there are at most as many rounds as buckets.
    'wider: loop {
        let mut total = zero;
        for side in sides {
            for (index, count) in side {
                if exponential_bound(*index - 1, schema) >= threshold {
                    break;
                }
                total.add(count.sum);
                total.add(count.compensation);
                let upper = exponential_bound(*index, schema);
                if upper > threshold {
                    if count.sum != 0.0 {
                        threshold = upper;
                        continue 'wider;
                    }
                    break;
                }
            }
        }
        return (total, threshold);
    }
}

fn combine_side(side: &mut Side, other: impl Iterator<Item = (i32, f64)>, sign: f64) {
    let mut at = 0;
    for (index, count) in other {
        at += side[at..].iter().take_while(|(own, _)| *own < index).count();
        match side.get_mut(at) {
            Some((own, sum)) if *own == index => sum.add(sign * count),
            _ => side.insert(at, (index, CompensatedSum::new(sign * count))),
        }
    }
}

fn coarser_side(side: &Side, from: i32, to: i32) -> Side {
    let mut out: Side = Vec::with_capacity(side.len());
    for (index, count) in side {
        let index = coarser_index(*index, from, to);
        match out.last_mut() {
            Some((last, sum)) if *last == index => {
                sum.add(count.sum);
                sum.add(count.compensation);
            }
            _ => out.push((index, *count)),
        }
    }
    out
}

fn common_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    // Both ascend, so one walk over the shorter with a search in the longer is enough.
    a.iter().copied().filter(|bound| b.binary_search_by(|x| x.total_cmp(bound)).is_ok()).collect()
}

impl FloatHistogram {
    /// `self + other`.
    pub fn plus(&self, other: &Self) -> Result<(Self, Merge), IncompatibleBuckets> {
        let mut sum = HistogramSum::new(self);
        let merge = sum.add(other)?;
        Ok((sum.finish(), merge))
    }

    /// `self - other`; see [`HistogramSum::subtract`] about the hint.
    pub fn minus(&self, other: &Self) -> Result<(Self, Merge), IncompatibleBuckets> {
        let mut sum = HistogramSum::new(self);
        let merge = sum.subtract(other)?;
        Ok((sum.finish(), merge))
    }
}

/// A mean of histograms that survives sums beyond the range of `f64`.
#[derive(Clone, Debug)]
pub struct HistogramMean {
    sum: HistogramSum,
    count: f64,
    running: bool,
}

impl HistogramMean {
    /// The mean of one histogram.
    pub fn new(first: &FloatHistogram) -> Self {
        Self { sum: HistogramSum::new(first), count: 1.0, running: false }
    }

    /// Takes one more histogram into account.
    pub fn add(&mut self, histogram: &FloatHistogram) -> Result<Merge, IncompatibleBuckets> {
        self.count += 1.0;
        let mut seen = Merge::default();
        if !self.running {
            let mut sum = self.sum.clone();
            seen = sum.add(histogram)?;
            if !sum.has_overflow() {
                self.sum = sum;
                return Ok(seen);
            }
            self.running = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.scale((self.count - 1.0) / self.count);
        let mut share = histogram.clone();
        share.divide(self.count);
        let merge = self.sum.add(&share)?;
        seen.bounds_reconciled |= merge.bounds_reconciled;
        seen.reset_collision |= merge.reset_collision;
        Ok(seen)
    }

    /// The mean of everything added.
    pub fn finish(mut self) -> FloatHistogram {
        if !self.running {
            self.sum.divide(self.count);
        }
        self.sum.finish()
    }
}
