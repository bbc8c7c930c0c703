//! Tests of series written as text.

use protocol::histogram::{ResetHint, Span};
use protocol::sample::is_stale_nan;

use super::*;

fn floats(text: &str) -> Vec<Option<f64>> {
    let (_, values) = parse_series(text).unwrap();
    let number = |value| match value {
        SequenceValue::Float(value) => Some(value),
        SequenceValue::Omitted => None,
        SequenceValue::Histogram { .. } => panic!("a histogram in {text}"),
    };
    values.into_iter().map(number).collect()
}

#[test]
fn values_repeat_grow_and_are_left_out() {
    let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(floats("m 1 2 -3"), some(&[1.0, 2.0, -3.0]));
    assert_eq!(floats("m 1x2"), some(&[1.0, 1.0, 1.0]));
    assert_eq!(floats("m 0+10x3"), some(&[0.0, 10.0, 20.0, 30.0]));
    assert_eq!(floats("m 5-2x1 1e3 1e-1x0"), some(&[5.0, 3.0, 1000.0, 0.1]));
    assert_eq!(floats("m -1+1x1 Inf -Inf"), some(&[-1.0, 0.0, f64::INFINITY, -f64::INFINITY]));
    assert_eq!(floats("m _ 1 _x2"), vec![None, Some(1.0), None, None]);
    assert_eq!(floats("m 5m"), some(&[300.0]));
}

#[test]
fn stale_and_nan_are_told_apart() {
    let values = floats("m stale NaN");
    assert!(is_stale_nan(values[0].unwrap()));
    assert!(values[1].unwrap().is_nan() && !is_stale_nan(values[1].unwrap()));
}

#[test]
fn labels_are_read() {
    for (text, printed) in [
        ("m 1", "m"),
        ("m{} 1", "m"),
        (r#"m{a="b",c="}"} 1"#, r#"m{a="b", c="}"}"#),
        (r#"{"http.status", a='x'} 1"#, r#"{"http.status", a="x"}"#),
        (r#"{__name__="m",a="b",} _"#, r#"m{a="b"}"#),
        ("sum{by=`\\`} 1", r#"sum{by="\\"}"#),
        ("{} 1", "{}"),
        ("m {a=\"b\"} 1", r#"m{a="b"}"#),
    ] {
        assert_eq!(parse_series(text).unwrap().0.to_string(), printed, "{text}");
    }
    assert_eq!(parse_metric(r#"m{a="b"}"#).unwrap().to_string(), r#"m{a="b"}"#);
}

#[test]
fn histograms_are_read_and_added_up() {
    let text = "h {{schema:1 sum:-0.3 count:3.1 z_bucket:7.1 z_bucket_w:0.05 \
                buckets:[5.1 10 7] offset:-3 n_buckets:[4.1 5] n_offset:-5 \
                counter_reset_hint:gauge}} {{count:1 buckets:[1]}}+{{count:2 buckets:[2]}}x2 {{}}x1";
    let (_, values) = parse_series(text).unwrap();
    let histogram = |at: usize| match &values[at] {
        SequenceValue::Histogram { histogram, hint_written } => (histogram, *hint_written),
        other => panic!("{other:?}"),
    };
    assert_eq!(values.len(), 6);
    let (first, hint_written) = histogram(0);
    assert!(hint_written);
    assert_eq!(first.reset_hint, ResetHint::Gauge);
    assert_eq!((first.schema, first.sum, first.count), (1, -0.3, 3.1));
    assert_eq!(first.positive_spans, [Span { offset: -3, length: 3 }]);
    assert_eq!(first.negative_buckets, [4.1, 5.0]);
    assert_eq!((histogram(3).0.count, &histogram(3).0.positive_buckets[..]), (5.0, &[5.0][..]));
    assert!(!histogram(3).1);
    assert_eq!(histogram(5).0.count, 0.0);
}

#[test]
fn faults_are_refused_with_their_place() {
    for (text, message) in [
        ("m{a} 1", "1:4: parse error: unexpected \"}\" in label set, expected \"=\""),
        ("m{a=\"b\" 1", "1:9: parse error: unexpected character inside braces: '1'"),
        ("m 1+2", "1:6: parse error: expected a repetition in series values"),
        ("m 1x", "1:5: parse error: invalid repetition in series values"),
        ("m 1x9999999", "1:12: parse error: more than 1000000 values in a series"),
        ("m {{schema:1", "1:3: parse error: histogram description incomplete"),
        ("m {{nosuch:1}}", "1:3: parse error: bad histogram descriptor found: \"nosuch\""),
        ("m {{sum:1 sum:2}}", "1:3: parse error: duplicate key \"sum\" in histogram"),
    ] {
        assert_eq!(parse_series(text).unwrap_err().to_string(), message, "{text}");
    }
    assert!(parse_series("m {{schema:2}}+{{schema:1}}x1").is_err());
    assert!(parse_series("m x").is_err());
}
