//! Fuzz target `signature`.
#![no_main]

use hearth_fuzz::protocol_bodies::signature;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signature(bytes));
