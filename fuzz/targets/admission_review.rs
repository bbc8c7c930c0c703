//! Fuzz target `admission_review`.
#![no_main]

use hearth_fuzz::operator_bodies::admission_review;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| admission_review(bytes));
