//! Fuzz target `foreign_rules`.
#![no_main]

use hearth_fuzz::operator_bodies::foreign_rules;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| foreign_rules(bytes));
