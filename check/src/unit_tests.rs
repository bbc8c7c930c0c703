//! Unit tests of rules, as promtool's test files have them.
//!
//! ```text
//! rule_files: [rules.yml]            which rules; in a RuleGroup its own
//! evaluation_interval: 1m            when they are evaluated
//! tests:
//! - interval: 1m                     input: one sample of each series every minute
//!   input_series: [{series: up, values: 1+0x5 0x5}]
//!   alert_rule_test: [...]           which alerts fire then
//!   promql_expr_test: [...]          what an expression answers then
//! ```
//!
//! This file reads; `unit_test_run` runs. The format and its meaning are promtool's ("Unit Testing
//! for Rules" of Prometheus's documentation); unknown fields are refused, as there.

use std::collections::{BTreeMap, BTreeSet};

use protocol::fault::Fault;
use protocol::places::Places;
use protocol::time::PromDuration;
use protocol::yaml;
use serde::Deserialize;

/// Most tests of one file: what a folder of rules has, many times over.
pub const TESTS_MAX: usize = 1000;

/// Largest test file: a generous multiple of what people write by hand.
pub const TEST_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A test file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// Patterns of rule files, relative to the test file.
    #[serde(default)]
    rule_files: Option<Vec<String>>,
    /// Between two evaluations of the rules.
    #[serde(default)]
    evaluation_interval: Option<PromDuration>,
    /// Groups in the order of their evaluation; others come with the first.
    #[serde(default)]
    group_eval_order: Option<Vec<String>>,
    /// Numbers may differ by the smallest step there is.
    #[serde(default)]
    fuzzy_compare: Option<bool>,
    /// The tests.
    #[serde(default)]
    tests: Option<Vec<TestCase>>,
}

/// One test: input, and what is expected when.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// For people.
    pub name: Option<String>,
    /// Between two samples of the input; the file's evaluation interval where left out.
    pub interval: Option<PromDuration>,
    /// In a RuleGroup only, where no file says it: between two evaluations.
    pub evaluation_interval: Option<PromDuration>,
    /// The input.
    pub input_series: Option<Vec<InputSeries>>,
    /// Expected alerts.
    pub alert_rule_test: Option<Vec<AlertTest>>,
    /// Expected answers.
    pub promql_expr_test: Option<Vec<ExprTest>>,
    /// What templates see as `$externalLabels`.
    pub external_labels: Option<BTreeMap<String, Option<String>>>,
    /// What templates see as `$externalURL`.
    pub external_url: Option<String>,
    /// When the test begins: seconds since 1970 or RFC 3339; 1970 where left out.
    pub start_timestamp: Option<String>,
}

/// A series and its samples, in the notation of PromQL's test scripts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSeries {
    /// `metric{label="value"}`
    #[serde(default)]
    pub series: String,
    /// `1+2x3 _ stale`
    #[serde(default)]
    pub values: String,
}

/// Which alerts of a name fire at a time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertTest {
    /// Since the test began.
    pub eval_time: Option<PromDuration>,
    /// The alert.
    #[serde(default)]
    pub alertname: String,
    /// All that fire; none where left out.
    pub exp_alerts: Option<Vec<ExpectedAlert>>,
}

/// One alert.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedAlert {
    /// Without `alertname`.
    pub exp_labels: Option<BTreeMap<String, Option<String>>>,
    /// All of them.
    pub exp_annotations: Option<BTreeMap<String, Option<String>>>,
}

/// What an expression answers at a time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExprTest {
    /// PromQL.
    #[serde(default)]
    pub expr: String,
    /// Since the test began.
    pub eval_time: Option<PromDuration>,
    /// All elements; none where left out.
    pub exp_samples: Option<Vec<ExpectedSample>>,
}

/// One element of an answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSample {
    /// `metric{label="value"}`; no labels at all where left out.
    pub labels: Option<String>,
    /// A number.
    pub value: Option<f64>,
    /// A native histogram, `{{schema:0 ...}}`, instead of a number.
    pub histogram: Option<String>,
}

/// A test file that was read and may be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// As it was written.
    pub text: String,
    /// Patterns of rule files, relative to the test file.
    pub rule_files: Vec<String>,
    /// The rest, defaults filled in.
    pub plan: Plan,
}

/// The tests and what holds for all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Between two evaluations, milliseconds.
    pub evaluation_interval_ms: i64,
    /// Groups by their number in the order of evaluation.
    pub group_order: BTreeMap<String, usize>,
    /// Numbers may differ by the smallest step there is.
    pub fuzzy_compare: bool,
    /// The tests.
    pub tests: Vec<TestCase>,
}

/// Between two evaluations, where nobody says it.
const EVALUATION_INTERVAL_MS: i64 = 60_000;

impl Suite {
    /// Reads a test file; its rules are still to be found.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        if text.len() > TEST_FILE_BYTES_MAX {
            let bytes = text.len();
            let message =
                format!("file of {bytes} bytes exceeds the limit of {TEST_FILE_BYTES_MAX} bytes");
            return Err(vec![Fault::at_path("", message)]);
        }
        let file: Option<TestFile> = yaml::parse(text).map_err(|fault| vec![fault])?;
        let TestFile { rule_files, evaluation_interval, group_eval_order, fuzzy_compare, tests } =
            file.unwrap_or_default();
        let mut faults = Vec::new();
        let tests = tests.unwrap_or_default();
        for (number, test) in tests.iter().enumerate() {
            if test.evaluation_interval.is_some() {
                let path = format!("tests[{number}].evaluation_interval");
                faults.push(Fault::at_path(path, "stands beside tests, once for the whole file"));
            }
        }
        let plan = Plan {
            evaluation_interval_ms: interval_or(evaluation_interval, EVALUATION_INTERVAL_MS),
            group_order: group_order(group_eval_order.unwrap_or_default(), &mut faults),
            fuzzy_compare: fuzzy_compare.unwrap_or_default(),
            tests,
        };
        faults.extend(too_many(&plan));
        let suite =
            Self { text: text.to_owned(), rule_files: rule_files.unwrap_or_default(), plan };
        if faults.is_empty() { Ok(suite) } else { Err(suite.placed(faults)) }
    }

    /// Gives each fault the place of its field in the file.
    pub fn placed(&self, faults: Vec<Fault>) -> Vec<Fault> {
        if faults.is_empty() {
            return faults;
        }
        let places = Places::read(&self.text);
        let place = |fault: Fault| {
            let (line, column) = places.of(&fault.path);
            Fault { line, column, ..fault }
        };
        faults.into_iter().map(place).collect()
    }
}

impl Plan {
    /// Reads the tests of a RuleGroup, each an object as in the `tests` of a file.
    pub fn from_values(tests: &[serde_json::Value]) -> Result<Self, Vec<Fault>> {
        #[derive(Deserialize)]
        struct Tests {
            tests: Vec<TestCase>,
        }
        // JSON is YAML: one reader, so that numbers may stand for texts here as in files.
        let text = serde_json::json!({ "tests": tests }).to_string();
        let bare = |fault: Fault| Fault { line: 0, column: 0, ..fault };
        let read: Tests = yaml::parse(&text).map_err(|fault| vec![bare(fault)])?;
        let plan = Self {
            evaluation_interval_ms: EVALUATION_INTERVAL_MS,
            tests: read.tests,
            ..Self::default()
        };
        let faults: Vec<Fault> = too_many(&plan).into_iter().collect();
        if faults.is_empty() { Ok(plan) } else { Err(faults) }
    }

    /// Between two evaluations of this test, milliseconds.
    pub fn evaluation_interval_ms(&self, test: &TestCase) -> i64 {
        interval_or(test.evaluation_interval, self.evaluation_interval_ms)
    }
}

/// Zero stands for nothing said, as in promtool.
fn interval_or(interval: Option<PromDuration>, otherwise_ms: i64) -> i64 {
    interval.filter(|interval| !interval.is_zero()).map_or(otherwise_ms, PromDuration::as_millis)
}

fn group_order(names: Vec<String>, faults: &mut Vec<Fault>) -> BTreeMap<String, usize> {
    let mut seen = BTreeSet::new();
    for (number, name) in names.iter().enumerate() {
        if !seen.insert(name) {
            let message = format!("group {name:?} is named twice in the order of evaluation");
            faults.push(Fault::at_path(format!("group_eval_order[{number}]"), message));
        }
    }
    names.into_iter().enumerate().map(|(number, name)| (name, number)).collect()
}

fn too_many(plan: &Plan) -> Option<Fault> {
    let count = plan.tests.len();
    let message = format!("{count} tests exceed the limit of {TESTS_MAX} in one file");
    (count > TESTS_MAX).then(|| Fault::at_path("tests", message))
}
