//! `hearth check` by its binary: codes, places, formats.
//!
//! The unit tests' verdicts stand in the names of the files below check/tests/unit_tests. They are
//! promtool's: with HEARTH_PROMTOOL set to its path, both are run and compared.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn hearth(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hearth"))
        .arg("check")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/unit_tests");
    let entries = std::fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("one"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| {
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        name.starts_with("pass_") || name.starts_with("fail_")
    });
    files.sort();
    assert!(files.len() >= 30, "cases are missing: {files:?}");
    files
}

#[test]
fn unit_tests_of_rules_get_the_verdict_of_their_name() {
    let mut wrong = Vec::new();
    for file in cases() {
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let expected = i32::from(name.starts_with("fail_"));
        let output = hearth(&[&file.to_string_lossy()], "");
        let code = output.status.code();
        let told = told(&output);
        if code != Some(expected) || (expected == 1 && !told.contains(&format!("{name}:"))) {
            wrong.push(format!("{name}: {code:?}\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn promtool_says_the_same() {
    let Some(promtool) = std::env::var_os("HEARTH_PROMTOOL") else {
        eprintln!("SKIPPED: HEARTH_PROMTOOL does not name a promtool");
        return;
    };
    for file in cases() {
        let output = Command::new(&promtool).args(["test", "rules"]).arg(&file).output();
        let passed = output.expect("promtool runs").status.success();
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        assert_eq!(passed, name.starts_with("pass_"), "{name}");
    }
}

#[test]
fn a_failing_test_is_told_with_its_place_and_both_sides() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/unit_tests");
    let output = hearth(&[&folder.join("fail_value.yml").to_string_lossy()], "");
    let told = told(&output);
    let end = "fail_value.yml:14:18: tests[0].promql_expr_test[0].exp_samples: \"job:up:sum\" at 1m: \
               got job:up:sum{job=\"x\"} 2; expected job:up:sum{job=\"x\"} 3\n";
    assert!(told.ends_with(end), "{told}");
}

#[test]
fn standard_input_and_json() {
    let text = "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum(up'}\n";
    let output = hearth(&["-", "--format", "json"], text);
    assert_eq!(output.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(findings[0]["file"], "-");
    assert_eq!(findings[0]["line"], 4);
    assert_eq!(findings[0]["path"], "groups[0].rules[0].expr");
    assert_eq!(findings[0]["severity"], "error");
    let output = hearth(&["-", "--format", "json"], "groups: []\n");
    assert_eq!((output.status.code(), told(&output).trim()), (Some(0), "[]"));
}

#[test]
fn a_missing_file_is_no_verdict() {
    let output = hearth(&["/nonexistent/file.yaml"], "");
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("/nonexistent/file.yaml: "), "{error}");
}
