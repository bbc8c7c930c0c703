//! The grammar, its strictness, exemplars.

use proptest::prelude::*;

use super::*;

fn read(body: &str) -> Result<Vec<Entry<'_>>, ExpositionError> {
    let mut parser = OpenMetricsParser::new(body);
    let mut entries = Vec::new();
    while let Some(entry) = parser.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

#[test]
fn a_whole_body() {
    let body = "# HELP a_total Said \\\"so\\\".\n# TYPE a_total counter\n# UNIT a_seconds seconds\n\
                a_total{x=\"1\"} 5 1520879607.789 # {trace=\"t\"} 0.5 1520879607\n\
                a_bucket{le=\"+Inf\"} 1 # {} 2\n# EOF\n";
    let entries = read(body).expect("valid");
    assert_eq!(entries[0], Entry::Help("a_total".into(), "Said \"so\".".into()));
    assert_eq!(entries[2], Entry::Unit("a_seconds".into(), "seconds"));
    let exemplar =
        ExemplarText { labels: "{trace=\"t\"}", value: 0.5, timestamp_ms: Some(1_520_879_607_000) };
    let first = SampleLine {
        series: "a_total{x=\"1\"}",
        value: 5.0,
        timestamp_ms: Some(1_520_879_607_789),
        exemplar: Some(exemplar),
    };
    assert_eq!(entries[3], Entry::Sample(first));
    let Entry::Sample(second) = entries[4] else { panic!("{entries:?}") };
    let exemplar = ExemplarText { labels: "{}", value: 2.0, timestamp_ms: None };
    assert_eq!(second.exemplar, Some(exemplar));
}

#[test]
fn what_is_not_strict_is_refused() {
    for body in [
        "",
        "a 1\n",
        "# EOF\na 1\n",
        "# EOF\n\n",
        "\n# EOF\n",
        " a 1\n# EOF\n",
        "a  1\n# EOF\n",
        "a\t1\n# EOF\n",
        "a 1 \n# EOF\n",
        "a{x=\"1\"}1\n# EOF\n",
        "a 1 NaN\n# EOF\n",
        "a 1 Inf\n# EOF\n",
        "a 1 # {x=\"1\"} 1 NaN\n# EOF\n",
        "a 1 # {x=\"1\"}\n# EOF\n",
        "a 1 # x 1\n# EOF\n",
        "# a comment\n# EOF\n",
        "# TYPE a untyped\n# EOF\n",
        "# TYPE a\n# EOF\n",
        "# UNIT a seconds\n# EOF\n",
        "#EOF\n",
    ] {
        assert!(read(body).is_err(), "{body:?}: {:?}", read(body));
    }
    assert_eq!(read("# EOF"), Ok(vec![]));
}

proptest! {
    #[test]
    fn any_text_ends_without_panic(body in "[ -~\\n\\t{}\"\\\\=#é]{0,60}") {
        let _ = read(&body);
        let _ = read(&format!("{body}\n# EOF\n"));
    }
}
