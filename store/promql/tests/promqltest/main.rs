//! Runs Prometheus's own PromQL scripts against the engine.
//!
//! The scripts are not part of this repository. `HEARTH_PROMQL_SCRIPTS` names their folder, with
//! one folder a version in it; `make conformance` takes them from Prometheus's own Go module.
//! Without it: `promqltest` in `HEARTH_SHARED` (default: `shared` beside the repository). A table
//! says how many evaluations of each file hold; fewer than `baseline.txt` says is a failure. What
//! fails, and why, is written to a file whose name is printed.

mod at_modifier;
mod compare;
mod expectation;
mod nhcb;
mod run;
mod script;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::run::{Annotated, Outcome, run_script};

const BASELINE: &str = include_str!("baseline.txt");

#[test]
fn scripts_hold() {
    let Some(folder) = scripts_folder() else {
        println!("\n*** SKIPPED: no PromQL scripts; `make conformance` fetches them\n");
        return;
    };
    let mut table = BTreeMap::new();
    let mut failures = String::new();
    for version in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        for file in entries(&version).into_iter().filter(|path| has_extension(path, "test")) {
            let name = format!("{}/{}", file_name(&version), file_name(&file));
            // Since after 3.14.0 scripts compare annotations together with their position.
            let plain = file_name(&version).starts_with("v3.14.");
            let annotated = if plain { Annotated::Plain } else { Annotated::WithPosition };
            let outcome = run_file(&file, annotated);
            let _ = write_failures(&mut failures, &name, &outcome);
            table.insert(name, (outcome.passed, outcome.total));
        }
    }
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("promqltest-failures.md");
    write_file(&report, &failures);
    print_table(&table);
    println!("failures with their causes: {}", report.display());
    hold_baseline(&table);
}

#[test]
fn every_expression_prints_and_parses_to_the_same() {
    let Some(folder) = scripts_folder() else {
        println!("\n*** SKIPPED: no PromQL scripts; `make conformance` fetches them\n");
        return;
    };
    let mut expressions = BTreeSet::new();
    for version in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        for file in entries(&version).into_iter().filter(|path| has_extension(path, "test")) {
            let commands = script::parse_script(&read(&file)).expect("the scripts are well-formed");
            expressions.extend(commands.into_iter().filter_map(|command| match command {
                script::Command::Eval(eval) => Some(eval.expr),
                script::Command::Clear | script::Command::Load(_) => None,
            }));
        }
    }
    assert!(expressions.len() > 1500, "only {} expressions found", expressions.len());
    let options = promql::options::ParseOptions::ALL;
    for text in expressions.iter().filter(|text| !text.contains("\\xff") && !text.contains("\\xc5"))
    {
        let parsed = promql::parser::parse_expr(text, &options);
        let printed = parsed.unwrap_or_else(|error| panic!("{text}: {error}")).to_string();
        let again = promql::parser::parse_expr(&printed, &options);
        let again = again.unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(again.to_string(), printed, "{text}");
        let pretty = promql::prettifier::prettify(&again);
        let back = promql::parser::parse_expr(&pretty, &options);
        let back = back.unwrap_or_else(|error| panic!("{pretty}: {error}"));
        assert_eq!(back.to_string(), printed, "{pretty}");
    }
}

fn run_file(file: &Path, annotated: Annotated) -> Outcome {
    match script::parse_script(&read(file)) {
        Ok(commands) => run_script(&commands, annotated),
        Err(error) => {
            Outcome { passed: 0, total: 0, failures: vec![(0, "the script".to_owned(), error)] }
        }
    }
}

fn write_failures(out: &mut String, name: &str, outcome: &Outcome) -> std::fmt::Result {
    if outcome.failures.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {name}: {} of {}\n", outcome.passed, outcome.total)?;
    for (line, expr, cause) in &outcome.failures {
        writeln!(out, "- line {line}: `{expr}`\n  {cause}")?;
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the table is the report")]
fn print_table(table: &BTreeMap<String, (usize, usize)>) {
    for (name, (passed, total)) in table {
        let mark = if passed == total { "" } else { "   <" };
        println!("{name:45} {passed:4} / {total:4}{mark}");
    }
    let passed: usize = table.values().map(|(passed, _)| passed).sum();
    let total: usize = table.values().map(|(_, total)| total).sum();
    println!("{:45} {passed:4} / {total:4}", "all");
}

fn hold_baseline(table: &BTreeMap<String, (usize, usize)>) {
    assert!(!table.is_empty(), "the folder of scripts holds no version");
    let mut worse = Vec::new();
    let version = |name: &str| name.split('/').next().map(str::to_owned);
    let versions: BTreeSet<_> = table.keys().map(|name| version(name)).collect();
    for line in BASELINE.lines().filter(|line| !line.starts_with('#')) {
        let (name, count) = line.rsplit_once(' ').expect("a line is `FILE COUNT`");
        if !versions.contains(&version(name)) {
            continue;
        }
        let wanted: usize = count.parse().expect("the count is a number");
        let passed = table.get(name.trim()).map_or(0, |(passed, _)| *passed);
        if passed < wanted {
            worse.push(format!("{name}: {passed} evaluations hold, {wanted} did before"));
        }
    }
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[allow(clippy::disallowed_methods, reason = "a test finds its data")]
fn scripts_folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("HEARTH_PROMQL_SCRIPTS").map(PathBuf::from) {
        assert!(named.is_dir(), "HEARTH_PROMQL_SCRIPTS: no folder {}", named.display());
        return Some(named);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("HEARTH_SHARED").map_or(root.join("../shared"), PathBuf::from);
    Some(shared.join("promqltest")).filter(|folder| folder.is_dir())
}

#[allow(clippy::disallowed_methods, reason = "a test reads its data")]
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of scripts can be read");
    let mut paths: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[allow(clippy::disallowed_methods, reason = "a test reads its data")]
fn read(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).expect("the script can be read")).into_owned()
}

#[allow(clippy::disallowed_methods, reason = "a test writes its report")]
fn write_file(file: &Path, text: &str) {
    std::fs::write(file, text).expect("the target folder can be written");
}
