//! Fuzz target `monitors`.
#![no_main]

use hearth_fuzz::scraper_bodies::monitors;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| monitors(bytes));
