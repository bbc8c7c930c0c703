//! Fuzz target `kubernetes_objects`.
#![no_main]

use hearth_fuzz::scraper_bodies::kubernetes_objects;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kubernetes_objects(bytes));
