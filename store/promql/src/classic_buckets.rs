//! Quantiles and fractions of classic histograms.
//!
//! Their buckets are cumulative series, one for each upper bound `le`.

/// One cumulative bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassicBucket {
    /// Its `le`.
    pub upper_bound: f64,
    /// Observations up to the bound.
    pub count: f64,
}

/// What had to be changed to make counts ascend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forced {
    /// Lowest bound whose count was raised.
    pub bucket_min: f64,
    /// Highest bound whose count was raised.
    pub bucket_max: f64,
    /// By how much at most.
    pub diff_max: f64,
}

/// Counts that differ relatively by no more than this differ by rounding only.
const SMALL_DELTA: f64 = 1e-12;

/// The `q`-quantile, by linear interpolation in its bucket.
///
/// NaN without a bucket up to +Inf, without a second bucket or without observations. In the last
/// bucket the answer is its lower end; the first begins at zero if it ends above.
pub fn bucket_quantile(q: f64, buckets: &mut Vec<ClassicBucket>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !sort_and_coalesce(buckets) {
        return (f64::NAN, None);
    }
    let forced = make_monotonic(buckets);
    (interpolated(q, buckets), forced)
}

fn interpolated(q: f64, buckets: &[ClassicBucket]) -> f64 {
    let [below @ .., last] = buckets else { return f64::NAN };
    let Some(highest) = below.last() else { return f64::NAN };
    if last.count == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * last.count;
    let at = below.iter().position(|bucket| bucket.count >= rank).unwrap_or(below.len());
    if at == below.len() {
        return highest.upper_bound;
    }
    let bucket = buckets[at];
    if at == 0 && bucket.upper_bound <= 0.0 {
        return bucket.upper_bound;
    }
    let (mut start, mut count) = (0.0, bucket.count);
    if let Some(previous) = at.checked_sub(1).map(|at| buckets[at]) {
        start = previous.upper_bound;
        count -= previous.count;
        rank -= previous.count;
    }
    start + (bucket.upper_bound - start) * (rank / count)
}

/// Share of the observations between `lower` and `upper`.
pub fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    if !sort_and_coalesce(buckets) {
        return f64::NAN;
    }
    let count = buckets.last().map_or(0.0, |bucket| bucket.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank_of = |value| rank_below(value, buckets).unwrap_or(count).min(count);
    (rank_of(upper) - rank_of(lower)) / count
}

/// Observations below `value`; `None` where it lies above all buckets.
fn rank_below(value: f64, buckets: &[ClassicBucket]) -> Option<f64> {
    let mut rank = 0.0;
    let first = buckets.first().map_or(0.0, |bucket| bucket.upper_bound);
    let mut start = if first <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    for bucket in buckets {
        if start >= value {
            return Some(rank);
        }
        if bucket.upper_bound > value {
            if start == f64::NEG_INFINITY {
                return Some(bucket.count);
            }
            let share = (value - start) / (bucket.upper_bound - start);
            return Some(rank + (bucket.count - rank) * share);
        }
        rank = bucket.count;
        start = bucket.upper_bound;
    }
    None
}

/// Sorts, adds up equal bounds; whether the last bound is +Inf.
fn sort_and_coalesce(buckets: &mut Vec<ClassicBucket>) -> bool {
    buckets.sort_by(|a, b| a.upper_bound.total_cmp(&b.upper_bound));
    if buckets.last().is_none_or(|bucket| bucket.upper_bound != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper_bound == kept.upper_bound;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

/// Raises counts that fall: scrapes and rates of buckets are not taken at one instant.
fn make_monotonic(buckets: &mut [ClassicBucket]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut before = buckets.first()?.count;
    for bucket in &mut buckets[1..] {
        if bucket.count == before {
            continue;
        }
        if almost_equal(before, bucket.count) {
            bucket.count = before;
            continue;
        }
        if bucket.count < before {
            let bound = bucket.upper_bound;
            let forced = forced.get_or_insert(Forced {
                bucket_min: bound,
                bucket_max: bound,
                diff_max: 0.0,
            });
            forced.bucket_min = forced.bucket_min.min(bound);
            forced.bucket_max = forced.bucket_max.max(bound);
            forced.diff_max = forced.diff_max.max(before - bucket.count);
            bucket.count = before;
            continue;
        }
        before = bucket.count;
    }
    forced
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL_DELTA * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL_DELTA
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<ClassicBucket> {
        let bucket = |&(upper_bound, count)| ClassicBucket { upper_bound, count };
        pairs.iter().map(bucket).collect()
    }

    #[test]
    fn quantiles_interpolate_in_their_bucket() {
        let mut three = buckets(&[(1.0, 2.0), (2.0, 4.0), (f64::INFINITY, 4.0)]);
        assert_eq!(bucket_quantile(0.5, &mut three), (1.0, None));
        assert_eq!(bucket_quantile(0.75, &mut three), (1.5, None));
        assert_eq!(bucket_quantile(1.0, &mut three), (2.0, None));
        assert!(bucket_quantile(0.5, &mut buckets(&[(1.0, 2.0)])).0.is_nan());
    }

    #[test]
    fn falling_counts_are_raised_and_told() {
        let mut falling = buckets(&[(1.0, 2.0), (2.0, 1.0), (f64::INFINITY, 4.0)]);
        let (_, forced) = bucket_quantile(0.5, &mut falling);
        let expected = Forced { bucket_min: 2.0, bucket_max: 2.0, diff_max: 1.0 };
        assert_eq!(forced, Some(expected));
    }

    #[test]
    fn fractions_interpolate() {
        let mut two = buckets(&[(2.0, 2.0), (f64::INFINITY, 4.0)]);
        assert_eq!(bucket_fraction(0.0, 1.0, &mut two), 0.25);
        assert_eq!(bucket_fraction(3.0, 1.0, &mut two), 0.0);
    }
}
