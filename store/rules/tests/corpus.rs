//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions, as they are and edited: each
//! must return, soon.
#![allow(clippy::disallowed_methods, reason = "a test reads files and the clock")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../fuzz/src/rules_bodies.rs"]
mod bodies;
#[path = "../../../fuzz/src/corpus.rs"]
mod corpus;

#[test]
fn rules_journal() {
    corpus::each("rules_journal", bodies::rules_journal);
}
