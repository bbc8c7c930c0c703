//! Fuzz target `templates`.
#![no_main]

use hearth_fuzz::templates_bodies::template;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| template(bytes));
