//! The grammar, its leniency, its errors.

use proptest::prelude::*;
use protocol::sample::MetricType;

use super::*;
use crate::exposition::Dialect;
use crate::series_labels::parse_series;

fn read(body: &str) -> Result<Vec<Entry<'_>>, ExpositionError> {
    let mut parser = TextParser::new(body);
    let mut entries = Vec::new();
    while let Some(entry) = parser.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

fn sample(series: &str, value: f64, timestamp_ms: Option<i64>) -> Entry<'_> {
    Entry::Sample(SampleLine { series, value, timestamp_ms, exemplar: None })
}

#[test]
fn samples_of_all_shapes() {
    for (line, series, value, time) in [
        ("a 1", "a", 1.0, None),
        ("a{} 1", "a{}", 1.0, None),
        ("a{b=\"c\"} 1.5 1395066363000", "a{b=\"c\"}", 1.5, Some(1_395_066_363_000)),
        ("a{b=\"c\",} -Inf", "a{b=\"c\",}", f64::NEG_INFINITY, None),
        ("a { b = \"c\" } 1", "a { b = \"c\" }", 1.0, None),
        ("a{b=\"}\"} 1", "a{b=\"}\"}", 1.0, None),
        ("a{b=\"\\\"} 2\\\\\"} 1", "a{b=\"\\\"} 2\\\\\"}", 1.0, None),
        ("a{b=\"x\ny\"} 1", "a{b=\"x\ny\"}", 1.0, None),
        ("a{b=\"c\"}1", "a{b=\"c\"}", 1.0, None),
        (" \ta\t 1\t 5 \t", "a", 1.0, Some(5)),
        ("a:b_c9 1 -5", "a:b_c9", 1.0, Some(-5)),
        ("{\"http.status\",m=\"x\"} 1", "{\"http.status\",m=\"x\"}", 1.0, None),
        ("ü_is_quoted 1", "", 0.0, None),
    ] {
        let read = read(line);
        match series {
            "" => assert!(read.is_err(), "{line:?}: {read:?}"),
            _ => assert_eq!(read, Ok(vec![sample(series, value, time)]), "{line:?}"),
        }
    }
}

#[test]
fn comments_that_say_something_and_comments_that_do_not() {
    let body = "# HELP a Some \\\\ text\\nmore \\\" here\n# TYPE a counter\n\
                #HELP b no\n#\n# plain\n\
                # HELPS a no\n# TYPE \"x.y\" untyped\n#  TYPE\tc  gauge \n\na 1";
    assert_eq!(
        read(body),
        Ok(vec![
            Entry::Help("a".into(), "Some \\ text\nmore \\\" here".into()),
            Entry::Type("a".into(), MetricType::Counter),
            Entry::Type("x.y".into(), MetricType::Unknown),
            Entry::Type("c".into(), MetricType::Gauge),
            sample("a", 1.0, None),
        ])
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (body, line, reason) in [
        ("a 1\nb\n", 2, "expected a value"),
        ("a 1\n\nb{x=\"y\"\n", 3, "not closed"),
        ("a one\n", 1, "\"one\" is no value"),
        ("a 1 now\n", 1, "no timestamp"),
        ("a 1 1.5\n", 1, "no timestamp"),
        ("a 1 5 6\n", 1, "end of the line"),
        ("a 0x1p2\n", 1, "no value"),
        ("a 1\r\n", 1, "no value"),
        ("# TYPE a thing\n", 1, "invalid metric type"),
        ("# TYPE 1a gauge\n", 1, "expected a metric name"),
        ("9a 1\n", 1, "expected a metric name"),
        ("a 1 # {x=\"y\"} 1\n", 1, "no timestamp"),
    ] {
        let error = read(body).expect_err(body);
        assert_eq!(error.line, line, "{body:?}: {error}");
        assert!(error.reason.contains(reason), "{body:?}: {error}");
    }
}

#[test]
fn only_bare_comments_may_hold_other_encodings() {
    use crate::exposition::body_text;
    let text = body_text(b"# caf\xe9\na 1\n").expect("a comment");
    assert_eq!(read(&text).expect("parses").len(), 1);
    assert_eq!(body_text(b"a 1\n# HELP a caf\xe9\n").expect_err("help").line, 2);
    assert!(body_text(b"a{b=\"\xff\"} 1\n").is_err());
}

proptest! {
    #[test]
    fn any_text_ends_without_panic(body in "[ -~\\n\\t{}\"\\\\=#é]{0,60}") {
        let _ = read(&body);
    }

    #[test]
    fn any_bytes_end_without_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(text) = crate::exposition::body_text(&body) {
            let _ = read(&text);
        }
    }

    #[test]
    fn what_is_written_is_read(
        value in any::<f64>(), time in any::<Option<i64>>(), label in "\\PC{0,8}"
    ) {
        let escaped = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let time_text = time.map(|time| format!(" {time}")).unwrap_or_default();
        let body = format!("m{{l=\"{escaped}\"}} {value}{time_text}\n");
        let entries = read(&body).expect("well formed");
        let Entry::Sample(line) = &entries[0] else { panic!("{entries:?}") };
        prop_assert_eq!(line.timestamp_ms, time);
        prop_assert!(line.value == value || (line.value.is_nan() && value.is_nan()));
        let labels = parse_series(line.series, Dialect::Text).expect("well formed");
        prop_assert_eq!(labels[1].1.as_ref(), label.as_str());
    }
}
