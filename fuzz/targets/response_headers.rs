//! Fuzz target `response_headers`.
#![no_main]

use hearth_fuzz::scraper_bodies::response_headers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| response_headers(bytes));
