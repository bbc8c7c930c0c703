//! Manifests: documents apart, faults with their place.

use check::manifest::{Body, Kind};
use check::manifests::read;

const WORKSPACE: &str = "apiVersion: hearth.dev/v1alpha1\nkind: Workspace\nmetadata: {name: demo}\nspec:\n  alias: demo\n";

#[test]
fn each_document_stands_for_itself() {
    let text = format!("# first\n{WORKSPACE}---\nkind: Nonsense\n---\n{WORKSPACE}  aliass: x\n");
    let reading = read(&text);
    assert_eq!(reading.manifests.len(), 1);
    assert_eq!(reading.manifests[0].key.kind, Kind::Workspace);
    assert!(
        matches!(&reading.manifests[0].body, Body::Workspace(spec) if spec.alias.as_deref() == Some("demo"))
    );
    assert_eq!(reading.broken.len(), 1, "the third document is known by name");
    assert!(reading.nameless, "the second is not");
    let faults: Vec<String> = reading.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("8:"), "{}", faults[0]);
    assert!(faults[0].contains("unknown kind \"Nonsense\""), "{}", faults[0]);
    assert!(faults[1].starts_with("15:"), "{}", faults[1]);
    assert!(faults[1].contains("spec.aliass"), "{}", faults[1]);
}

#[test]
fn fields_that_exclude_each_other_are_named() {
    let text = format!("{WORKSPACE}  retention: unlimited\n  retentionPeriodInDays: 3\n");
    let reading = read(&text);
    assert_eq!(
        reading.faults[0].to_string(),
        "6:14: spec.retention: cannot stand beside spec.retentionPeriodInDays"
    );
}

#[test]
fn the_version_of_a_kind_is_checked() {
    let reading = read("apiVersion: v1\nkind: Workspace\nmetadata: {name: a}\nspec: {}\n");
    assert!(reading.faults[0].message.contains("expected \"hearth.dev/v1alpha1\""));
}

#[test]
fn secrets_are_read_and_never_printed() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aGk=}\nstringData: {b: top}\n";
    let reading = read(text);
    assert!(reading.faults.is_empty(), "{:?}", reading.faults);
    let Body::Secret(values) = &reading.manifests[0].body else { panic!("a secret") };
    assert_eq!(values.0["a"], b"hi");
    let printed = format!("{:?}", reading.manifests[0]);
    assert!(!printed.contains("top") && !printed.contains("hi"), "{printed}");
}

#[test]
fn wrong_base64_names_the_key_only() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  a: '!!'\n";
    assert_eq!(read(text).faults[0].to_string(), "5:6: data.a: value is not base64");
}

#[test]
fn bad_names_are_refused() {
    for name in ["Upper", "-a", "a_b", ""] {
        let text = format!(
            "apiVersion: hearth.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: '{name}'}}\nspec: {{}}\n"
        );
        assert!(read(&text).nameless, "{name}");
    }
}
