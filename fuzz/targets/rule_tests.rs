//! Fuzz target `rule_tests`.
#![no_main]

use hearth_fuzz::check_bodies::rule_tests;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rule_tests(bytes));
