//! Prometheus's own configuration files, judged alike.
//!
//! Sections and discoveries that Hearth does not have are refused, too, but as "not supported";
//! such files count as taken if nothing else is wrong with them.
#![allow(clippy::disallowed_methods, reason = "a test may read files")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

use std::path::{Path, PathBuf};

use protocol::scrape_config::ScrapeConfiguration;
use protocol::scrape_config_faults::NOT_SUPPORTED;

/// Files that Prometheus takes and we do.
const TAKEN_BASELINE: usize = 68;
/// Files that Prometheus refuses and we do, for whatever reason.
const REFUSED_BASELINE: usize = 147;

fn folder() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("HEARTH_SHARED").map_or_else(default, PathBuf::from);
    let folder = folder.join("scrape-testdata/prometheus/config");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no {}; set HEARTH_SHARED", folder.display());
    None
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|ending| ending == "yml") {
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn prometheus_files_are_judged_as_prometheus_does() {
    let Some(folder) = folder() else { return };
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for (name, text) in files(&folder) {
        let must_fail = name.ends_with(".bad.yml");
        let faults = ScrapeConfiguration::parse(&text).err().unwrap_or_default();
        let mut invalid = faults.iter().filter(|fault| !fault.message.contains(NOT_SUPPORTED));
        match (must_fail, invalid.next()) {
            (true, _) if !faults.is_empty() => refused += 1,
            (true, _) => wrong.push(format!("{name}: taken")),
            (false, None) => taken += 1,
            (false, Some(fault)) => wrong.push(format!("{name}: {fault}")),
        }
    }
    println!("{taken} taken, {refused} refused as Prometheus does; not so:\n{}", wrong.join("\n"));
    assert!(taken >= TAKEN_BASELINE, "only {taken} taken, it was {TAKEN_BASELINE}");
    assert!(refused >= REFUSED_BASELINE, "only {refused} refused, it was {REFUSED_BASELINE}");
}
