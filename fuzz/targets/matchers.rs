//! Fuzz target `matchers`.
#![no_main]

use hearth_fuzz::protocol_bodies::matchers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| matchers(bytes));
