//! Hostile bytes for `promql`.

use promql::options::ParseOptions;
use promql::parser::{parse_expr, parse_metric_selector};
use promql::prettifier::prettify;
use promql::series_description::parse_series;

/// A query; printed and prettified it must mean the same. Selectors and series beside it.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = parse_metric_selector(text);
    let _ = parse_series(text);
    let Ok(expr) = parse_expr(text, &ParseOptions::ALL) else { return };
    let printed = expr.to_string();
    assert_eq!(reprinted(&printed), printed);
    assert_eq!(reprinted(&prettify(&expr)), printed);
}

fn reprinted(text: &str) -> String {
    let expr = parse_expr(text, &ParseOptions::ALL);
    expr.unwrap_or_else(|error| panic!("{text:?} was printed and is refused: {error}")).to_string()
}
