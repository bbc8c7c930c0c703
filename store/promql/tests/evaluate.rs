//! Queries over small tables: one line a case.

use std::sync::Arc;

use promql::budget::Budget;
use promql::engine::{QueryResult, evaluate, plan};
use promql::errors::EvalError;
use promql::eval_params::EvalParams;
use promql::options::ParseOptions;
use promql::parser::{parse_expr, parse_metric_selector};
use promql::source::{Points, ReadError, SeriesData};
use promql::value::{PointValue, Value};
use protocol::labels::Labels;
use protocol::sample::{Sample, stale_nan};

/// A series in memory.
struct Stored {
    labels: Labels,
    samples: Vec<Sample>,
}

impl SeriesData for Stored {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, from_ms: i64, to_ms: i64, out: &mut Points) -> Result<(), ReadError> {
        let inside = |sample: &&Sample| (from_ms..=to_ms).contains(&sample.timestamp_ms);
        out.floats.extend(self.samples.iter().filter(inside));
        Ok(())
    }
}

/// `name{labels} 1 2 _ stale 3`, a sample every ten seconds from zero on.
fn stored(line: &str) -> Stored {
    let at = line.find('}').map_or_else(|| line.find(' ').expect("values"), |at| at + 1);
    let (name, values) = line.split_at(at);
    let matchers = parse_metric_selector(name).expect("a selector");
    let labels = Labels::from_pairs(matchers.into_iter().map(|m| (m.name, m.value)));
    let sample = |(at, word): (usize, &str)| {
        let value = match word {
            "_" => return None,
            "stale" => stale_nan(),
            number => number.parse().expect("a number"),
        };
        Some(Sample { timestamp_ms: at as i64 * 10_000, value })
    };
    Stored { labels, samples: values.split_whitespace().enumerate().filter_map(sample).collect() }
}

fn run(table: &str, query: &str, params: &EvalParams) -> Result<QueryResult, EvalError> {
    let series: Vec<Arc<Stored>> = table
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(|l| Arc::new(stored(l)))
        .collect();
    let expr = parse_expr(query, &ParseOptions::ALL).expect("a valid query");
    let plan = plan(&expr, params)?;
    let select = |selection: &promql::source::Selection| {
        let fits = |one: &&Arc<Stored>| {
            selection.matchers.iter().all(|matcher| matcher.matches_labels(&one.labels))
        };
        let shared = |one: &Arc<Stored>| -> Arc<dyn SeriesData> { one.clone() };
        series.iter().filter(fits).map(shared).collect::<Vec<_>>()
    };
    let data: Vec<_> = plan.selections().iter().map(select).collect();
    evaluate(&plan, &data, &Budget::unlimited())
}

/// The answer as text: `{labels} v@t v@t; ...`.
fn shown(value: &Value) -> String {
    let point = |ms: i64, value: f64| format!("{value}@{}", ms / 1000);
    match value {
        Value::Scalar(sample) => format!("scalar {}", sample.value),
        Value::String { text, .. } => format!("string {text}"),
        Value::Vector(vector) => {
            let one = |sample: &promql::value::VectorSample| match &sample.value {
                PointValue::Float(value) => format!("{} {value}", sample.labels),
                PointValue::Histogram(histogram) => format!("{} {histogram}", sample.labels),
            };
            vector.iter().map(one).collect::<Vec<_>>().join("; ")
        }
        Value::Matrix(matrix) => {
            let one = |series: &promql::value::MatrixSeries| {
                let points = series.floats.iter().map(|p| point(p.timestamp_ms, p.value));
                format!("{} {}", series.labels, points.collect::<Vec<_>>().join(" "))
            };
            matrix.iter().map(one).collect::<Vec<_>>().join("; ")
        }
    }
}

const TABLE: &str = r#"
    http_total{job="a",instance="1"} 0 10 20 30 40 50 60
    http_total{job="a",instance="2"} 0 20 40 60 10 30 50
    http_total{job="b",instance="3"} 5 5 5 5 stale _ _
    up{job="a"} 1 1 1 1 1 1 1
    build{job="a",version="x"} 1 1 1 1 1 1 1
"#;

#[test]
fn instant_queries() {
    for (query, at_seconds, expected) in [
        ("1 + 2 * 3", 0, "scalar 7"),
        ("\"text\"", 0, "string text"),
        ("up", 60, r#"up{job="a"} 1"#),
        ("up", 400, ""),
        ("up", 359, r#"up{job="a"} 1"#),
        ("http_total{job=\"b\"}", 30, r#"http_total{instance="3", job="b"} 5"#),
        ("http_total{job=\"b\"}", 40, ""),
        ("http_total{job=\"b\"} offset 30s", 60, r#"http_total{instance="3", job="b"} 5"#),
        ("sum by (job) (http_total)", 30, r#"{job="a"} 90; {job="b"} 5"#),
        ("count(http_total)", 30, "{} 3"),
        ("increase(http_total{instance=\"2\"}[60s])", 60, r#"{instance="2", job="a"} 108"#),
        ("topk(1, http_total)", 30, r#"http_total{instance="2", job="a"} 60"#),
        ("-up", 60, r#"{job="a"} -1"#),
        ("http_total > 20 and on (job) up", 20, r#"http_total{instance="2", job="a"} 40"#),
        (
            "http_total * on (job) group_left (version) build",
            10,
            r#"{instance="1", job="a", version="x"} 10; {instance="2", job="a", version="x"} 20"#,
        ),
        ("absent(nothing{a=\"b\"})", 0, r#"{a="b"} 1"#),
        ("up[25s]", 60, r#"up{job="a"} 1@40 1@50 1@60"#),
        (
            "max_over_time(http_total{instance=\"1\"}[20s:10s] @ 30)",
            0,
            r#"{instance="1", job="a"} 30"#,
        ),
        ("label_replace(up, \"x\", \"$1-\", \"job\", \"(.)\")", 0, r#"up{job="a", x="a-"} 1"#),
        ("quantile(0.5, http_total)", 30, "{} 30"),
    ] {
        let result = run(TABLE, query, &EvalParams::instant(at_seconds * 1000)).expect(query);
        assert_eq!(shown(&result.value), expected, "{query}");
    }
}

#[test]
fn range_queries() {
    for (query, expected) in [
        ("1", "{} 1@0 1@20 1@40"),
        ("up offset 10s", r#"up{job="a"} 1@20 1@40"#),
        ("sum(http_total)", "{} 5@0 65@20 50@40"),
        (
            "http_total{instance=\"1\"} @ 20",
            r#"http_total{instance="1", job="a"} 20@0 20@20 20@40"#,
        ),
        ("rate(http_total{instance=\"1\"}[20s])", r#"{instance="1", job="a"} 1@20 1@40"#),
        ("time()", "{} 0@0 20@20 40@40"),
        ("count_values(\"v\", up)", r#"{v="1"} 1@0 1@20 1@40"#),
    ] {
        let result = run(TABLE, query, &EvalParams::range(0, 40_000, 20_000)).expect(query);
        assert_eq!(shown(&result.value), expected, "{query}");
    }
}

#[test]
fn what_cannot_be_answered_says_why() {
    for (query, expected) in [
        (
            "up * on (job) http_total",
            "found duplicate series for the match group {job=\"a\"} on the right",
        ),
        (
            "http_total * on (job) build",
            "multiple matches for labels: many-to-one matching must be",
        ),
        (
            "label_replace(http_total, \"instance\", \"\", \"\", \"\")",
            "vector cannot contain metrics with",
        ),
        ("topk(NaN, up)", "Parameter value is NaN"),
    ] {
        let error = run(TABLE, query, &EvalParams::instant(20_000)).expect_err(query);
        assert!(error.to_string().starts_with(expected), "{query}: {error}");
    }
}

#[test]
fn names_go_at_once_or_at_the_end() {
    const TWO: &str = r#"
        a_total{env="1"} 0 10 20 30
        b_total{env="1"} 0 20 40 60
    "#;
    let query = r#"sum by (env) (rate({env="1"}[30s]))"#;
    let mut params = EvalParams::instant(30_000);
    let error = run(TWO, query, &params).expect_err("both lose their name");
    assert_eq!(error, EvalError::SameLabelset);
    params.options.delayed_name_removal = true;
    let result = run(TWO, query, &params).expect("names are still there");
    assert_eq!(shown(&result.value), r#"{env="1"} 3"#);
    let kept = run(TWO, "last_over_time(a_total[30s]) > bool 5", &params).expect("an answer");
    assert_eq!(shown(&kept.value), r#"{env="1"} 1"#);
}

#[test]
fn remarks_have_positions() {
    let result =
        run(TABLE, "sum(\n rate(up[1m]))", &EvalParams::instant(60_000)).expect("an answer");
    assert_eq!(
        result.annotations.infos("sum(\n rate(up[1m]))"),
        ["PromQL info: metric might not be a counter, name does not end in \
          _total/_sum/_count/_bucket: \"up\" (2:7)"]
    );
}

#[test]
fn budgets_and_deadlines_hold() {
    let expr = parse_expr("up", &ParseOptions::ALL).expect("a valid query");
    let plan = plan(&expr, &EvalParams::range(0, 60_000, 10_000)).expect("a plan");
    let data: Vec<Vec<Arc<dyn SeriesData>>> = vec![vec![Arc::new(stored("up 1 1 1 1 1 1 1"))]];
    let small = Budget { samples_max: 6, ..Budget::unlimited() };
    let error = evaluate(&plan, &data, &small).expect_err("seven samples");
    assert_eq!(error, EvalError::TooManySamples { samples_max: 6 });
    assert!(evaluate(&plan, &data, &Budget { samples_max: 7, ..Budget::unlimited() }).is_ok());
    let many = "vector(1)[10y:1ms]";
    let many = parse_expr(many, &ParseOptions::ALL).expect("a valid query");
    let many = promql::engine::plan(&many, &EvalParams::instant(0)).expect("a plan");
    let error = evaluate(&many, &[], &Budget { samples_max: 50_000_000, ..Budget::unlimited() });
    assert!(matches!(error, Err(EvalError::TooManySamples { .. })), "{error:?}");
    let stop = || Some(promql::budget::Interruption::Canceled);
    let stopped = Budget { interrupted: &stop, ..Budget::unlimited() };
    assert_eq!(evaluate(&plan, &data, &stopped).expect_err("stopped"), EvalError::Canceled);
}
