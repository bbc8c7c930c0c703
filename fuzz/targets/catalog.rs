//! Fuzz target `catalog`.
#![no_main]

use hearth_fuzz::store_bodies::catalog;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catalog(bytes));
