//! Fuzz target `kubeconfig`.
#![no_main]

use hearth_fuzz::scraper_bodies::kubeconfig;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kubeconfig(bytes));
