//! Fuzz target `openmetrics`.
#![no_main]

use hearth_fuzz::scraper_bodies::openmetrics;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| openmetrics(bytes));
