//! Fuzz target `collector_buffer`.
#![no_main]

use hearth_fuzz::scraper_bodies::collector_buffer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector_buffer(bytes));
