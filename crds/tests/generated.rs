//! The generated definitions beside the types are current.

use std::path::Path;

use crds::definitions::definitions;

/// Where they lie: for people, for the chart that upgrades them, for the first installation.
const FOLDERS: &[&str] = &["crds", "charts/hearth-crds/files", "charts/hearth/charts/crds/crds"];

#[test]
fn crds_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = Vec::new();
    for definition in definitions() {
        let name = definition.metadata.name.clone().expect("the derive names every definition");
        let text = serde_saphyr::to_string(&definition).expect("plain data");
        for folder in FOLDERS {
            let path = root.join(folder).join(format!("{name}.yaml"));
            if std::env::var_os("HEARTH_RENEW").is_some() {
                std::fs::write(&path, &text).expect("the folder is there");
            }
            if std::fs::read_to_string(&path).unwrap_or_default() != text {
                stale.push(path.display().to_string());
            }
        }
    }
    assert!(stale.is_empty(), "not current, run `make crds`: {stale:?}");
}

#[test]
fn no_folder_holds_more_than_that() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in FOLDERS {
        let names = std::fs::read_dir(root.join(folder)).expect("the folder is there");
        let yaml = names.filter(|entry| {
            let path = entry.as_ref().expect("a name in it").path();
            path.extension().is_some_and(|ext| ext == "yaml")
        });
        assert_eq!(yaml.count(), definitions().len(), "{folder}");
    }
}
