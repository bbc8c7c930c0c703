//! Buckets of native histograms: bounds, walking.
//!
//! Positive bucket `i` of an exponential schema holds `(bound(i-1), bound(i)]`, a negative one the
//! mirror image. Of custom buckets number `i` ends at `custom_values[i]`, the last at +Inf.

use crate::go_float::format_g;
use crate::histogram::{
    CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN, FloatHistogram, Span,
};

/// One bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to it.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to it.
    pub upper_inclusive: bool,
    /// Observations in it.
    pub count: f64,
}

impl Bucket {
    /// Share of the bucket's width below `value`, which lies strictly inside finite bounds.
    ///
    /// Linear for custom buckets and the zero bucket, else on a logarithmic scale, where
    /// exponential bounds lie at equal distances.
    pub fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper) = (self.lower.abs().log2(), self.upper.abs().log2());
        let at = value.abs().log2();
        if value > 0.0 {
            (at - lower) / (upper - lower)
        } else {
            1.0 - (at - upper) / (lower - upper)
        }
    }
}

impl std::fmt::Display for Bucket {
    /// `(lower,upper]:count`, brackets as the bounds include.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        let (lower, upper) = (format_g(self.lower), format_g(self.upper));
        write!(f, "{open}{lower},{upper}{close}:{}", format_g(self.count))
    }
}

/// Whether `schema` is an exponential one this version works with.
pub const fn is_exponential_schema(schema: i32) -> bool {
    schema >= EXPONENTIAL_SCHEMA_MIN && schema <= EXPONENTIAL_SCHEMA_MAX
}

/// Upper bound of positive bucket `index` of an exponential schema.
///
/// The bucket that would end beyond the largest `f64` ends at it, one below +Inf.
pub fn exponential_bound(index: i32, schema: i32) -> f64 {
    // 2^(index / 2^schema), split so that whole powers are exact.
    let index = i64::from(index);
    let (whole, part) = if schema < 0 {
        (index << -schema, 0.0)
    } else {
        let per_power = 1i64 << schema;
        (index.div_euclid(per_power), index.rem_euclid(per_power) as f64 / per_power as f64)
    };
    if whole == 1024 && part == 0.0 {
        return f64::MAX;
    }
    let whole = whole.clamp(-2000, 2000) as i32;
    // Two steps, so that neither power leaves the range before the product does.
    let half = whole / 2;
    part.exp2() * f64::from(half).exp2() * f64::from(whole - half).exp2()
}

/// Index of the bucket of `to` that holds bucket `index` of the finer schema `from`.
pub const fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    ((index - 1) >> (from - to)) + 1
}

/// Index and count of each bucket that spans lay out, empty ones included.
pub fn indexed<'a>(spans: &'a [Span], buckets: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let start = next.saturating_add(span.offset);
        let end = start.saturating_add_unsigned(span.length);
        next = end;
        start..end
    });
    indexes.zip(buckets.iter().copied())
}

/// Spans and counts of buckets given by ascending index.
pub fn lay_out(buckets: impl IntoIterator<Item = (i32, f64)>) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut counts) = (Vec::<Span>::new(), Vec::new());
    let mut next = 0;
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(last) if index == next => last.length += 1,
            _ => spans.push(Span { offset: index - next, length: 1 }),
        }
        next = index + 1;
        counts.push(count);
    }
    (spans, counts)
}

impl FloatHistogram {
    /// Index and count of the positive buckets.
    pub fn positive_indexed(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        indexed(&self.positive_spans, &self.positive_buckets)
    }

    /// Index and count of the negative buckets.
    pub fn negative_indexed(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        indexed(&self.negative_spans, &self.negative_buckets)
    }

    /// Upper bound of positive bucket `index`.
    pub fn upper_bound(&self, index: i32) -> f64 {
        if self.schema != CUSTOM_BUCKETS_SCHEMA {
            return exponential_bound(index, self.schema);
        }
        match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(at) => self.custom_values.get(at).copied().unwrap_or(f64::INFINITY),
        }
    }

    /// The positive bucket `index` with `count` observations.
    pub fn positive_bucket(&self, index: i32, count: f64) -> Bucket {
        let (lower, upper) = (self.upper_bound(index - 1), self.upper_bound(index));
        // The first custom bucket is closed on both sides.
        let lower_inclusive = index == 0 && self.uses_custom_buckets();
        Bucket { lower, upper, lower_inclusive, upper_inclusive: true, count }
    }

    /// The negative bucket `index` with `count` observations.
    pub fn negative_bucket(&self, index: i32, count: f64) -> Bucket {
        let (lower, upper) = (-self.upper_bound(index), -self.upper_bound(index - 1));
        Bucket { lower, upper, lower_inclusive: true, upper_inclusive: false, count }
    }

    /// The bucket around zero, which custom buckets have not.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets in order of their bounds; those that reach into the zero bucket are cut there.
    pub fn all_buckets(&self) -> Vec<Bucket> {
        let threshold = self.zero_threshold;
        let mut all: Vec<Bucket> = self
            .negative_indexed()
            .map(|(index, count)| {
                let mut bucket = self.negative_bucket(index, count);
                if bucket.upper < 0.0 && bucket.upper > -threshold {
                    bucket.upper = -threshold;
                }
                bucket
            })
            .collect();
        all.reverse();
        if self.zero_count > 0.0 {
            all.push(self.zero_bucket());
        }
        all.extend(self.positive_indexed().map(|(index, count)| {
            let mut bucket = self.positive_bucket(index, count);
            if bucket.lower > 0.0 && bucket.lower < threshold {
                bucket.lower = threshold;
            }
            bucket
        }));
        all
    }

    /// Drops empty buckets and joins spans that touch.
    pub fn compact(&mut self) {
        let full = |(_, count): &(i32, f64)| *count != 0.0;
        (self.positive_spans, self.positive_buckets) =
            lay_out(self.positive_indexed().filter(full));
        (self.negative_spans, self.negative_buckets) =
            lay_out(self.negative_indexed().filter(full));
    }

    /// Lowers the resolution to `schema`; does nothing where it is not coarser than now.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if self.uses_custom_buckets() || schema == CUSTOM_BUCKETS_SCHEMA || schema >= self.schema {
            return;
        }
        let from = self.schema;
        (self.positive_spans, self.positive_buckets) =
            lay_out(merged(self.positive_indexed(), from, schema));
        (self.negative_spans, self.negative_buckets) =
            lay_out(merged(self.negative_indexed(), from, schema));
        self.schema = schema;
    }

    /// Whether both are the same observations in the same layout, bit for bit; hints do not count.
    pub fn same_as(&self, other: &Self) -> bool {
        let bits = |pair: (i32, f64)| (pair.0, pair.1.to_bits());
        self.schema == other.schema
            && self.count.to_bits() == other.count.to_bits()
            && self.sum.to_bits() == other.sum.to_bits()
            && self.custom_values == other.custom_values
            && self.zero_threshold == other.zero_threshold
            && self.zero_count.to_bits() == other.zero_count.to_bits()
            && self.negative_indexed().map(bits).eq(other.negative_indexed().map(bits))
            && self.positive_indexed().map(bits).eq(other.positive_indexed().map(bits))
    }
}

/// Buckets of schema `from` as buckets of the coarser `to`.
pub fn merged(buckets: impl Iterator<Item = (i32, f64)>, from: i32, to: i32) -> Vec<(i32, f64)> {
    let mut out: Vec<(i32, f64)> = Vec::new();
    for (index, count) in buckets {
        let index = if from == to { index } else { coarser_index(index, from, to) };
        match out.last_mut() {
            Some(last) if last.0 == index => last.1 += count,
            _ => out.push((index, count)),
        }
    }
    out
}

impl std::fmt::Display for FloatHistogram {
    /// `{count:3, sum:5, [-1,1]:1, (1,2]:2}`: non-empty buckets in order of their bounds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{count:{}, sum:{}", format_g(self.count), format_g(self.sum))?;
        let mut negative: Vec<_> = self.negative_indexed().collect();
        negative.reverse();
        for (index, count) in negative.into_iter().filter(|(_, count)| *count != 0.0) {
            write!(f, ", {}", self.negative_bucket(index, count))?;
        }
        if self.zero_count != 0.0 {
            write!(f, ", {}", self.zero_bucket())?;
        }
        for (index, count) in self.positive_indexed().filter(|(_, count)| *count != 0.0) {
            write!(f, ", {}", self.positive_bucket(index, count))?;
        }
        f.write_str("}")
    }
}
