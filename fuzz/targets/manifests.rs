//! Fuzz target `manifests`.
#![no_main]

use hearth_fuzz::check_bodies::manifests;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| manifests(bytes));
