//! Fuzz target `collector_report`.
#![no_main]

use hearth_fuzz::protocol_bodies::collector_report;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector_report(bytes));
