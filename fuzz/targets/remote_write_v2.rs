//! Fuzz target `remote_write_v2`.
#![no_main]

use hearth_fuzz::protocol_bodies::remote_write_v2;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remote_write_v2(bytes));
