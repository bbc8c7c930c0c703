//! Manifests of monitors and what they become.
//!
//! `HEARTH_UPDATE=1` writes the expected files anew; `promtool check config` reads them.

use std::path::{Path, PathBuf};

use kube::api::DynamicObject;
use protocol::scrape_config::{GlobalConfig, ScrapeConfiguration};
use scraper::monitors::values::{ValueObject, ValueSource, Values};
use scraper::monitors::{MonitorKind, jobs};

/// The Secret `credentials` and the ConfigMap `authorities` of the namespace `shop`.
struct Fixture;

impl Values for Fixture {
    fn value(&self, object: &ValueObject, key: &str) -> Result<String, String> {
        let known = match object.source {
            ValueSource::Secret => object.name == "credentials" && key == "password",
            ValueSource::ConfigMap => object.name == "authorities" && key == "ca.crt",
        };
        if known && object.namespace == "shop" {
            return Ok(format!("the {key}"));
        }
        Err(format!("{} {:?} is not there", object.source.as_str(), object.name))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/monitors")
}

fn converted(text: &str) -> Result<ScrapeConfiguration, String> {
    let object: DynamicObject = protocol::yaml_reader::from_str(text).expect("an object");
    let written = object.types.as_ref().expect("a kind");
    let kind = MonitorKind::ALL.into_iter().find(|kind| {
        kind.as_str() == written.kind && kind.resource().api_version == written.api_version
    });
    let kind = kind.expect("a kind that is read");
    let jobs = jobs(kind, &object, &GlobalConfig::default(), &Fixture)?;
    let scrape_configs = jobs.into_iter().map(Some).collect();
    Ok(ScrapeConfiguration { scrape_configs, ..ScrapeConfiguration::default() })
}

#[test]
fn each_manifest_becomes_what_is_written_beside_it() {
    let mut seen = 0;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder of manifests")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it reads");
        let found = match converted(&text) {
            Ok(configuration) => serde_saphyr::to_string(&configuration).expect("it is written"),
            Err(reason) => format!("# refused: {reason}\n"),
        };
        let expected = file.with_extension("expected.yml");
        if std::env::var_os("HEARTH_UPDATE").is_some() {
            std::fs::write(&expected, &found).expect("it is written");
        }
        let known = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(known, found, "{}: HEARTH_UPDATE=1 writes it anew", file.display());
        seen += 1;
    }
    assert!(seen >= 12, "{seen} manifests");
}
