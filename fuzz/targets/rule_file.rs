//! Fuzz target `rule_file`.
#![no_main]

use hearth_fuzz::protocol_bodies::rule_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rule_file(bytes));
