//! Fuzz target `store_answer`.
#![no_main]

use hearth_fuzz::operator_bodies::store_answer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| store_answer(bytes));
