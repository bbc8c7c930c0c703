//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions, as they are and edited: each
//! must return, soon.
#![allow(clippy::disallowed_methods, reason = "a test reads files and the clock")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/src/check_bodies.rs"]
mod bodies;
#[path = "../../fuzz/src/corpus.rs"]
mod corpus;

#[test]
fn manifests() {
    corpus::each("manifests", bodies::manifests);
}

#[test]
fn rule_tests() {
    corpus::each("rule_tests", bodies::rule_tests);
}

#[test]
fn quantity() {
    corpus::each("quantity", bodies::quantity);
}
