//! `hearth check`: judges what users write.
//!
//! Exit code 0: all good; 1: something is wrong; 2: something could not be read. Warnings, for what
//! is good but without effect, leave the code alone.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use check::manifests::TEXT_BYTES_MAX;
use check::patience::Patience;
use check::unit_test_run::{RuleText, run_suite};
use check::unit_tests::Suite;
use check::verdict::{self, FileKind};
use protocol::fault::Fault;
use serde::Serialize;

use crate::cli::{CheckArgs, CheckFormat};
use crate::{glob, yaml_files};

/// The name of a file that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// One finding.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    file: String,
    line: u32,
    column: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    message: String,
    severity: Severity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Error,
    Warning,
}

/// Prints `FILE:LINE:COLUMN: field: message` for each fault.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut findings = Vec::new();
    for (file, text) in texts(&args.files)? {
        let before = findings.len();
        judge(&file, &text, &mut findings)?;
        findings[before..].sort_by_key(|finding| (finding.line, finding.column));
    }
    let mut out = std::io::stdout().lock();
    match args.format {
        CheckFormat::Text => {
            for finding in &findings {
                writeln!(out, "{}", line(finding))?;
            }
        }
        CheckFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &findings)?;
            writeln!(out)?;
        }
    }
    let wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Every file that was named, or lies in a folder that was.
fn texts(paths: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut texts = Vec::new();
    for path in paths {
        if path == Path::new(STANDARD_INPUT) {
            texts.push((path.clone(), standard_input()?));
            continue;
        }
        let fail = |file: &Path, error: String| anyhow::anyhow!("{}: {error}", file.display());
        for file in yaml_files::list(path).map_err(|error| fail(path, error))? {
            let text = yaml_files::read(&file).map_err(|error| fail(&file, error))?;
            texts.push((file, text));
        }
    }
    Ok(texts)
}

fn standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    let bounded = std::io::stdin().lock().take(TEXT_BYTES_MAX as u64 + 1);
    std::io::BufReader::new(bounded).read_to_string(&mut text).context("standard input")?;
    anyhow::ensure!(
        text.len() <= TEXT_BYTES_MAX,
        "standard input exceeds the limit of {TEXT_BYTES_MAX} bytes"
    );
    Ok(text)
}

fn judge(file: &Path, text: &str, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
    let verdict = verdict::judge(text);
    let mut add = |faults: Vec<Fault>, severity: Severity| {
        findings.extend(faults.into_iter().map(|fault| Finding {
            file: file.display().to_string(),
            line: fault.line.max(1),
            column: fault.column.max(1),
            path: fault.path,
            message: fault.message,
            severity,
        }));
    };
    if verdict.kind == FileKind::RuleTests && verdict.faults.is_empty() {
        let suite = Suite::parse(text).map_err(|_| anyhow::anyhow!("the file was judged good"))?;
        let (rules, faults) = rule_files(file, &suite);
        add(suite.placed(faults), Severity::Error);
        let report = run_suite(&suite, &rules, &Patience::endless());
        add(report.faults, Severity::Error);
        add(report.warnings, Severity::Warning);
    }
    add(verdict.faults, Severity::Error);
    add(verdict.warnings, Severity::Warning);
    Ok(())
}

/// The rules that a test file names, found relative to it; each file once.
fn rule_files(file: &Path, suite: &Suite) -> (Vec<RuleText>, Vec<Fault>) {
    let base = file.parent().filter(|folder| *folder != Path::new(""));
    let base = base.unwrap_or(Path::new("."));
    let (mut rules, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (pattern, text) in suite.rule_files.iter().enumerate() {
        let path = format!("rule_files[{pattern}]");
        let found = match glob::find(base, text) {
            Ok(found) => found,
            Err(error) => {
                faults.push(Fault::at_path(path, error.to_string()));
                continue;
            }
        };
        for found in found {
            let name = found.strip_prefix(".").unwrap_or(&found).display().to_string();
            match yaml_files::read(&found) {
                Ok(text) if seen.insert(found) => rules.push(RuleText { pattern, name, text }),
                Ok(_) => {}
                Err(error) => faults.push(Fault::at_path(&path, format!("{name}: {error}"))),
            }
        }
    }
    (rules, faults)
}

fn line(finding: &Finding) -> String {
    let Finding { file, line, column, path, message, severity } = finding;
    let severity = match severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
    };
    let separator = if path.is_empty() { "" } else { ": " };
    format!("{file}:{line}:{column}: {severity}{path}{separator}{message}")
}
