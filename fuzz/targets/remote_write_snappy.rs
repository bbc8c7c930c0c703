//! Fuzz target `remote_write_snappy`.
#![no_main]

use hearth_fuzz::protocol_bodies::remote_write_snappy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remote_write_snappy(bytes));
