//! Fuzz target `promql`.
#![no_main]

use hearth_fuzz::promql_bodies::query;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| query(bytes));
