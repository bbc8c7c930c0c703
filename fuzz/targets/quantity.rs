//! Fuzz target `quantity`.
#![no_main]

use hearth_fuzz::check_bodies::quantity;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quantity(bytes));
