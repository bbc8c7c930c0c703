//! A file of any kind: found out what it is, then judged.

use protocol::fault::Fault;
use protocol::yaml;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::manifests;
use crate::specs;
use crate::unit_tests::Suite;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Documents with `apiVersion` and `kind`.
    Manifests,
    /// `groups:`
    RuleFile,
    /// `alertmanager_config:`, or a plain alert manager configuration with `route:`.
    Definition,
    /// `scrape_configs:`
    ScrapeConfiguration,
    /// `tests:`; see [`crate::unit_tests`] and [`crate::unit_test_run`] for what its tests say.
    RuleTests,
    /// None of these.
    Unknown,
}

/// What a file is and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What it is.
    pub kind: FileKind,
    /// Everything that is wrong, in order of the lines.
    pub faults: Vec<Fault>,
    /// What is good, but without effect or hardly meant.
    pub warnings: Vec<Fault>,
}

/// The top-level keys that tell the kinds of files apart.
#[derive(Debug, Default, Deserialize)]
struct Keys {
    #[serde(rename = "apiVersion")]
    api_version: Option<IgnoredAny>,
    groups: Option<IgnoredAny>,
    alertmanager_config: Option<IgnoredAny>,
    route: Option<IgnoredAny>,
    receivers: Option<IgnoredAny>,
    scrape_configs: Option<IgnoredAny>,
    global: Option<IgnoredAny>,
    kind: Option<IgnoredAny>,
    tests: Option<IgnoredAny>,
    evaluation_interval: Option<IgnoredAny>,
    rule_files: Option<IgnoredAny>,
}

/// Judges a file.
pub fn judge(text: &str) -> Verdict {
    let kind = kind_of(text);
    let mut faults = match kind {
        FileKind::Manifests => manifests::read(text).faults,
        FileKind::RuleFile => specs::rule_file(text),
        FileKind::Definition => specs::definition(text),
        FileKind::ScrapeConfiguration => specs::scrape_configuration(text),
        FileKind::RuleTests => Suite::parse(text).err().unwrap_or_default(),
        FileKind::Unknown => vec![Fault {
            message: "neither manifests, nor a rule file, nor unit tests of rules, nor an alert \
                      manager definition, nor a scrape configuration"
                .to_owned(),
            ..Fault::default()
        }],
    };
    faults.sort();
    Verdict { kind, faults, warnings: Vec::new() }
}

fn kind_of(text: &str) -> FileKind {
    let several = text.lines().any(|line| line.starts_with("---"));
    let keys: Keys = match yaml::parse(text) {
        Ok(keys) => keys,
        // What is no single YAML document can only be a sequence of manifests.
        Err(_) if several || text.contains("apiVersion:") => return FileKind::Manifests,
        Err(_) => guess(text),
    };
    if keys.api_version.is_some() || keys.kind.is_some() {
        FileKind::Manifests
    } else if keys.groups.is_some() {
        FileKind::RuleFile
    } else if keys.alertmanager_config.is_some() || keys.route.is_some() || keys.receivers.is_some()
    {
        FileKind::Definition
    } else if keys.scrape_configs.is_some() || keys.global.is_some() {
        FileKind::ScrapeConfiguration
    } else if keys.tests.is_some()
        || keys.evaluation_interval.is_some()
        || keys.rule_files.is_some()
    {
        FileKind::RuleTests
    } else {
        FileKind::Unknown
    }
}

/// A file that is no YAML is judged as what its first keys look like, so that its fault is told.
fn guess(text: &str) -> Keys {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key)).then_some(IgnoredAny);
    Keys {
        groups: has("groups:"),
        alertmanager_config: has("alertmanager_config:"),
        route: has("route:"),
        receivers: has("receivers:"),
        scrape_configs: has("scrape_configs:"),
        global: has("global:"),
        tests: has("tests:"),
        evaluation_interval: has("evaluation_interval:"),
        rule_files: has("rule_files:"),
        ..Keys::default()
    }
}
