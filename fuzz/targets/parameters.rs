//! Fuzz target `parameters`.
#![no_main]

use hearth_fuzz::store_bodies::parameters;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parameters(bytes));
