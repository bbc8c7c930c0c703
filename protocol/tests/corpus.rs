//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions, as they are and edited: each
//! must return, soon.
#![allow(clippy::disallowed_methods, reason = "a test reads files and the clock")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/src/protocol_bodies.rs"]
mod bodies;
#[path = "../../fuzz/src/corpus.rs"]
mod corpus;

#[test]
fn remote_write_v1() {
    corpus::each("remote_write_v1", bodies::remote_write_v1);
}

#[test]
fn remote_write_v2() {
    corpus::each("remote_write_v2", bodies::remote_write_v2);
}

#[test]
fn remote_write_snappy() {
    corpus::each("remote_write_snappy", bodies::remote_write_snappy);
}

#[test]
fn go_regex() {
    corpus::each("go_regex", bodies::go_regex);
}

#[test]
fn matchers() {
    corpus::each("matchers", bodies::matchers);
}

#[test]
fn scrape_config() {
    corpus::each("scrape_config", bodies::scrape_config);
}

#[test]
fn rule_file() {
    corpus::each("rule_file", bodies::rule_file);
}

#[test]
fn definition() {
    corpus::each("definition", bodies::definition);
}

#[test]
fn collector_report() {
    corpus::each("collector_report", bodies::collector_report);
}

#[test]
fn scalars() {
    corpus::each("scalars", bodies::scalars);
}

#[test]
fn signature() {
    corpus::each("signature", bodies::signature);
}
