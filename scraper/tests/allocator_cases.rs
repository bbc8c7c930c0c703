//! Targets and their labels as `promtool check service-discovery` gives them.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it saw")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use protocol::labels::Labels;
use protocol::scrape_config::ScrapeConfiguration;
use scraper::discovery::static_groups;
use scraper::target_labels::targets_of;

fn cases() -> Vec<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("HEARTH_SHARED").map_or_else(default, PathBuf::from);
    let folder = folder.join("scrape-testdata/allocator-conformance");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("SKIPPED: no {}; set HEARTH_SHARED", folder.display());
        return Vec::new();
    };
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    assert_eq!(cases.len(), 19);
    cases
}

fn labels(value: &serde_json::Value) -> Labels {
    let pairs = value.as_object().unwrap().iter();
    Labels::from_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
}

/// The golden files know neither the switches of histograms nor what else is set for all jobs.
fn comparable(labels: &Labels) -> String {
    let plain = labels.without(&[
        "__convert_classic_histograms_to_nhcb__",
        "__always_scrape_classic_histograms__",
        "__scrape_native_histograms__",
    ]);
    plain.to_string()
}

#[test]
fn targets_are_those_of_promtool() {
    for case in cases() {
        let text = std::fs::read_to_string(case.join("prometheus.yaml")).unwrap();
        let golden = std::fs::read_to_string(case.join("golden.json")).unwrap();
        let golden: Vec<serde_json::Value> = serde_json::from_str(&golden).unwrap();
        let config = ScrapeConfiguration::parse(&text)
            .unwrap_or_else(|faults| panic!("{}: {faults:?}", case.display()));
        let mut found = BTreeSet::new();
        for job in config.jobs() {
            for target in targets_of(&job, &static_groups(&job)).active {
                found.insert((comparable(&target.discovered), comparable(&target.labels)));
            }
        }
        // A target that is dropped has no labels in the golden file.
        let kept = golden
            .iter()
            .filter(|one| one["labels"].as_object().is_some_and(|labels| !labels.is_empty()));
        let expected: BTreeSet<(String, String)> = kept
            .map(|one| {
                (comparable(&labels(&one["discoveredLabels"])), comparable(&labels(&one["labels"])))
            })
            .collect();
        let labels = |set: &BTreeSet<(String, String)>| -> BTreeSet<String> {
            set.iter().map(|pair| pair.1.clone()).collect()
        };
        assert_eq!(labels(&found), labels(&expected), "{}", case.display());
        // promtool lists targets that came out equal one by one; to a scraper they are one.
        assert!(found.is_subset(&expected), "{}: {found:?}", case.display());
    }
}
