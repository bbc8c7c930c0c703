//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions, as they are and edited: each
//! must return, soon.
#![allow(clippy::disallowed_methods, reason = "a test reads files and the clock")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../fuzz/src/tsdb_bodies.rs"]
mod bodies;
#[path = "../../../fuzz/src/corpus.rs"]
mod corpus;

#[test]
fn samples_record() {
    corpus::each("samples_record", bodies::samples_record);
}

#[test]
fn block() {
    corpus::each("block", bodies::block);
}
