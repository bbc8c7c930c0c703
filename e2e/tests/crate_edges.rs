//! What may import what: the table of ARCHITECTURE.md, held.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Each crate and which of ours it may use. Nothing imports upward.
const EDGES: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("crds", &["protocol"]),
    ("world", &[]),
    ("tsdb", &["protocol", "world"]),
    ("promql", &["protocol"]),
    ("templates", &[]),
    ("rules", &["protocol", "promql", "templates", "world"]),
    ("alertmanager", &["protocol", "templates", "world"]),
    ("check", &["protocol", "crds", "promql", "templates", "rules", "alertmanager"]),
    (
        "store",
        &["protocol", "world", "tsdb", "promql", "templates", "rules", "alertmanager", "check"],
    ),
    ("sim", &["store", "world", "protocol"]),
    ("scraper", &["protocol", "crds"]),
    ("operator", &["protocol", "crds", "check"]),
    ("hearth", &["store", "scraper", "operator", "check", "crds", "protocol", "world"]),
    ("e2e", &[]),
];

/// External crates that a crate must never use, straight or through others of its own choice.
const DENIED: &[(&str, &[&str])] = &[
    ("protocol", &["tokio", "kube", "reqwest", "axum", "hyper"]),
    ("crds", &["tokio", "reqwest", "axum"]),
    ("promql", &["tokio", "reqwest", "axum", "kube"]),
    ("templates", &["tokio", "reqwest", "axum", "kube"]),
    ("tsdb", &["axum", "reqwest", "kube"]),
    ("rules", &["axum", "reqwest", "kube"]),
    ("alertmanager", &["axum", "reqwest", "kube"]),
    ("check", &["tokio", "axum", "reqwest"]),
    ("store", &["reqwest", "kube"]),
    ("e2e", &["kube"]),
];

fn packages() -> Vec<Package> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec();
    metadata.expect("cargo metadata runs wherever cargo test does").packages
}

/// The dependencies of a crate outside its tests.
fn dependencies(package: &Package) -> BTreeSet<String> {
    let normal = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
    normal.map(|dependency| dependency.name.clone()).collect()
}

#[test]
fn every_crate_imports_only_what_its_row_allows() {
    let table: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let packages = packages();
    let ours: BTreeSet<String> = packages.iter().map(|p| p.name.to_string()).collect();
    let mut wrong = Vec::new();
    for package in &packages {
        let name = package.name.as_str();
        let Some(allowed) = table.get(name) else {
            wrong.push(format!("{name} has no row in EDGES"));
            continue;
        };
        for used in dependencies(package).iter().filter(|d| ours.contains(*d)) {
            if !allowed.contains(&used.as_str()) {
                wrong.push(format!("{name} imports {used}"));
            }
        }
    }
    for (name, _) in EDGES {
        if !ours.contains(*name) {
            wrong.push(format!("EDGES has a row for {name}, which does not exist"));
        }
    }
    assert!(
        wrong.is_empty(),
        "change the code or, with a reason, the table:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_crate_uses_what_it_must_never_know() {
    let denied: BTreeMap<&str, &[&str]> = DENIED.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages() {
        for used in dependencies(&package) {
            if denied.get(package.name.as_str()).is_some_and(|list| list.contains(&used.as_str())) {
                wrong.push(format!("{} uses {used}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
