//! The parser, the printer and the prettifier as a whole.

use promql::ast::{ExprKind, Span};
use promql::options::ParseOptions;
use promql::parser::{HEIGHT_MAX, NESTING_MAX, parse_expr, parse_metric_selector};
use promql::prettifier::prettify;
use proptest::prelude::*;

fn printed(query: &str) -> String {
    match parse_expr(query, &ParseOptions::ALL) {
        Ok(expr) => expr.to_string(),
        Err(error) => format!("error {error}"),
    }
}

const CANONICAL: &[&str] = &[
    "1",
    "-0.5",
    "+Inf",
    "NaN",
    "1h30m",
    "-5m",
    r#""a\nb""#,
    "foo",
    "foo:bar",
    r#"foo{a!="b",c=~"d|e"}"#,
    r#"{"a.b"="c",__name__="http.status"}"#,
    "foo offset -5m",
    "foo @ 1.500 offset 1d",
    "foo @ start()",
    "foo anchored",
    "foo[5m] smoothed @ end() offset 10s",
    "foo[step() + 5m]",
    "foo[max_of(step(), 1m) * 2]",
    "foo[-(step() - 1) ^ 2]",
    "foo offset (range() / 2)",
    "sum by (a, \"b.c\") (foo)",
    "sum without () (foo)",
    "topk by (a) (5, foo)",
    "count_values(\"x\", foo)",
    "limit_ratio(-0.5, foo)",
    "a + on () b",
    "a * ignoring (x) group_left () b",
    "a == bool on (x) group_right (y) b",
    "a + fill (0) b",
    "a / on (x) fill_left (1) fill_right (-2.5) b",
    "a </ 5 and b >/ 6",
    "rate(foo[5m])[1h:1m] @ 10.000 offset 2m",
    "foo[1h:]",
    "-foo ^ 2",
    "(a or b) unless c",
    "info(foo, {data=~\".*\"})",
    "sum",
    "by + without - offset",
    "fill + fill_left",
    "label_join(a, \"b\", \"c\")",
    "min_of(1, step())",
];

/// What is canonical already.
#[test]
fn canonical_text_stays_as_it_is() {
    for &query in CANONICAL {
        assert_eq!(printed(query), query);
    }
}

const OTHER: &[(&str, &str)] = &[
    ("0x1F + 1_000 + .5e1 + 010", "31 + 1000 + 5 + 8"),
    ("inf - nan", "+Inf - NaN"),
    ("'a\\'b' ", "\"a'b\""),
    ("`a\\n`", "\"a\\\\n\""),
    ("foo{ b = 'c' , a=\"d\", }", "foo{a=\"d\",b=\"c\"}"),
    ("{\"foo\", a='b'}", "{__name__=\"foo\",a=\"b\"}"),
    ("SUM(foo) BY (a)", "sum by (a) (foo)"),
    ("sum(foo) by (a,)", "sum by (a) (foo)"),
    ("sum by () (foo)", "sum(foo)"),
    ("foo[300]", "foo[5m]"),
    ("foo[90s] offset 1w @ -2", "foo[1m30s] @ -2.000 offset 1w"),
    ("foo offset 0.5", "foo offset 500ms"),
    ("foo offset -2 ^ 2", "foo offset -2s ^ 2"),
    ("foo offset (1 + 2) * 3", "foo offset (1 + 2) * 3"),
    ("foo[(5m)]", "foo[5m]"),
    ("foo[+step()]", "foo[step()]"),
    ("--5", "5"),
    ("- 5m", "-5m"),
    ("foo # comment\n + bar", "foo + bar"),
    ("foo[5m:\n1m]", "foo[5m:1m]"),
    ("a + fill(2) b", "a + fill (2) b"),
    ("a + fill_right(2) fill_left(1) b", "a + fill_left (1) fill_right (2) b"),
    ("a % 2 ^ 3 ^ 2 * b", "a % 2 ^ 3 ^ 2 * b"),
    ("foo @ start ( )", "foo @ start()"),
    ("1 == bool 2", "1 == bool 2"),
];

#[test]
fn other_text_becomes_canonical() {
    for &(query, text) in OTHER {
        assert_eq!(printed(query), text, "{query}");
        assert_eq!(printed(text), text, "{query}");
    }
}

const FAULTS: &[(&str, &str)] = &[
    ("", "unknown position: parse error: no expression found in input"),
    ("# only this", "1:1: parse error: no expression found in input"),
    ("1 +", "1:4: parse error: unexpected end of input"),
    ("1 1", "1:3: parse error: unexpected number \"1\""),
    ("foo bar", "1:5: parse error: unexpected identifier \"bar\""),
    ("foo\n  bar", "2:3: parse error: unexpected identifier \"bar\""),
    ("foo{", "1:5: parse error: unexpected end of input inside braces"),
    ("foo(", "1:5: parse error: unclosed left parenthesis"),
    ("(1))", "1:5: parse error: unexpected right parenthesis ')'"),
    (
        "foo{a}",
        "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator",
    ),
    (
        "foo{a=b}",
        "1:7: parse error: unexpected identifier \"b\" in label matching, expected string",
    ),
    (
        "foo{a=\"b\" c}",
        "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\"",
    ),
    ("foo{a==\"b\"}", "1:7: parse error: unexpected \"=\" in label matching, expected string"),
    ("foo{a=~\"(\"}", "1:5: parse error: error parsing regexp: missing closing ): `(`"),
    ("foo[", "1:5: parse error: unexpected end of input in duration expression"),
    ("foo[5m", "1:7: parse error: unclosed left bracket"),
    (
        "foo[]",
        "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
    ),
    ("foo[-1]", "1:5: parse error: duration must be greater than 0"),
    ("foo[1/0]", "1:6: parse error: division by zero"),
    ("foo[5m] [5m]", "1:9: parse error: ranges only allowed for vector selectors"),
    ("foo offset 5m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
    (
        "foo offset",
        "1:11: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
    ),
    ("foo offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
    ("foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"),
    ("foo @ NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"),
    (
        "1 offset 1m",
        "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ),
    ("sum(foo", "1:8: parse error: unclosed left parenthesis"),
    ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
    (
        "topk(foo)",
        "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
    ),
    (
        "sum by foo",
        "1:8: parse error: unexpected identifier \"foo\" in grouping opts, expected \"(\"",
    ),
    ("sum(foo bar)", "1:9: parse error: unexpected identifier \"bar\" in aggregation"),
    ("nosuch(foo)", "1:1: parse error: unknown function with name \"nosuch\""),
    ("rate(foo,)", "1:9: parse error: trailing commas not allowed in function call args"),
    (
        "rate(foo)",
        "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
    ),
    ("rate()", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"),
    (
        "round(foo, 1, 2)",
        "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3",
    ),
    (
        "label_join(foo)",
        "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1",
    ),
    (
        "sum(1)",
        "1:5: parse error: expected type instant vector in aggregation expression, got scalar",
    ),
    ("1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
    ("1 + bool 2", "1:3: parse error: bool modifier can only be used on comparison operators"),
    ("foo and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
    ("a and on (x) group_left b", "1:1: parse error: no grouping allowed for \"and\" operation"),
    (
        "a + on (x) group_left (x) b",
        "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once",
    ),
    ("1 + on (x) b", "1:1: parse error: vector matching only allowed between instant vectors"),
    (
        "a[5m] + b",
        "1:1: parse error: binary expression must contain only scalar and instant vector types",
    ),
    (
        "-a[5m]",
        "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\"",
    ),
    (
        "a[5m][5m:]",
        "1:1: parse error: subquery is only allowed on instant vector, got matrix instead",
    ),
    ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
    (
        "{a=~\".*\"}",
        "1:1: parse error: vector selector must contain at least one non-empty matcher",
    ),
    (
        "foo{__name__=\"bar\"}",
        "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\"",
    ),
    (
        "info(foo, bar)",
        "1:11: parse error: expected label selectors only, got vector selector instead",
    ),
    ("\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"),
    ("\"abc", "1:1: parse error: unterminated quoted string"),
    (
        "1e400",
        "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e400\": value out of range",
    ),
    ("5y1hs", "1:1: parse error: unknown unit \"hs\" in duration \"5y1hs\""),
    (
        "foo anchored smoothed",
        "1:1: parse error: anchored and smoothed modifiers cannot be used together",
    ),
    ("a ! b", "1:3: parse error: unexpected character after '!': ' '"),
    ("\u{20ac}", "1:1: parse error: unexpected character: '\u{20ac}'"),
];

#[test]
fn faults_are_told_as_prometheus_tells_them() {
    for &(query, message) in FAULTS {
        assert_eq!(printed(query), format!("error {message}"), "{query}");
    }
}

#[test]
fn parts_of_the_grammar_can_be_switched_off() {
    for (query, message) in [
        ("mad_over_time(foo[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"),
        (
            "limitk(1, foo)",
            "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        ("foo anchored", "1:1: parse error: anchored modifier is experimental and not enabled"),
        (
            "a + fill(1) b",
            "1:1: parse error: binop fill modifiers are experimental and not enabled",
        ),
    ] {
        let error = parse_expr(query, &ParseOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), message, "{query}");
    }
    let without = ParseOptions { duration_expressions: false, ..ParseOptions::ALL };
    let error = parse_expr("foo[5m + 1m]", &without).unwrap_err().to_string();
    assert_eq!(error, "1:5: parse error: experimental duration expression is not enabled");
    assert!(parse_expr("foo[5m + 1m]", &ParseOptions::default()).is_ok());
}

#[test]
fn spans_point_into_the_query() {
    let query = "  sum by (a) (rate(foo{x=\"y\"}[5m] offset 1m)) + (-bar)";
    let text = |span: Span| &query[span.start as usize..span.end as usize];
    let expr = parse_expr(query, &ParseOptions::ALL).unwrap();
    assert_eq!(text(expr.span), query.trim());
    let ExprKind::Binary(binary) = &expr.kind else { panic!("{expr:?}") };
    assert_eq!(text(binary.lhs.span), "sum by (a) (rate(foo{x=\"y\"}[5m] offset 1m))");
    assert_eq!(text(binary.rhs.span), "(-bar)");
    let call = binary.lhs.children()[0];
    assert_eq!(text(call.span), "rate(foo{x=\"y\"}[5m] offset 1m)");
    let ExprKind::MatrixSelector(matrix) = &call.children()[0].kind else { panic!("{call:?}") };
    assert_eq!(text(call.children()[0].span), "foo{x=\"y\"}[5m] offset 1m");
    assert_eq!(text(matrix.selector_span), "foo{x=\"y\"}");
    assert_eq!(text(binary.rhs.children()[0].span), "-bar");
}

#[test]
fn long_expressions_are_split() {
    let query = "sum by (job) (rate(http_request_duration_seconds_bucket{job=\"api\"}[5m])) / \
                 on (job) group_left (team) sum by (job) (rate(http_requests_total[5m]))";
    let pretty = "  sum by (job) (rate(http_request_duration_seconds_bucket{job=\"api\"}[5m]))\n\
                  / on (job) group_left (team)\n\
                  \u{20} sum by (job) (rate(http_requests_total[5m]))";
    assert_eq!(prettify(&parse_expr(query, &ParseOptions::ALL).unwrap()), pretty);
    let short = parse_expr("sum(foo)by(a)", &ParseOptions::ALL).unwrap();
    assert_eq!(prettify(&short), "sum by (a) (foo)");
}

#[test]
fn selectors_alone_are_read() {
    let matchers = parse_metric_selector("up{job=~\"a|b\"}").unwrap();
    let texts: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["job=~\"a|b\"", "__name__=\"up\""]);
    assert!(parse_metric_selector("{}").unwrap().is_empty());
    for text in ["", "up[5m]", "up offset 5m", "1", "sum(up)"] {
        assert!(parse_metric_selector(text).is_err(), "{text}");
    }
}

/// On a stack as small as a test's, in a debug build, which is the worst case.
#[test]
fn deep_and_long_queries_are_refused_not_overflowed() {
    let many = 100_000;
    for query in [
        "(".repeat(many) + "1" + &")".repeat(many),
        "-".repeat(many) + "1",
        "abs(".repeat(many) + "x" + &")".repeat(many),
        "sum(".repeat(many) + "x" + &")".repeat(many),
        "1 + ".repeat(many) + "1",
        "1 ^ ".repeat(many) + "1",
        format!("x{}", "[5m:1m]".repeat(many)),
        format!("x[{}1]", "(".repeat(many)),
        format!("x[{}1]", "1 + ".repeat(many)),
        format!("x[{}1]", "-".repeat(many)),
        "x".repeat(2 << 20),
    ] {
        let start: String = query.chars().take(20).collect();
        let error = parse_expr(&query, &ParseOptions::ALL).expect_err(&start).message;
        let by_limit = error.contains("deeper than")
            || error.contains("operators in a row")
            || error.contains("longer than");
        assert!(by_limit, "{start}: {error}");
    }
    let deep = NESTING_MAX as usize - 1;
    let deep = "(".repeat(deep) + "1" + &")".repeat(deep);
    assert_eq!(printed(&deep), deep);
    let long = "x or ".repeat(HEIGHT_MAX as usize - 1) + "x";
    assert_eq!(printed(&long), long);
}

/// Queries inside what the public parser crate can do and prints as Prometheus does.
fn common_query() -> impl Strategy<Value = String> {
    let selector = prop_oneof![
        "[a-z]{1,3}_[a-z]{1,3}",
        "[a-z]{2}_x\\{a(=|!=|=~|!~)\"[a-z|.]{0,4}\"\\}",
        "[a-z]{2}_y\\{b=\"1\", a=\"[a-z]{1,3}\"\\} offset [1-9]m",
        "[a-z]{2}_z @ [1-9]{1,3}",
        "[a-z]{2}_z @ (start|end)\\(\\)",
    ];
    let leaf = prop_oneof![
        selector,
        "(rate|increase|max_over_time)\\([a-z]{2}_m\\[[1-9][0-9]?[smhd]\\]( offset -?[1-9]h)?\\)",
        "[1-9][0-9]{0,2}(\\.[1-9])?",
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let op = "(\\+|-|\\*|/|%|\\^|== bool|> bool)";
        let set = "(and|or|unless)( on \\(a\\))?";
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
            (inner.clone(), set, inner.clone())
                .prop_map(|(l, op, r)| format!("vector(scalar({l})) {op} vector(scalar({r}))")),
            inner.clone().prop_map(|x| format!("({x})")),
            inner.clone().prop_map(|x| format!("sum by (a, b) ({x})")),
            inner.clone().prop_map(|x| format!("topk without (c) (3, {x})")),
            inner.clone().prop_map(|x| format!("histogram_quantile(0.9, {x})")),
            inner.clone().prop_map(|x| format!("max_over_time(({x})[1h:1m])")),
            (inner.clone(), inner).prop_map(|(l, r)| format!("{l} * on (a, b) group_left (c) {r}")),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_the_public_parser_crate(query in common_query()) {
        let ours = parse_expr(&query, &ParseOptions::ALL);
        let theirs = promql_parser::parser::parse(&query);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours.to_string(), theirs.to_string()),
            (ours, theirs) => prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs),
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(query in common_query()) {
        if let Ok(expr) = parse_expr(&query, &ParseOptions::ALL) {
            let text = expr.to_string();
            prop_assert_eq!(&printed(&text), &text);
            prop_assert_eq!(&printed(&prettify(&expr)), &text);
        }
    }

    #[test]
    fn no_text_panics(text in r#"([a-c(){}\[\]"'`\\,:@#<>=!~/%^*+.0-9xe_ \n-]|sum|by|offset|step|rate|bool|fill|\PC){0,40}"#) {
        if let Ok(expr) = parse_expr(&text, &ParseOptions::ALL) {
            prop_assert_eq!(printed(&expr.to_string()), expr.to_string());
        }
        let _ = parse_metric_selector(&text);
        let _ = promql::series_description::parse_series(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = parse_expr(&text, &ParseOptions::ALL);
        let _ = promql::series_description::parse_series(&text);
    }
}
