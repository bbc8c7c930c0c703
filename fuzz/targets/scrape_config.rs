//! Fuzz target `scrape_config`.
#![no_main]

use hearth_fuzz::protocol_bodies::scrape_config;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrape_config(bytes));
