//! Fuzz target `control_api`.
#![no_main]

use hearth_fuzz::store_bodies::control_api;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| control_api(bytes));
