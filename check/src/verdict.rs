//! The two verdicts: on a file, and on an object of a kind.
//!
//! A file is found out what it is, then judged.

use std::collections::BTreeSet;

use protocol::fault::Fault;
use protocol::yaml;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::judgement::{Judgement, Source};
use crate::manifest::Kind;
use crate::patience::Patience;
use crate::unit_tests::Suite;
use crate::{manifests, rule_text, schema, scrape_warnings, scraper_spec, specs};

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

/// Everything that is wrong with the `spec` of a custom resource: what the controllers, the webhook
/// and `hearth check` say of it. Faults have paths, and places only in texts that it holds.
pub fn object(kind: Kind, spec: &Value) -> Vec<Fault> {
    object_within(kind, spec, &Patience::endless()).faults
}

/// The same with warnings, and with an end to unit tests of rules that take too long.
pub fn object_within(kind: Kind, spec: &Value, patience: &Patience) -> Judgement {
    let bounds = schema::out_of_bounds(kind, spec);
    let source = Source::Object;
    let judged = match kind {
        // A Secret has no specification, and is not asked about.
        Kind::Secret => Ok(Judgement::default()),
        Kind::Store => read(spec).map(|spec| specs::store(&spec)),
        Kind::Workspace => read(spec).map(|spec| specs::workspace(&spec)),
        Kind::Scraper => read(spec).map(|spec| scraper_spec::judge(&spec, source)),
        Kind::RuleGroup => read(spec).map(|spec| specs::rule_group(&spec, source, patience)),
        Kind::AlertManagerConfig => {
            read(spec).map(|spec| specs::alert_manager_config(&spec, source))
        }
    };
    let mut judgement = judged.unwrap_or_else(|fault| {
        let faults = vec![fault];
        Judgement { faults, ..Judgement::default() }
    });
    let told: BTreeSet<&str> = judgement.faults.iter().map(|fault| &*fault.path).collect();
    let (_, more): (Vec<Fault>, Vec<Fault>) =
        bounds.into_iter().partition(|fault| told.contains(&*fault.path));
    judgement.faults.extend(more);
    judgement
}

/// Reads a specification; the fault names the field that does not fit.
fn read<S: DeserializeOwned>(spec: &Value) -> Result<S, Fault> {
    S::deserialize(spec).map_err(|error| {
        // The reader of YAML tells where; JSON is YAML.
        let text = spec.to_string();
        let fault = yaml::parse::<S>(&text).err();
        let fault = fault.unwrap_or_else(|| Fault::at_path("", error.to_string()));
        Fault { line: 0, column: 0, ..fault }.below("spec")
    })
}

/// Judges a file.
pub fn judge(text: &str) -> Verdict {
    let kind = kind_of(text);
    let (mut faults, mut warnings) = match kind {
        FileKind::Manifests => {
            let reading = manifests::read(text);
            (reading.faults, reading.warnings)
        }
        FileKind::RuleFile => (rule_text::rule_file(text), rule_text::rule_warnings(text)),
        FileKind::Definition => (specs::definition(text), Vec::new()),
        FileKind::ScrapeConfiguration => {
            (specs::scrape_configuration(text), scrape_warnings::of_text(text))
        }
        FileKind::RuleTests => (Suite::parse(text).err().unwrap_or_default(), Vec::new()),
        FileKind::Unknown => (vec![unknown()], Vec::new()),
    };
    faults.sort();
    warnings.sort();
    Verdict { kind, faults, warnings }
}

fn unknown() -> Fault {
    Fault {
        message: "neither manifests, nor a rule file, nor unit tests of rules, nor an alert \
                  manager definition, nor a scrape configuration"
            .to_owned(),
        ..Fault::default()
    }
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
