//! Tests of `ingest`.

use super::*;

const HOUR: i64 = 3_600_000;

fn rules(window_ms: Option<i64>) -> TimeRules {
    TimeRules {
        now_ms: 100 * HOUR,
        future_ms_max: 600_000,
        retention_ms: None,
        window_ms,
        newest_ms: Some(100 * HOUR),
    }
}

#[test]
fn without_a_window_any_age_is_taken() {
    assert_eq!(rules(None).check(-HOUR, Some(100 * HOUR)), Ok(()));
    assert_eq!(rules(None).check(i64::MIN, None), Ok(()));
}

#[test]
fn a_closed_window_refuses_what_is_out_of_order() {
    let refused = rules(Some(0)).check(99 * HOUR, Some(100 * HOUR)).unwrap_err();
    assert_eq!(refused.code(), "sample-out-of-order");
    assert_eq!(rules(Some(0)).check(99 * HOUR, Some(98 * HOUR)), Ok(()), "in order, lagging");
    let refused = rules(Some(0)).check(99 * HOUR - 1, Some(98 * HOUR)).unwrap_err();
    assert_eq!(refused.code(), "sample-too-old", "in order, but lagging too far");
}

#[test]
fn a_window_takes_late_samples_up_to_its_end() {
    let rules = rules(Some(2 * HOUR));
    assert_eq!(rules.check(98 * HOUR, Some(100 * HOUR)), Ok(()));
    let refused = rules.check(98 * HOUR - 1, Some(100 * HOUR)).unwrap_err();
    assert_eq!(refused.code(), "sample-too-old");
    assert!(refused.to_string().contains("window of 7200000 ms"), "{refused}");
}

#[test]
fn retention_and_future_are_named() {
    let rules = TimeRules { retention_ms: Some(HOUR), ..rules(None) };
    let refused = rules.check(98 * HOUR, None).unwrap_err();
    assert!(refused.to_string().contains("retention of 3600000 ms"), "{refused}");
    assert_eq!(rules.check(100 * HOUR + 600_000, None), Ok(()));
    let refused = rules.check(100 * HOUR + 600_001, None).unwrap_err();
    assert_eq!(refused.code(), "too_far_in_future");
}

#[test]
fn label_limits_name_the_limit_and_its_value() {
    let limits = SeriesLimits {
        label_names_max: 2,
        label_name_bytes_max: 10,
        label_value_bytes_max: 5,
        labels_bytes_max: 20,
        ..SeriesLimits::default()
    };
    let check = |pairs: &[(&str, &str)]| {
        let refused = check_labels(&Labels::from_pairs(pairs.iter().copied()), &limits);
        refused.map_err(|reason| format!("{}: {reason}", reason.code()))
    };
    assert_eq!(check(&[("__name__", "up")]), Ok(()));
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("a", "b")], "missing_metric_name: series has no metric name"),
        (
            &[("__name__", "up"), ("a", "b"), ("c", "d")],
            "max_label_names_per_series: series has 3 labels, the limit is 2",
        ),
        (&[("__name__", "up"), ("a234567890b", "")], ""),
        (
            &[("__name__", "up"), ("a234567890b", "c")],
            "label_name_too_long: label name \"a234567890b\"... has 11 bytes, the limit is 10",
        ),
        (
            &[("__name__", "toolong")],
            "label_value_too_long: value of label \"__name__\" has 7 bytes, the limit is 5",
        ),
    ];
    for (pairs, wanted) in cases {
        let got = check(pairs).err().unwrap_or_default();
        assert_eq!(got, wanted);
    }
}

#[test]
fn metadata_goes_to_the_family() {
    let mut out = Vec::new();
    let histogram = Metadata { metric_type: MetricType::Histogram, ..Metadata::default() };
    for name in ["lag_seconds_bucket", "lag_seconds_sum", "lag_seconds_count"] {
        add_metadata(&Labels::from_pairs([("__name__", name)]), histogram.clone(), &mut out);
    }
    let counter = Metadata { metric_type: MetricType::Counter, ..Metadata::default() };
    add_metadata(&Labels::from_pairs([("__name__", "odd_count")]), counter.clone(), &mut out);
    assert_eq!(out, [("lag_seconds".to_owned(), histogram), ("odd_count".to_owned(), counter)]);
}
