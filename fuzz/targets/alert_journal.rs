//! Fuzz target `alert_journal`.
#![no_main]

use hearth_fuzz::alertmanager_bodies::alert_journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| alert_journal(bytes));
