//! Fuzz target `target_groups`.
#![no_main]

use hearth_fuzz::scraper_bodies::target_groups;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target_groups(bytes));
