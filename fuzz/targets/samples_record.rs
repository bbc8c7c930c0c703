//! Fuzz target `samples_record`.
#![no_main]

use hearth_fuzz::tsdb_bodies::samples_record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| samples_record(bytes));
