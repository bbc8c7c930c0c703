//! Fuzz target `rules_journal`.
#![no_main]

use hearth_fuzz::rules_bodies::rules_journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rules_journal(bytes));
