//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions, as they are and edited: each
//! must return, soon.
#![allow(clippy::disallowed_methods, reason = "a test reads files and the clock")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/src/operator_bodies.rs"]
mod bodies;
#[path = "../../fuzz/src/corpus.rs"]
mod corpus;

#[test]
fn admission_review() {
    corpus::each("admission_review", bodies::admission_review);
}

#[test]
fn foreign_rules() {
    corpus::each("foreign_rules", bodies::foreign_rules);
}

#[test]
fn store_answer() {
    corpus::each("store_answer", bodies::store_answer);
}
