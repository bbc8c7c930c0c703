//! The source of `hearth up`: files and folders of manifests.
//!
//! What is wrong is reported and leaves everything else in force: of a broken document its last
//! good version stays, and nothing is removed until the whole source reads well again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use check::manifest::{Manifest, ObjectKey};
use check::manifests::read;
use protocol::fault::Fault;

use crate::yaml_files;

/// A fault and the file it is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileFault {
    /// The file.
    pub file: PathBuf,
    /// What is wrong there.
    pub fault: Fault,
    /// The line as it is written; empty where it holds a secret or is not known.
    pub text: String,
}

impl std::fmt::Display for FileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.fault)?;
        if !self.text.is_empty() {
            write!(f, "\n    | {}", self.text)?;
        }
        Ok(())
    }
}

/// What the source says now.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Every object that is in force: good now, or good the last time it could be read.
    pub manifests: BTreeMap<ObjectKey, Manifest>,
    /// Everything that is wrong now.
    pub faults: Vec<FileFault>,
    /// What is valid but will not do what its writer may hope.
    pub warnings: Vec<FileFault>,
    /// Whether the whole source was read without a fault, so that what is gone may be removed.
    pub complete: bool,
}

/// The files given with `-f`, and what was last good in them.
pub struct Source {
    paths: Vec<PathBuf>,
    last: Snapshot,
}

/// One file as it was found.
struct Found {
    file: PathBuf,
    content: Result<String, String>,
}

impl Source {
    /// Reads nothing yet.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, last: Snapshot::default() }
    }

    /// The paths to watch.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What was read last.
    pub fn last(&self) -> &Snapshot {
        &self.last
    }

    /// Reads everything again.
    pub fn read(&mut self) -> &Snapshot {
        let mut found = Vec::new();
        for path in &self.paths {
            gather(path, &mut found);
        }
        self.last = judge(found, std::mem::take(&mut self.last.manifests));
        &self.last
    }
}

fn gather(path: &Path, found: &mut Vec<Found>) {
    match yaml_files::list(path) {
        Ok(files) => found.extend(files.into_iter().map(|file| {
            let content = yaml_files::read(&file);
            Found { file, content }
        })),
        Err(error) => found.push(Found { file: path.to_owned(), content: Err(error) }),
    }
}

/// Decides what is in force.
fn judge(found: Vec<Found>, mut before: BTreeMap<ObjectKey, Manifest>) -> Snapshot {
    let mut snapshot = Snapshot { complete: true, ..Snapshot::default() };
    let mut homes: BTreeMap<ObjectKey, (PathBuf, u32)> = BTreeMap::new();
    for Found { file, content } in found {
        let text = match content {
            Ok(text) => text,
            Err(message) => {
                snapshot.complete = false;
                let fault = Fault { message, ..Fault::default() };
                snapshot.faults.push(FileFault { file, fault, text: String::new() });
                continue;
            }
        };
        let reading = read(&text);
        snapshot.complete &= reading.faults.is_empty();
        for fault in reading.faults {
            let text = quotable_line(&text, fault.line);
            snapshot.faults.push(FileFault { file: file.clone(), fault, text });
        }
        for fault in reading.warnings {
            let text = quotable_line(&text, fault.line);
            snapshot.warnings.push(FileFault { file: file.clone(), fault, text });
        }
        for manifest in reading.manifests {
            if let Some((other, line)) = homes.get(&manifest.key) {
                snapshot.complete = false;
                let message =
                    format!("{} stands already in {}:{line}", manifest.key, other.display());
                let fault = Fault { line: manifest.line, column: 1, message, ..Fault::default() };
                snapshot.faults.push(FileFault { file: file.clone(), fault, text: String::new() });
                continue;
            }
            homes.insert(manifest.key.clone(), (file.clone(), manifest.line));
            snapshot.manifests.insert(manifest.key.clone(), manifest);
        }
    }
    if !snapshot.complete {
        before.append(&mut snapshot.manifests);
        snapshot.manifests = before;
    }
    snapshot
}

/// The text of a line, unless it may hold a secret.
fn quotable_line(text: &str, line: u32) -> String {
    const QUOTED_CHARS_MAX: usize = 160;
    let holds_secrets = text.lines().any(|line| line.trim_end() == "kind: Secret");
    if line == 0 || holds_secrets {
        return String::new();
    }
    let line = text.lines().nth(line as usize - 1).unwrap_or_default();
    line.trim_end().chars().take(QUOTED_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: hearth.dev/v1alpha1\nkind: Workspace\nmetadata: {name: a}\nspec: {alias: one}\n";

    fn write(dir: &Path, name: &str, text: &str) {
        std::fs::write(dir.join(name), text).expect("a temporary folder");
    }

    #[test]
    fn a_broken_document_keeps_its_last_good_version_and_stops_nothing_else() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), "a.yaml", GOOD);
        write(dir.path(), "b.yaml", &GOOD.replace("name: a", "name: b"));
        let mut source = Source::new(vec![dir.path().to_owned()]);
        assert!(source.read().complete);

        write(dir.path(), "a.yaml", &GOOD.replace("alias", "alas"));
        write(dir.path(), "b.yaml", &GOOD.replace("name: a", "name: b").replace("one", "two"));
        let snapshot = source.read();
        assert!(!snapshot.complete);
        let fault = snapshot.faults[0].to_string();
        assert!(fault.contains("a.yaml:4:") && fault.contains("alas: one"), "{fault}");
        let alias = |name: &str| {
            let found = snapshot.manifests.iter().find(|(key, _)| key.name == name);
            match &found.expect("in force").1.body {
                check::manifest::Body::Workspace(spec) => spec.alias.clone().unwrap_or_default(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((alias("a").as_str(), alias("b").as_str()), ("one", "two"));
    }

    #[test]
    fn what_is_gone_goes_only_after_a_complete_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), "a.yaml", GOOD);
        write(dir.path(), "b.yaml", &GOOD.replace("name: a", "name: b"));
        let mut source = Source::new(vec![dir.path().to_owned()]);
        assert_eq!(source.read().manifests.len(), 2);

        std::fs::remove_file(dir.path().join("a.yaml")).expect("it is there");
        write(dir.path(), "b.yaml", "kind: [");
        assert_eq!(source.read().manifests.len(), 2, "nothing goes while something is wrong");
        write(dir.path(), "b.yaml", &GOOD.replace("name: a", "name: b"));
        assert_eq!(source.read().manifests.len(), 1);
    }

    #[test]
    fn a_warning_names_its_place_and_holds_nothing_up() {
        let scraper = "apiVersion: hearth.dev/v1alpha1\nkind: Scraper\nmetadata: {name: s}\nspec:\n  \
                       destination: {workspaceRef: {name: a}}\n  scrapeConfiguration: |\n    \
                       scrape_configs:\n      - job_name: x\n        \
                       scrape_native_histograms: true\n";
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), "a.yaml", &format!("{GOOD}---\n{scraper}"));
        let mut source = Source::new(vec![dir.path().to_owned()]);
        let snapshot = source.read();
        assert!(snapshot.complete && snapshot.faults.is_empty(), "{:?}", snapshot.faults);
        assert_eq!(snapshot.manifests.len(), 2);
        let warning = snapshot.warnings[0].to_string();
        assert!(warning.contains("scrape_native_histograms: true"), "{warning}");
        assert_eq!(source.last().warnings.len(), 1);
    }

    #[test]
    fn an_object_that_stands_twice_is_a_fault() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), "a.yaml", &format!("{GOOD}---\n{GOOD}"));
        let mut source = Source::new(vec![dir.path().to_owned()]);
        let snapshot = source.read();
        assert_eq!(snapshot.manifests.len(), 1);
        assert!(snapshot.faults[0].fault.message.contains("stands already"));
    }
}
