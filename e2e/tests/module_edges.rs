//! Imports go down: no circles among the files of a crate.
//!
//! A file imports another where its code names it: `crate::`, `super::` or `self::`, or a child's
//! name. Comments and tests may point upward.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cargo_metadata::MetadataCommand;

/// Files that still import in a circle, by crate. This list only gets shorter.
const LEFT: &[(&str, &[&str])] = &[
    (
        "scraper",
        &[
            "kubernetes/cluster_access",
            "kubernetes/kubeconfig",
            "monitors",
            "monitors/job_fields",
            "monitors/pod_monitor",
            "monitors/pod_monitoring",
            "monitors/probe",
            "monitors/scrape_config",
            "monitors/service_monitor",
        ],
    ),
    (
        "operator",
        &[
            "certificates/tokens",
            "runtime/apply",
            "runtime/context",
            "runtime/custody",
            "runtime/lease",
        ],
    ),
];

/// A file's place in its crate: `src/http/router.rs` is `["http", "router"]`.
type Module = Vec<String>;

/// What each file of a crate imports.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn files_import_in_no_circles() {
    let left: BTreeMap<&str, &[&str]> = LEFT.iter().copied().collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (name, src) in crates() {
        let imports = imports(&sources(Path::new(&src)));
        seen += imports.values().map(BTreeSet::len).sum::<usize>();
        let left = left.get(name.as_str()).copied().unwrap_or_default();
        let mut met = BTreeSet::new();
        for (file, imported) in circular(&imports) {
            let (file, imported) = (file.join("/"), imported.join("/"));
            if !(left.contains(&file.as_str()) && left.contains(&imported.as_str())) {
                wrong.push(format!("{name}: {file} imports {imported}, which leads back"));
            }
            met.insert(file);
        }
        let done = left.iter().filter(|file| !met.contains(**file));
        wrong.extend(done.map(|file| format!("{name}: strike {file} off the list LEFT")));
    }
    assert!(seen > 1000, "the reading has lost its way: {seen} imports in all crates");
    assert!(wrong.is_empty(), "move what both need into a file below both:\n{}", wrong.join("\n"));
}

#[test]
fn every_spelling_of_an_import_is_seen() {
    let text = "//! Not [this](crate::doc).\n\
                mod child;\n\
                use crate::one::{self, Thing, two::{Deep as D, *}};\n\
                use super::beside::f;\n\
                use self::child::g;\n\
                #[serde(with = \"child::as_text\")]\n\
                fn h() -> crate::three::T { other::k() }\n\
                #[cfg(test)]\nmod tests {\n    use crate::four::Test;\n}\n";
    let files = ["a", "a/b", "a/b/child", "a/beside", "doc", "one", "one/two", "three", "four"];
    let split = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
    let mut sources: BTreeMap<_, _> = files.map(|file| (split(file), String::new())).into();
    sources.insert(split("a/b"), text.to_owned());
    let found = imports(&sources).remove(&split("a/b")).expect("it was read");
    let found: Vec<String> = found.iter().map(|file| file.join("/")).collect();
    assert_eq!(found, ["a/b/child", "a/beside", "one", "one/two", "three"]);
}

#[test]
fn a_circle_is_found_and_what_only_leads_to_it_is_not() {
    let split = |path: &str| vec![path.to_owned()];
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("c", "e")];
    let mut imports = Imports::new();
    for (file, imported) in edges {
        imports.entry(split(file)).or_default().insert(split(imported));
    }
    let found = circular(&imports);
    let found: Vec<String> = found.iter().map(|(a, b)| format!("{}{}", a[0], b[0])).collect();
    assert_eq!(found, ["ab", "bc", "ca"]);
}

/// Each crate of the workspace and its folder of sources.
fn crates() -> Vec<(String, String)> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec();
    let packages = metadata.expect("cargo metadata runs wherever cargo test does").packages;
    let folder = |manifest: &str| manifest.replace("Cargo.toml", "src");
    packages.iter().map(|p| (p.name.to_string(), folder(p.manifest_path.as_str()))).collect()
}

/// The text of every file below `src`, but for tests and the tables of contents.
fn sources(src: &Path) -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    collect(src, &Module::new(), &mut found);
    found.remove(["lib".to_owned()].as_slice());
    found.remove(["main".to_owned()].as_slice());
    found
}

fn collect(folder: &Path, module: &Module, found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("a folder of the checkout") {
        let path = entry.expect("a name in it").path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem == "tests" || stem.ends_with("_tests") {
            continue;
        }
        let inner: Module = module.iter().cloned().chain([stem]).collect();
        if path.is_dir() {
            collect(&path, &inner, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.insert(inner, fs::read_to_string(&path).expect("UTF-8 source"));
        }
    }
}

fn imports(sources: &BTreeMap<Module, String>) -> Imports {
    let read = |(module, text): (&Module, &String)| {
        // The longest beginning of a path that is a file; what lies behind it is an item in there.
        let file = |path: Module| {
            let lengths = (1..=path.len()).rev();
            lengths.map(|length| path[..length].to_vec()).find(|file| sources.contains_key(file))
        };
        let named = paths(&code(text), module).into_iter().filter_map(file);
        (module.clone(), named.filter(|file| file != module).collect())
    };
    sources.iter().map(read).collect()
}

/// The text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).fold(String::new(), |all, line| all + line + "\n")
}

/// Every path that code names by way of `crate`, `self`, `super` or a child, from the crate's root.
fn paths(code: &str, module: &Module) -> BTreeSet<Module> {
    let declared = code.lines().filter_map(|line| line.strip_suffix(';')?.split_once("mod "));
    let children: BTreeSet<&str> = declared.map(|(_, child)| child).collect();
    let mut found = BTreeSet::new();
    let mut before = ' ';
    for (at, c) in code.char_indices() {
        let rest = &code[at..];
        if is_word(c) && !is_word(before) && before != ':' {
            let (word, behind) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            if let Some(behind) = behind.strip_prefix("::") {
                let base = match word {
                    "crate" => Some(Module::new()),
                    "self" => Some(module.clone()),
                    "super" => Some(module[..module.len() - 1].to_vec()),
                    child if children.contains(child) => {
                        Some(module.iter().cloned().chain([child.to_owned()]).collect())
                    }
                    _ => None,
                };
                base.map(|base| follow(behind, base, &mut found));
            }
        }
        before = c;
    }
    found
}

/// Takes a tree of imports from behind a `::`; gives the text behind it.
fn follow<'a>(mut text: &'a str, mut path: Module, found: &mut BTreeSet<Module>) -> &'a str {
    loop {
        if let Some(branches) = text.strip_prefix('{') {
            text = branches;
            loop {
                text = text.trim_start_matches(|c| !is_word(c) && c != '}');
                match text.strip_prefix('}') {
                    Some(behind) => return behind,
                    None if text.is_empty() => return text,
                    None => text = follow(text, path.clone(), found),
                }
            }
        }
        let (word, behind) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
        match word {
            "" | "self" => {}
            "super" => drop(path.pop()),
            word => path.push(word.to_owned()),
        }
        let Some(next) = behind.strip_prefix("::") else {
            found.insert(path);
            return behind;
        };
        text = next;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The imports that lead back to where they stand.
fn circular(imports: &Imports) -> Vec<(&Module, &Module)> {
    let mut found = Vec::new();
    for (file, imported) in imports {
        found.extend(
            imported.iter().filter(|&next| reaches(imports, next, file)).map(|n| (file, n)),
        );
    }
    found
}

fn reaches(imports: &Imports, from: &Module, to: &Module) -> bool {
    let (mut seen, mut left) = (BTreeSet::from([from]), vec![from]);
    while let Some(file) = left.pop() {
        if file == to {
            return true;
        }
        left.extend(imports.get(file).into_iter().flatten().filter(|&next| seen.insert(next)));
    }
    false
}
