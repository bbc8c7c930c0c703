//! Hostile bytes for `scraper`.

use scraper::exposition::{Dialect, body_text};
use scraper::exposition_parser::Parser;

/// Prometheus text.
pub fn exposition_text(bytes: &[u8]) {
    walk(bytes, Dialect::Text);
}

/// OpenMetrics text.
pub fn openmetrics(bytes: &[u8]) {
    walk(bytes, Dialect::OpenMetrics);
}

// A parser that gives more entries than the body has bytes does not move on.
fn walk(bytes: &[u8], dialect: Dialect) {
    let Ok(body) = body_text(bytes) else { return };
    let mut parser = Parser::new(dialect, &body);
    let mut entries = 0;
    while let Ok(Some(_)) = parser.next_entry() {
        entries += 1;
        assert!(entries <= body.len());
    }
}
