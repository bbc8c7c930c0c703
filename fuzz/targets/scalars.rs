//! Fuzz target `scalars`.
#![no_main]

use hearth_fuzz::protocol_bodies::scalars;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scalars(bytes));
