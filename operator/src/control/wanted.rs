//! What resources ask of a workspace.                    (pure)

use crds::rule_group::RuleGroupSpec;
use crds::workspace::WorkspaceSpec;

/// The rule groups namespace of a RuleGroup.
pub fn namespace_name(namespace: &str, name: &str, spec: &RuleGroupSpec) -> String {
    spec.namespace_name.clone().unwrap_or_else(|| format!("{namespace}-{name}"))
}

/// The rule file that a RuleGroup stands for. JSON is YAML, too.
pub fn rule_file(spec: &RuleGroupSpec) -> String {
    match &spec.configuration {
        Some(text) => text.clone(),
        None => serde_json::json!({ "groups": spec.groups }).to_string(),
    }
}

/// Whether objects of the namespace `from` may refer to a workspace of the namespace `home`.
pub fn permitted(spec: &WorkspaceSpec, home: &str, from: &str) -> bool {
    let listed = |name: &String| name == "*" || name == from;
    home == from || spec.access.as_ref().is_some_and(|access| access.namespaces.iter().any(listed))
}

#[cfg(test)]
mod tests {
    use crds::workspace::WorkspaceAccess;

    use super::*;

    #[test]
    fn other_namespaces_need_consent() {
        let mut spec = WorkspaceSpec::default();
        assert!(permitted(&spec, "a", "a") && !permitted(&spec, "a", "b"));
        let mut consent = |names: &[&str]| {
            let namespaces = names.iter().map(|name| (*name).to_owned()).collect();
            spec.access = Some(WorkspaceAccess { namespaces });
            permitted(&spec, "a", "b")
        };
        assert!(consent(&["c", "b"]) && consent(&["*"]) && !consent(&["c"]));
    }
}
