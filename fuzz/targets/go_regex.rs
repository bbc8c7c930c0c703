//! Fuzz target `go_regex`.
#![no_main]

use hearth_fuzz::protocol_bodies::go_regex;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| go_regex(bytes));
