//! Native histograms: added, compared, cut and asked.

use protocol::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint, Span};
use protocol::histogram_buckets::{exponential_bound, lay_out};
use protocol::histogram_quantile::NanObservations;
use protocol::histogram_sum::{HistogramMean, IncompatibleBuckets};
use protocol::histogram_trim::Keep;
use protocol::histogram_validation::HistogramError;

/// A histogram of positive buckets from an index on; the count is their sum.
fn exponential(schema: i32, from: i32, counts: &[f64]) -> FloatHistogram {
    let (positive_spans, positive_buckets) = lay_out((from..).zip(counts.iter().copied()));
    let count = counts.iter().sum();
    FloatHistogram { schema, count, positive_spans, positive_buckets, ..FloatHistogram::default() }
}

fn custom(bounds: &[f64], counts: &[f64]) -> FloatHistogram {
    FloatHistogram {
        custom_values: bounds.to_vec(),
        ..exponential(CUSTOM_BUCKETS_SCHEMA, 0, counts)
    }
}

#[test]
fn bounds_are_powers() {
    for (index, schema, bound) in [
        (0, 0, 1.0),
        (1, 0, 2.0),
        (-1, 0, 0.5),
        (1, 1, std::f64::consts::SQRT_2),
        (2, 1, 2.0),
        (1, -1, 4.0),
        (1024, 0, f64::MAX),
        (-1074, 0, f64::from_bits(1)),
    ] {
        assert_eq!(exponential_bound(index, schema), bound, "{index} of schema {schema}");
    }
}

#[test]
fn adding_takes_the_coarser_schema() {
    let fine = exponential(1, 1, &[1.0, 2.0, 3.0]);
    let coarse = exponential(0, 1, &[10.0, 20.0]);
    let (sum, _) = fine.plus(&coarse).expect("both exponential");
    assert_eq!((sum.schema, sum.count), (0, 36.0));
    assert_eq!(sum.positive_indexed().collect::<Vec<_>>(), [(1, 13.0), (2, 23.0)]);
    let (other, _) = coarse.plus(&fine).expect("both exponential");
    assert!(sum.same_as(&other));
    let (difference, _) = sum.minus(&fine).expect("both exponential");
    assert!(difference.same_as(&coarse));
}

#[test]
fn gaps_are_filled_and_compacted_again() {
    let low = exponential(0, 0, &[1.0]);
    let high = exponential(0, 5, &[2.0]);
    let (mut sum, _) = low.plus(&high).expect("both exponential");
    assert_eq!(sum.positive_spans, [Span { offset: 0, length: 1 }, Span { offset: 4, length: 1 }]);
    (sum, _) = sum.minus(&low).expect("both exponential");
    sum.compact();
    assert_eq!(sum.positive_spans, [Span { offset: 5, length: 1 }]);
}

#[test]
fn the_wider_zero_bucket_wins() {
    let mut wide = exponential(0, 2, &[4.0]);
    (wide.zero_threshold, wide.zero_count, wide.count) = (1.5, 1.0, 5.0);
    let narrow = exponential(0, 0, &[1.0, 2.0, 3.0]);
    let (sum, _) = wide.plus(&narrow).expect("both exponential");
    // The bucket (1, 2] straddles 1.5, so the zero bucket grows to 2.
    assert_eq!((sum.zero_threshold, sum.zero_count), (2.0, 4.0));
    assert_eq!(sum.positive_indexed().collect::<Vec<_>>(), [(2, 7.0)]);
}

#[test]
fn custom_bounds_meet_in_what_both_have() {
    let a = custom(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
    let b = custom(&[1.0, 3.0], &[10.0, 20.0, 30.0]);
    let (sum, merge) = a.plus(&b).expect("both custom");
    assert!(merge.bounds_reconciled);
    assert_eq!(sum.custom_values, [1.0, 3.0]);
    assert_eq!(sum.positive_buckets, [11.0, 25.0, 34.0]);
    assert_eq!(a.plus(&exponential(0, 1, &[1.0])).map(drop), Err(IncompatibleBuckets));
}

#[test]
fn hints_of_a_sum() {
    use ResetHint::{Gauge, NotReset, Reset, Unknown};
    for (a, b, sum, collision) in [
        (NotReset, NotReset, NotReset, false),
        (Reset, NotReset, Unknown, true),
        (Unknown, Reset, Unknown, false),
        (Gauge, Reset, Gauge, false),
    ] {
        let with = |reset_hint| FloatHistogram { reset_hint, ..exponential(0, 0, &[1.0]) };
        let (result, merge) = with(a).plus(&with(b)).expect("both exponential");
        assert_eq!((result.reset_hint, merge.reset_collision), (sum, collision), "{a:?} {b:?}");
    }
}

#[test]
fn a_mean_survives_overflow() {
    let huge = exponential(0, 0, &[f64::MAX]);
    let mut mean = HistogramMean::new(&huge);
    mean.add(&huge).expect("both exponential");
    assert_eq!(mean.finish().positive_buckets, [f64::MAX]);
}

#[test]
fn resets_show_in_any_bucket() {
    let before = exponential(0, 0, &[2.0, 2.0]);
    for (after, reset) in [
        (exponential(0, 0, &[2.0, 2.0]), false),
        (exponential(0, 0, &[2.0, 3.0]), false),
        (exponential(0, 0, &[1.0, 9.0]), true),
        (exponential(0, 1, &[9.0]), true),
        (exponential(1, 0, &[5.0, 5.0]), true),
        (exponential(-1, 0, &[2.0, 2.0]), false),
        (custom(&[1.0], &[9.0]), true),
    ] {
        assert_eq!(after.is_reset_after(&before), reset, "{after}");
    }
    let told = FloatHistogram { reset_hint: ResetHint::NotReset, ..exponential(0, 0, &[1.0]) };
    assert!(!told.is_reset_after(&before));
}

#[test]
fn quantiles_and_fractions_interpolate() {
    let exponents = exponential(0, 1, &[1.0, 1.0]);
    assert_eq!(exponents.quantile(0.25).0, std::f64::consts::SQRT_2);
    assert_eq!(exponents.quantile(1.0).0, 4.0);
    assert_eq!(exponents.fraction(2.0, 4.0).0, 0.5);
    let linear = custom(&[10.0, 20.0], &[5.0, 5.0, 0.0]);
    assert_eq!(linear.quantile(0.25).0, 5.0);
    assert_eq!(linear.fraction(5.0, 10.0).0, 0.25);
    assert!(FloatHistogram::default().quantile(0.5).0.is_nan());
    let mut with_nan = exponential(0, 1, &[1.0]);
    (with_nan.count, with_nan.sum) = (2.0, f64::NAN);
    let (value, remark) = with_nan.quantile(0.9);
    assert!(value.is_nan());
    assert_eq!(remark, Some(NanObservations::ResultIsNan));
}

#[test]
fn trimming_estimates_what_it_cuts() {
    let linear = custom(&[10.0, 20.0], &[4.0, 4.0, 0.0]);
    let below = linear.trimmed(15.0, Keep::Below);
    assert_eq!((below.count, below.positive_buckets), (6.0, vec![4.0, 2.0]));
    let above = linear.trimmed(15.0, Keep::Above);
    assert_eq!((above.count, above.positive_buckets), (2.0, vec![2.0]));
    assert_eq!(linear.trimmed(100.0, Keep::Below), linear);
}

#[test]
fn malformed_histograms_are_refused() {
    assert_eq!(exponential(0, 0, &[1.0]).validate(), Ok(()));
    assert_eq!(custom(&[1.0, 2.0], &[1.0, 1.0, 1.0]).validate(), Ok(()));
    assert_eq!(exponential(9, 0, &[]).validate(), Err(HistogramError::Schema(9)));
    let negative = exponential(0, 0, &[-1.0]).validate();
    assert!(matches!(negative, Err(HistogramError::NegativeCount { .. })));
    let few = FloatHistogram { positive_buckets: vec![], ..exponential(0, 0, &[1.0]) }.validate();
    assert!(matches!(few, Err(HistogramError::BucketNumber { spans: 1, buckets: 0, .. })));
    let unsorted = custom(&[2.0, 1.0], &[1.0]).validate();
    assert!(matches!(unsorted, Err(HistogramError::CustomBound { number: 2, .. })));
    let infinite = custom(&[f64::INFINITY], &[1.0]).validate();
    assert!(matches!(infinite, Err(HistogramError::CustomBound { number: 1, .. })));
    let long = custom(&[1.0], &[1.0, 1.0, 1.0]).validate();
    assert!(matches!(long, Err(HistogramError::TooFewBounds { bounds: 1, reach: 3 })));
}
