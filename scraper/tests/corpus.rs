//! The fuzzer's seeds, as plain tests.
//!
//! `fuzz/corpus/TARGET/*` go through the fuzz targets' own functions, as they are and edited: each
//! must return, soon.
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

#[test]
fn response_headers() {
    corpus::each("response_headers", bodies::response_headers);
}

#[test]
fn target_groups() {
    corpus::each("target_groups", bodies::target_groups);
}

#[test]
fn kubeconfig() {
    corpus::each("kubeconfig", bodies::kubeconfig);
}

#[test]
fn kubernetes_objects() {
    corpus::each("kubernetes_objects", bodies::kubernetes_objects);
}

#[test]
fn monitors() {
    corpus::each("monitors", bodies::monitors);
}

#[test]
fn collector_buffer() {
    corpus::each("collector_buffer", bodies::collector_buffer);
}
