//! Fuzz target `definition`.
#![no_main]

use hearth_fuzz::protocol_bodies::definition;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| definition(bytes));
