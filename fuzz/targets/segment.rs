//! Fuzz target `segment`.
#![no_main]

use hearth_fuzz::world_bodies::segment;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segment(bytes));
