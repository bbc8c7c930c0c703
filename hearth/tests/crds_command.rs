//! `hearth crds` prints what lies in crds/, byte for byte.

use std::path::Path;
use std::process::Command;

#[test]
fn the_files_and_the_command_say_the_same() {
    let output = Command::new(env!("CARGO_BIN_EXE_hearth")).arg("crds").output();
    let output = output.expect("the binary runs");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds");
    let documents: Vec<&str> = printed.split("---\n").collect();
    assert_eq!(documents.len(), 5);
    let kinds = ["stores", "workspaces", "scrapers", "rulegroups", "alertmanagerconfigs"];
    for (document, kind) in documents.iter().zip(kinds) {
        let file = folder.join(format!("{kind}.hearth.dev.yaml"));
        let text = std::fs::read_to_string(&file).expect("a definition");
        assert!(*document == text, "{} differs: run `make crds`", file.display());
    }
}
