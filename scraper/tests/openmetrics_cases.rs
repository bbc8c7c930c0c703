//! The parser cases of the OpenMetrics project.
//!
//! Every valid body must parse. Of the invalid ones Prometheus's parser takes many (it does not
//! hold samples against the type of their family); ours must refuse at least as many as it did
//! before.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

use std::path::PathBuf;

use scraper::exposition::{Dialect, Entry, body_text};
use scraper::exposition_parser::Parser;
use scraper::series_labels::parse_series;

/// Of 211 cases: how many invalid bodies are refused.
const REFUSED_BASELINE: usize = 87;

fn shared() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("HEARTH_SHARED").map_or_else(default, PathBuf::from);
    let folder = folder.join("scrape-testdata/openmetrics/parsers");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no {}; set HEARTH_SHARED", folder.display());
    None
}

fn parse_all(body: &[u8]) -> Result<usize, String> {
    let text = body_text(body).map_err(|error| error.to_string())?;
    let mut parser = Parser::new(Dialect::OpenMetrics, &text);
    let mut samples = 0;
    while let Some(entry) = parser.next_entry().map_err(|error| error.to_string())? {
        if let Entry::Sample(line) = entry {
            parse_series(line.series, Dialect::OpenMetrics).map_err(|error| error.to_string())?;
            if let Some(exemplar) = line.exemplar {
                parse_series(exemplar.labels, Dialect::OpenMetrics)
                    .map_err(|error| error.to_string())?;
            }
            samples += 1;
        }
    }
    Ok(samples)
}

#[test]
fn valid_bodies_parse_and_invalid_ones_are_mostly_refused() {
    let Some(folder) = shared() else { return };
    let (mut valid, mut refused, mut taken) = (0, 0, Vec::new());
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    for case in &cases {
        let about = std::fs::read_to_string(case.join("test.json")).unwrap();
        let about: serde_json::Value = serde_json::from_str(&about).unwrap();
        let body = std::fs::read(case.join(about["file"].as_str().unwrap())).unwrap();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        match (about["shouldParse"].as_bool().unwrap(), parse_all(&body)) {
            (true, Ok(_)) => valid += 1,
            (true, Err(error)) => panic!("{name} must parse: {error}"),
            (false, Err(_)) => refused += 1,
            (false, Ok(_)) => taken.push(name),
        }
    }
    let total = cases.len();
    println!("{total} cases: {valid} valid ones parsed, {refused} invalid ones refused");
    println!("taken although invalid ({}): {taken:?}", taken.len());
    assert_eq!(valid + refused + taken.len(), 211);
    assert!(refused >= REFUSED_BASELINE, "only {refused} refused, it was {REFUSED_BASELINE}");
}
