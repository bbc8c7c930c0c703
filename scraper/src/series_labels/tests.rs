//! Names, escapes, both dialects.

use proptest::prelude::*;

use super::*;

fn pairs(series: &str, dialect: Dialect) -> Result<Vec<(String, String)>, SeriesError> {
    let labels = parse_series(series, dialect)?;
    Ok(labels.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect())
}

#[test]
fn names_and_values() {
    for (series, expected) in [
        ("a", &[("__name__", "a")][..]),
        ("a{}", &[("__name__", "a")]),
        ("a{b=\"c\",d=\"\"}", &[("__name__", "a"), ("b", "c"), ("d", "")]),
        ("a{b=\"x\\\\y\\\"z\\nw\\t\"}", &[("__name__", "a"), ("b", "x\\y\"z\nw\\t")]),
        ("{\"x.y\",\"l m\"=\"v\"}", &[("__name__", "x.y"), ("l m", "v")]),
        ("{a=\"1\",\"x.y\"}", &[("a", "1"), ("__name__", "x.y")]),
        ("{}", &[]),
    ] {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs(series, Dialect::Text).as_ref(), Ok(&expected), "{series}");
        assert_eq!(pairs(series, Dialect::OpenMetrics).as_ref(), Ok(&expected), "{series}");
    }
}

#[test]
fn the_text_format_is_lenient() {
    for series in ["a { b = \"c\" , d = \"e\" }", "a{b=\"c\" d=\"e\"}", "a{b=\"c\", d=\"e\",}"] {
        let labels = pairs(series, Dialect::Text).expect(series);
        assert_eq!(labels.len(), 3, "{series}");
        let strict = pairs(series, Dialect::OpenMetrics);
        assert!(strict.is_err(), "{series}");
    }
    assert!(pairs("a{b=\"c\",}", Dialect::OpenMetrics).is_ok(), "Prometheus takes a last comma");
}

#[test]
fn what_is_no_series_is_refused() {
    for series in [
        "a{b}",
        "a{b=}",
        "a{b=c}",
        "a{=\"c\"}",
        "a{1=\"c\"}",
        "a{b:c=\"d\"}",
        "a{b=\"c\"}x",
        "a{\"b\"}",
        "{\"a\",\"b\"}",
        "a{,}",
        "a{\"\"=\"x\"}",
        "a{b=\"c\"",
        "a{b=\"c}",
    ] {
        for dialect in [Dialect::Text, Dialect::OpenMetrics] {
            assert!(pairs(series, dialect).is_err(), "{series}");
        }
    }
    assert_eq!(
        pairs("a{b=\"1\",b=\"2\"}", Dialect::Text),
        Err(SeriesError::Duplicate("b".to_owned()))
    );
    let many: Vec<String> = (0..40).map(|at| format!("l{at}=\"x\"")).collect();
    assert!(pairs(&format!("a{{{}}}", many.join(",")), Dialect::Text).is_ok());
    assert!(pairs(&format!("a{{{},l7=\"y\"}}", many.join(",")), Dialect::Text).is_err());
}

proptest! {
    #[test]
    fn any_text_ends_without_panic(series in "[a-c{}\"\\\\=, é\\n]{0,40}") {
        let _ = pairs(&series, Dialect::Text);
        let _ = pairs(&series, Dialect::OpenMetrics);
    }
}
