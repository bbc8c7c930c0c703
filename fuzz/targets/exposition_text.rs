//! Fuzz target `exposition_text`.
#![no_main]

use hearth_fuzz::scraper_bodies::exposition_text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exposition_text(bytes));
