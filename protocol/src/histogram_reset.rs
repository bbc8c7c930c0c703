//! Counter resets between native histograms.

use crate::histogram::{FloatHistogram, ResetHint};
use crate::histogram_buckets::{coarser_index, exponential_bound};

impl FloatHistogram {
    /// Whether a counter was reset between `previous` and this one.
    ///
    /// The hint decides where there is one. Else any count that fell, a finer schema or a
    /// narrower zero bucket is a reset: an instrumented program only ever coarsens.
    pub fn is_reset_after(&self, previous: &Self) -> bool {
        match self.reset_hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.uses_custom_buckets() != previous.uses_custom_buckets() {
            return true;
        }
        if self.uses_custom_buckets() {
            return self.custom_buckets_fell(previous);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let Some(previous_zero) = previous.zero_count_within(self.zero_threshold) else {
            return true;
        };
        self.zero_count < previous_zero
            || self.side_fell(self.positive_indexed(), previous.positive_indexed(), previous.schema)
            || self.side_fell(self.negative_indexed(), previous.negative_indexed(), previous.schema)
    }

    /// Observations within `threshold` of zero; `None` where a full bucket straddles it.
    fn zero_count_within(&self, threshold: f64) -> Option<f64> {
        let mut total = self.zero_count;
        if threshold == self.zero_threshold {
            return Some(total);
        }
        for side in [self.positive_indexed().collect::<Vec<_>>(), self.negative_indexed().collect()]
        {
            for (index, count) in side {
                if exponential_bound(index - 1, self.schema) >= threshold {
                    break;
                }
                if exponential_bound(index, self.schema) > threshold {
                    if count != 0.0 {
                        return None;
                    }
                    break;
                }
                total += count;
            }
        }
        Some(total)
    }

    fn side_fell(
        &self,
        current: impl Iterator<Item = (i32, f64)>,
        previous: impl Iterator<Item = (i32, f64)>,
        previous_schema: i32,
    ) -> bool {
        let (schema, threshold) = (self.schema, self.zero_threshold);
        let outside = |(index, _): &(i32, f64)| {
            threshold == 0.0 || exponential_bound(*index, schema) > threshold
        };
        let coarse = |(index, count)| {
            if previous_schema == schema {
                (index, count)
            } else {
                (coarser_index(index, previous_schema, schema), count)
            }
        };
        let mut previous = previous.map(coarse).filter(outside).peekable();
        let mut current = current.filter(outside).peekable();
        while let Some((index, mut count)) = previous.next() {
            while let Some((_, more)) = previous.next_if(|(next, _)| *next == index) {
                count += more;
            }
            while current.next_if(|(at, _)| *at < index).is_some() {}
            let fell = match current.peek() {
                Some((at, now)) if *at == index => *now < count,
                _ => count != 0.0,
            };
            if fell {
                return true;
            }
        }
        false
    }

    /// With custom bounds: whether some count between two bounds that both have fell.
    fn custom_buckets_fell(&self, previous: &Self) -> bool {
        let in_both = |bound: &f64| previous.custom_values.contains(bound);
        let mut bounds: Vec<f64> = self.custom_values.iter().copied().filter(in_both).collect();
        bounds.push(f64::INFINITY);
        let rolled_up = |histogram: &Self| {
            let mut totals = vec![0.0; bounds.len()];
            for (index, count) in histogram.positive_indexed() {
                let upper = histogram.upper_bound(index);
                let at = bounds.partition_point(|bound| *bound < upper);
                totals[at] += count;
            }
            totals
        };
        rolled_up(self).iter().zip(rolled_up(previous)).any(|(now, before)| *now < before)
    }
}
