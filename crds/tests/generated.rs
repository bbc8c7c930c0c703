//! The generated definitions beside the types are current.

use std::path::Path;

use crds::alert_manager_config::AlertManagerConfig;
use crds::rule_group::RuleGroup;
use crds::scraper::Scraper;
use crds::store::Store;
use crds::workspace::Workspace;
use kube::CustomResourceExt as _;

#[test]
fn crds_are_current() {
    let definitions = [
        Store::crd(),
        Workspace::crd(),
        Scraper::crd(),
        RuleGroup::crd(),
        AlertManagerConfig::crd(),
    ];
    let mut stale = Vec::new();
    for definition in definitions {
        let name = definition.metadata.name.clone().expect("the derive names every definition");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{name}.yaml"));
        let text = serde_saphyr::to_string(&definition).expect("plain data");
        if std::env::var_os("HEARTH_RENEW").is_some() {
            std::fs::write(&path, &text).expect("the folder of the crate");
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(path.display().to_string());
        }
    }
    assert!(stale.is_empty(), "not current, run `make crds`: {stale:?}");
}
