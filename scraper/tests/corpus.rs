//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions: each must return, soon.
#![allow(clippy::disallowed_methods, reason = "a test reads files and the clock")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/src/scraper_bodies.rs"]
mod bodies;
#[path = "../../fuzz/src/corpus.rs"]
mod corpus;

#[test]
fn exposition_text() {
    corpus::each("exposition_text", bodies::exposition_text);
}

#[test]
fn openmetrics() {
    corpus::each("openmetrics", bodies::openmetrics);
}
