//! Unit tests of rules, run.
//!
//! The rules are evaluated by the code that evaluates those of a workspace, once every evaluation
//! interval from the start of the test on; input that is not due yet is not there yet. Every bound
//! that a hostile test could lean on has a name here.

use std::collections::BTreeMap;

use promql::parser::parse_expr;
use protocol::fault::Fault;
use protocol::rule_file::RuleFile;
use protocol::time::PromDuration;
use rules::memory::{MemoryStore, Queries};
use rules::rehearsal::Rehearsal;
use rules::spec::{GroupSpec, RuleSettings, compile};

use crate::patience::Patience;
use crate::rule_text::RULE_OPTIONS;
use crate::unit_test_answers as answers;
use crate::unit_test_input::Input;
use crate::unit_tests::{AlertTest, ExprTest, Plan, Suite, TestCase};

/// Evaluations of one rule in all tests of a file: a hundred rules over a month, minute by minute.
pub const EVALUATIONS_MAX: i64 = 5_000_000;

/// Samples that one query may hold at once, as of a small workspace.
const QUERY_SAMPLES_MAX: usize = 5_000_000;

/// The text of one rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// The number of the pattern in `rule_files` that found it.
    pub pattern: usize,
    /// How messages call it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// How tests went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tests that fail, or cannot be run.
    pub faults: Vec<Fault>,
    /// What passes, but hardly says what was meant.
    pub warnings: Vec<Fault>,
    /// Whether patience ended before the tests did.
    pub unfinished: bool,
}

/// Runs the tests of a file; faults have their places in it.
pub fn run_suite(suite: &Suite, rules: &[RuleText], patience: &Patience) -> Report {
    let mut report = Report::default();
    let mut files = Vec::with_capacity(rules.len());
    for RuleText { pattern, name, text } in rules {
        let settings = RuleSettings { parse_options: RULE_OPTIONS, ..RuleSettings::default() };
        match rules::check::check_text(text, &settings) {
            Ok(file) => files.push((name.clone(), file)),
            Err(faults) => report.faults.extend(faults.into_iter().map(|fault| {
                Fault::at_path(format!("rule_files[{pattern}]"), format!("{name}:{fault}"))
            })),
        }
    }
    for (number, pattern) in suite.rule_files.iter().enumerate() {
        if !rules.iter().any(|rules| rules.pattern == number) {
            let message = format!("no file fits the pattern {pattern:?}");
            report.warnings.push(Fault::at_path(format!("rule_files[{number}]"), message));
        }
    }
    if report.faults.is_empty() {
        let ran = run(&suite.plan, &files, patience);
        report.warnings.extend(ran.warnings);
        report.faults = ran.faults;
        report.unfinished = ran.unfinished;
    }
    report.faults = suite.placed(report.faults);
    report.warnings = suite.placed(report.warnings);
    report
}

/// Runs tests over the rules of files, by their names; rules must be free of faults.
pub fn run(plan: &Plan, files: &[(String, RuleFile)], patience: &Patience) -> Report {
    let mut run = Run { plan, files, patience, left: EVALUATIONS_MAX, report: Report::default() };
    for (number, test) in plan.tests.iter().enumerate() {
        let begun = (run.report.faults.len(), run.report.warnings.len());
        run.test(test);
        // Faults of a test are found below its own path.
        let name = test.name.as_deref().filter(|name| !name.is_empty());
        let path = format!("tests[{number}]");
        let Report { faults, warnings, .. } = &mut run.report;
        for fault in faults[begun.0..].iter_mut().chain(&mut warnings[begun.1..]) {
            *fault = std::mem::take(fault).below(&path);
            if let Some(name) = name {
                fault.message = format!("test {name:?}: {}", fault.message);
            }
        }
        if run.report.unfinished {
            break;
        }
    }
    run.report
}

struct Run<'a> {
    plan: &'a Plan,
    files: &'a [(String, RuleFile)],
    patience: &'a Patience,
    /// Evaluations that are left.
    left: i64,
    report: Report,
}

/// One test, ready to run.
struct Ready {
    start_ms: i64,
    step_ms: i64,
    input_ms: i64,
    end_ms: i64,
    input: Input,
    store: MemoryStore,
    rehearsal: Rehearsal,
}

impl Run<'_> {
    fn test(&mut self, test: &TestCase) {
        let Some(mut ready) = self.ready(test) else { return };
        // Alerts are looked at after the last evaluation at or before their time.
        let mut alerts: BTreeMap<i64, Vec<(usize, &AlertTest)>> = BTreeMap::new();
        for (number, one) in test.alert_rule_test.iter().flatten().enumerate() {
            let at_ms = one.eval_time.unwrap_or_default().as_millis();
            alerts.entry(at_ms).or_default().push((number, one));
        }
        let mut now_ms = ready.start_ms;
        while now_ms <= ready.end_ms {
            if self.patience.is_over() {
                self.report.unfinished = true;
                return;
            }
            ready.input.write_until(now_ms, ready.input_ms, &ready.store);
            let failures = ready.rehearsal.evaluate(now_ms);
            if !failures.is_empty() {
                let after_ms = (now_ms - ready.start_ms) as u64;
                for failure in failures {
                    let at = PromDuration::from_millis(after_ms);
                    let message = format!("rule {:?} at {at}: {}", failure.rule, failure.error);
                    self.report.faults.push(Fault::at_path("", message));
                }
                return;
            }
            now_ms += ready.step_ms;
            while let Some(entry) = alerts.first_entry()
                && *entry.key() < now_ms - ready.start_ms
            {
                for (number, one) in entry.remove() {
                    self.compare_alerts(number, one, &ready.rehearsal);
                }
            }
        }
        for (number, one) in test.promql_expr_test.iter().flatten().enumerate() {
            if self.patience.is_over() {
                self.report.unfinished = true;
                return;
            }
            self.compare_answer(number, one, &ready);
        }
    }

    /// Reads all that the test says; `None` where it cannot be run.
    fn ready(&mut self, test: &TestCase) -> Option<Ready> {
        let mut faults = Vec::new();
        let step_ms = self.plan.evaluation_interval_ms(test);
        let input_ms = test.interval.map_or(0, PromDuration::as_millis);
        let input_ms = if input_ms == 0 { step_ms } else { input_ms };
        let start_ms = start_ms(test).unwrap_or_else(|fault| {
            faults.push(fault);
            0
        });
        for (number, one) in test.alert_rule_test.iter().flatten().enumerate() {
            if one.alertname.is_empty() {
                let path = format!("alert_rule_test[{number}].alertname");
                faults.push(Fault::at_path(path, "must name an alert"));
            }
        }
        let input = Input::read(test, start_ms).unwrap_or_else(|wrong| {
            faults.extend(wrong);
            Input::default()
        });
        let settings = settings(test, input_ms);
        let groups = self.groups(&settings, &mut faults);
        let end_ms = start_ms.saturating_add(last_ms(test));
        let rules: usize = groups.iter().map(|group| group.rules.len()).sum();
        let slots = last_ms(test) / step_ms + 1;
        self.left -= slots.saturating_mul(rules.max(1) as i64);
        if self.left < 0 {
            let message = format!(
                "more than the limit of {EVALUATIONS_MAX} evaluations of a rule in all tests: test \
                 shorter times, or evaluate less often"
            );
            faults.push(Fault::at_path("", message));
        }
        if !faults.is_empty() {
            self.report.faults.append(&mut faults);
            return None;
        }
        let store = MemoryStore::with(Queries {
            subquery_step_ms: step_ms,
            samples_max: QUERY_SAMPLES_MAX,
            expired: self.patience.expired(),
        });
        let rehearsal = Rehearsal::new(groups, settings, &store);
        self.warn_of_unknown(test, &rehearsal);
        Some(Ready { start_ms, step_ms, input_ms, end_ms, input, store, rehearsal })
    }

    /// The groups of all files in the order of their evaluation.
    fn groups(&self, settings: &RuleSettings, faults: &mut Vec<Fault>) -> Vec<GroupSpec> {
        let mut groups = Vec::new();
        for (name, file) in self.files {
            match compile(name, file, settings) {
                Ok(specs) => groups.extend(specs),
                Err(wrong) => faults.extend(
                    wrong.into_iter().map(|fault| Fault::at_path("", format!("{name}:{fault}"))),
                ),
            }
        }
        let order = &self.plan.group_order;
        groups.sort_by_key(|group| order.get(&*group.name).copied().unwrap_or(0));
        groups
    }

    fn warn_of_unknown(&mut self, test: &TestCase, rehearsal: &Rehearsal) {
        for (number, one) in test.alert_rule_test.iter().flatten().enumerate() {
            if !rehearsal.has_alert(&one.alertname) {
                let message =
                    format!("no rule makes the alert {:?}: it can never fire", one.alertname);
                let path = format!("alert_rule_test[{number}].alertname");
                self.report.warnings.push(Fault::at_path(path, message));
            }
        }
    }

    fn compare_alerts(&mut self, number: usize, one: &AlertTest, rehearsal: &Rehearsal) {
        let expected =
            answers::expected_alerts(&one.alertname, one.exp_alerts.as_deref().unwrap_or_default());
        let got = answers::firing_alerts(rehearsal.firing(&one.alertname));
        if expected != got {
            let told = answers::told_alerts(&expected, &got);
            let at = one.eval_time.unwrap_or_default();
            let message = format!("alert {:?} at {at}: {told}", one.alertname);
            let path = format!("alert_rule_test[{number}].exp_alerts");
            self.report.faults.push(Fault::at_path(path, message));
        }
    }

    fn compare_answer(&mut self, number: usize, one: &ExprTest, ready: &Ready) {
        let path = format!("promql_expr_test[{number}]");
        let at = one.eval_time.unwrap_or_default();
        let mut fail = |field: String, message: String| {
            let message = format!("{:?} at {at}: {message}", one.expr);
            self.report.faults.push(Fault::at_path(format!("{path}.{field}"), message));
        };
        let parsed = parse_expr(&one.expr, &RULE_OPTIONS);
        let expr = match parsed {
            Ok(expr) => expr,
            Err(error) => return fail("expr".to_owned(), error.to_string()),
        };
        let answer = ready.store.evaluate(&expr, ready.start_ms + at.as_millis());
        let got = match answer.and_then(answers::answered_elements) {
            Ok(got) => got,
            Err(_) if self.patience.is_over() => {
                self.report.unfinished = true;
                return;
            }
            Err(error) => return fail("expr".to_owned(), error),
        };
        let expected = one.exp_samples.as_deref().unwrap_or_default();
        match answers::expected_elements(expected) {
            Err((at, field, message)) => fail(format!("exp_samples[{at}].{field}"), message),
            Ok(expected) if answers::same_elements(&expected, &got, self.plan.fuzzy_compare) => {}
            Ok(expected) => {
                fail("exp_samples".to_owned(), answers::told_elements(&expected, &got));
            }
        }
    }
}

fn settings(test: &TestCase, interval_ms: i64) -> RuleSettings {
    let labels = test.external_labels.iter().flatten();
    RuleSettings {
        external_labels: labels
            .map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()))
            .collect(),
        external_url: test.external_url.clone().unwrap_or_default(),
        interval_ms,
        parse_options: RULE_OPTIONS,
        ..RuleSettings::default()
    }
}

/// The latest time that a test looks at, since its start.
fn last_ms(test: &TestCase) -> i64 {
    let alerts = test.alert_rule_test.iter().flatten().map(|one| one.eval_time);
    let answers = test.promql_expr_test.iter().flatten().map(|one| one.eval_time);
    let times = alerts.chain(answers).map(|time| time.unwrap_or_default().as_millis());
    times.max().unwrap_or(0)
}

/// Seconds since 1970, with a fraction, or RFC 3339.
fn start_ms(test: &TestCase) -> Result<i64, Fault> {
    // Beyond the year 9999 nobody tests, and sums of times stay far from the ends of 64 bits.
    const SECONDS_MAX: f64 = 253_402_300_799.0;
    let Some(text) = &test.start_timestamp else { return Ok(0) };
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() <= SECONDS_MAX);
    if let Some(seconds) = seconds {
        return Ok((seconds * 1000.0).round() as i64);
    }
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| {
        let message = format!("{text:?} is neither seconds since 1970 nor a time as of RFC 3339");
        Fault::at_path("start_timestamp", message)
    })
}
