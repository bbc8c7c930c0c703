//! Which objects a selector means.                       (pure)

use std::collections::BTreeMap;

use crds::selectors::{LabelOperator, LabelSelector, NamespaceSelector, ObjectSelector};

/// Labels of an object or a namespace.
pub type LabelMap = BTreeMap<String, String>;

/// Whether a selector means an object.
///
/// `home` is the namespace of the selecting object. Beyond it only those select who may (`wide`);
/// `labels_of` gives the labels of a namespace, where it is known.
pub fn selects(
    selector: &ObjectSelector,
    (home, wide): (&str, bool),
    (namespace, labels): (&str, &LabelMap),
    labels_of: impl Fn(&str) -> Option<LabelMap>,
) -> bool {
    let there = match &selector.namespace_selector {
        None => namespace == home,
        Some(selector) => {
            (wide || namespace == home) && in_namespace(selector, namespace, labels_of)
        }
    };
    there && selector.selector.as_ref().is_none_or(|selector| bears(selector, labels))
}

/// Whether the labels of namespaces matter at all.
pub fn needs_namespaces(selector: &ObjectSelector) -> bool {
    let by_labels = |selector: &NamespaceSelector| !selector.any && selector.selector.is_some();
    selector.namespace_selector.as_ref().is_some_and(by_labels)
}

fn in_namespace(
    selector: &NamespaceSelector,
    namespace: &str,
    labels_of: impl Fn(&str) -> Option<LabelMap>,
) -> bool {
    let by_labels =
        |wanted: &LabelSelector| labels_of(namespace).is_some_and(|l| bears(wanted, &l));
    selector.any
        || selector.match_names.iter().any(|name| name == namespace)
        || selector.selector.as_ref().is_some_and(by_labels)
}

/// Whether labels fulfil a selector, as Kubernetes has it: an empty one means everything.
pub fn bears(selector: &LabelSelector, labels: &LabelMap) -> bool {
    let equal = selector.match_labels.iter().all(|(name, value)| labels.get(name) == Some(value));
    equal
        && selector.match_expressions.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let listed = value.is_some_and(|value| requirement.values.contains(value));
            match requirement.operator {
                LabelOperator::In => listed,
                LabelOperator::NotIn => !listed,
                LabelOperator::Exists => value.is_some(),
                LabelOperator::DoesNotExist => value.is_none(),
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> LabelMap {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn means(selector: serde_json::Value, wide: bool, namespace: &str) -> bool {
        let selector: ObjectSelector = serde_json::from_value(selector).expect("a selector");
        let of = |name: &str| Some(labels(&[("name", name)]));
        selects(&selector, ("team", wide), (namespace, &labels(&[("role", "rules")])), of)
    }

    #[test]
    fn an_empty_selector_means_its_own_namespace() {
        assert!(means(json!({}), true, "team"));
        assert!(!means(json!({}), true, "shop"));
    }

    #[test]
    fn other_namespaces_take_both_a_selector_and_the_right() {
        for selector in [
            json!({"namespaceSelector": {"any": true}}),
            json!({"namespaceSelector": {"matchNames": ["shop"]}}),
            json!({"namespaceSelector": {"selector": {"matchLabels": {"name": "shop"}}}}),
        ] {
            assert!(means(selector.clone(), true, "shop"), "{selector}");
            assert!(!means(selector.clone(), false, "shop"), "{selector}");
        }
        let other = json!({"namespaceSelector": {"matchNames": ["other"]}});
        assert!(!means(other, true, "shop"));
    }

    #[test]
    fn all_requirements_on_labels_must_hold() {
        let asked = |expression: serde_json::Value| {
            means(json!({"selector": {"matchExpressions": [expression]}}), false, "team")
        };
        assert!(asked(json!({"key": "role", "operator": "In", "values": ["rules", "x"]})));
        assert!(!asked(json!({"key": "role", "operator": "NotIn", "values": ["rules"]})));
        assert!(asked(json!({"key": "absent", "operator": "NotIn", "values": ["rules"]})));
        assert!(asked(json!({"key": "role", "operator": "Exists"})));
        assert!(!asked(json!({"key": "role", "operator": "DoesNotExist"})));
    }
}
