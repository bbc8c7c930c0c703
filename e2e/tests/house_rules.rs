//! The house rules that a machine can hold.

use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;
const ROOM_CHARS_MAX: usize = 60;

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    assert!(found.len() > 50, "the walk has lost its way: {} files", found.len());
    found
}

fn walk(root: &Path, dir: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(dir).expect("a folder of the checkout") {
        let path = entry.expect("a name in it").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "hearth-data" {
            walk(root, &path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let text = std::fs::read_to_string(&path).expect("UTF-8 source");
            found.push(Source { path: shown, text });
        }
    }
}

fn report(rule: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

fn is_test(path: &str) -> bool {
    let parts = ["/tests/", "/benches/", "/tests.rs"];
    parts.iter().any(|part| path.contains(part)) || path.ends_with("_tests.rs")
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let judge = |source: &Source| {
        let first = source.text.lines().next().unwrap_or_default();
        let words = first.strip_prefix("//! ")?;
        (words.chars().count() <= ROOM_CHARS_MAX).then_some(())
    };
    let wrong = sources().iter().filter(|s| judge(s).is_none()).map(|s| s.path.clone()).collect();
    report("the first line is `//! ` and at most 60 characters", wrong);
}

#[test]
fn no_file_is_longer_than_a_room() {
    let wrong = sources()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    report("files end at 500 lines: split by idea", wrong);
}

#[test]
fn no_line_is_wider_than_the_page() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            // Strings and the YAML inside them are data.
            let data = line.contains("http") || line.contains('"') || line.contains(": {");
            if line.chars().count() > LINE_CHARS_MAX && !data {
                wrong.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    report("lines end at 100 columns (strings excepted)", wrong);
}

/// From a line that begins a function to the brace of the same indentation that ends it.
#[test]
fn no_function_is_longer_than_a_page() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !is_test(&source.path)) {
        let mut open: Option<(usize, usize, String)> = None;
        for (at, line) in source.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let bare = line.trim_start();
            let begins =
                ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(crate) fn ", "const fn "];
            let begins = begins.iter().any(|word| bare.starts_with(word));
            if begins && open.is_none() && !line.trim_end().ends_with(';') {
                open = Some((at, indent, bare.chars().take(60).collect()));
            }
            let Some((start, depth, name)) = &open else { continue };
            if indent == *depth
                && (bare.starts_with('}')
                    || bare.ends_with("; }")
                    || (at == *start && bare.ends_with('}')))
            {
                if at - start + 1 > FUNCTION_LINES_MAX {
                    wrong.push(format!(
                        "{}:{}: {} lines: {name}",
                        source.path,
                        start + 1,
                        at - start + 1
                    ));
                }
                open = None;
            }
        }
    }
    report("functions end at 70 lines", wrong);
}

#[test]
fn the_house_has_no_back_doors() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.path.ends_with("/mod.rs") {
            wrong.push(format!("{}: name the module's file instead of mod.rs", source.path));
        }
        let words = ["todo!(", "unimplemented!(", "FIXME", "XXX", "dbg!("];
        let is_this_file = source.path.ends_with("house_rules.rs");
        for word in words.iter().filter(|word| !is_this_file && source.text.contains(**word)) {
            wrong.push(format!("{}: {word}", source.path));
        }
    }
    report("no mod.rs, nothing half done", wrong);
}

#[test]
fn tables_of_contents_define_nothing() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.path.ends_with("src/lib.rs")) {
        let allowed = |line: &&str| {
            let bare = line.trim();
            bare.is_empty()
                || bare.starts_with("//")
                || bare.starts_with("pub mod ")
                || bare.starts_with("mod ")
                || bare.starts_with("#[cfg(test)]")
        };
        if let Some(line) = source.text.lines().find(|line| !allowed(line)) {
            wrong.push(format!("{}: {line}", source.path));
        }
    }
    report("lib.rs is a table of contents", wrong);
}

#[test]
fn readmes_and_makefiles_name_only_what_is_there() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let mut wrong = Vec::new();
    for target in readme.split("`make ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
        if !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))) {
            wrong.push(format!("README.md names `make {target}`"));
        }
    }
    report("what the README promises exists", wrong);
}
