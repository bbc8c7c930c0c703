//! Fuzz target `block`.
#![no_main]

use hearth_fuzz::tsdb_bodies::block;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| block(bytes));
