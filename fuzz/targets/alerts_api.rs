//! Fuzz target `alerts_api`.
#![no_main]

use hearth_fuzz::alertmanager_bodies::alerts_api;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| alerts_api(bytes));
