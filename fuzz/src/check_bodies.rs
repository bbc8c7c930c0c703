//! Hostile bytes for `check`.

use std::sync::atomic::{AtomicUsize, Ordering};

use check::manifests::read;
use check::patience::Patience;
use check::unit_test_run::{RuleText, run_suite};
use check::unit_tests::Suite;
use check::verdict::judge;
use protocol::fault::Fault;

/// Questions after which a run of unit tests ends: some evaluations, so that the fuzzer is quick.
const QUESTIONS_MAX: usize = 200;

/// Manifests, and every other kind of file that can be checked. Every fault has a place within the
/// text, so that people find it.
pub fn manifests(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.split('\n').count() as u32 + 1;
    let found = |faults: &[Fault]| {
        for fault in faults {
            assert!(fault.line <= lines, "{fault}: the text has {lines} lines");
        }
    };
    found(&read(text).faults);
    found(&judge(text).faults);
}

/// Unit tests of rules; behind a line of `%` the rules. What can be read is run for a moment.
pub fn rule_tests(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (tests, rules) = text.split_once("\n%\n").unwrap_or((text, ""));
    let Ok(suite) = Suite::parse(tests) else { return };
    let rules = RuleText { pattern: 0, name: "rules.yml".to_owned(), text: rules.to_owned() };
    let asked = AtomicUsize::new(0);
    let patience = Patience::until(move || asked.fetch_add(1, Ordering::Relaxed) > QUESTIONS_MAX);
    let report = run_suite(&suite, &[rules], &patience);
    let lines = tests.split('\n').count() as u32 + 1;
    for fault in report.faults.iter().chain(&report.warnings) {
        assert!(fault.line <= lines, "{fault}: the text has {lines} lines");
    }
}

/// A Kubernetes quantity: whole units are never less than the thousandths say.
pub fn quantity(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (Some(thousandths), Some(units)) =
        (crds::quantity::parse(text), crds::quantity::units(text))
    else {
        return;
    };
    assert!((units - 1) * 1000 < thousandths && thousandths <= units * 1000, "{text:?}");
}
