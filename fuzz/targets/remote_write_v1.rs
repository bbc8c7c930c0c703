//! Fuzz target `remote_write_v1`.
#![no_main]

use hearth_fuzz::protocol_bodies::remote_write_v1;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| remote_write_v1(bytes));
