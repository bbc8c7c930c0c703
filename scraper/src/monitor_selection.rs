//! Which monitors a Scraper selects: namespaces and labels.
//!
//! Pure.

use std::collections::BTreeMap;

use crds::selectors::{LabelOperator, LabelSelector, ObjectSelector};

/// What has to be watched so that nothing selected is missed; `None`: every namespace.
pub fn scopes(selector: &ObjectSelector, own_namespace: &str) -> Vec<Option<String>> {
    let Some(namespaces) = &selector.namespace_selector else {
        return vec![Some(own_namespace.to_owned())];
    };
    if namespaces.any || namespaces.selector.is_some() {
        return vec![None];
    }
    let mut names: Vec<Option<String>> = namespaces.match_names.iter().cloned().map(Some).collect();
    names.sort();
    names.dedup();
    if names.is_empty() { vec![Some(own_namespace.to_owned())] } else { names }
}

/// Whether objects of a namespace are selected. `labels` are the namespace's own, empty where they
/// are not known.
pub fn admits(
    selector: &ObjectSelector,
    own_namespace: &str,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let Some(namespaces) = &selector.namespace_selector else { return namespace == own_namespace };
    let says_nothing =
        !namespaces.any && namespaces.match_names.is_empty() && namespaces.selector.is_none();
    namespaces.any
        || (says_nothing && namespace == own_namespace)
        || namespaces.match_names.iter().any(|name| name == namespace)
        || namespaces.selector.as_ref().is_some_and(|selector| matches(selector, labels))
}

/// Whether the namespaces' own labels matter.
pub fn needs_namespace_labels(selector: &ObjectSelector) -> bool {
    let namespaces = selector.namespace_selector.as_ref();
    namespaces.is_some_and(|namespaces| !namespaces.any && namespaces.selector.is_some())
}

/// Kubernetes's rules.
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|one| {
            let value = labels.get(&one.key);
            let listed = value.is_some_and(|value| one.values.contains(value));
            match one.operator {
                LabelOperator::In => listed,
                LabelOperator::NotIn => !listed,
                LabelOperator::Exists => value.is_some(),
                LabelOperator::DoesNotExist => value.is_none(),
            }
        })
}

/// The selector as the API server's query takes it; empty: everything.
pub fn query(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let others = selector.match_expressions.iter().map(|one| {
        let (key, values) = (&one.key, one.values.join(","));
        match one.operator {
            LabelOperator::In => format!("{key} in ({values})"),
            LabelOperator::NotIn => format!("{key} notin ({values})"),
            LabelOperator::Exists => key.clone(),
            LabelOperator::DoesNotExist => format!("!{key}"),
        }
    });
    equal.chain(others).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selector(written: Value) -> ObjectSelector {
        serde_json::from_value(written).expect("a selector")
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn only_the_own_namespace_unless_more_is_said() {
        let none = labels(&[]);
        for own in [json!({}), json!({"namespaceSelector": {}})] {
            let own = selector(own);
            assert_eq!(scopes(&own, "me"), [Some("me".to_owned())]);
            assert!(admits(&own, "me", "me", &none));
            assert!(!admits(&own, "me", "other", &none));
        }
        let named = selector(json!({"namespaceSelector": {"matchNames": ["b", "a", "b"]}}));
        assert_eq!(scopes(&named, "me"), [Some("a".to_owned()), Some("b".to_owned())]);
        assert!(admits(&named, "me", "b", &none) && !admits(&named, "me", "me", &none));
        let any = selector(json!({"namespaceSelector": {"any": true}}));
        assert_eq!(scopes(&any, "me"), [None]);
        assert!(admits(&any, "me", "other", &none) && !needs_namespace_labels(&any));
    }

    #[test]
    fn namespaces_by_their_labels() {
        let by_label = selector(json!({"namespaceSelector": {
            "matchNames": ["extra"],
            "selector": {"matchLabels": {"team": "a"}},
        }}));
        assert_eq!(scopes(&by_label, "me"), [None]);
        assert!(needs_namespace_labels(&by_label));
        assert!(admits(&by_label, "me", "x", &labels(&[("team", "a")])));
        assert!(admits(&by_label, "me", "extra", &labels(&[])));
        assert!(!admits(&by_label, "me", "me", &labels(&[("team", "b")])));
    }

    #[test]
    fn the_query_says_what_the_match_does() {
        let written = json!({"selector": {
            "matchLabels": {"a": "1"},
            "matchExpressions": [
                {"key": "b", "operator": "In", "values": ["x", "y"]},
                {"key": "c", "operator": "NotIn", "values": ["z"]},
                {"key": "d", "operator": "Exists"},
                {"key": "e", "operator": "DoesNotExist"},
            ],
        }});
        let selector = selector(written).selector.expect("one is written");
        assert_eq!(query(&selector), "a=1,b in (x,y),c notin (z),d,!e");
        let good = [("a", "1"), ("b", "y"), ("d", "")];
        assert!(matches(&selector, &labels(&good)));
        for bad in [("a", "2"), ("b", "z"), ("c", "z"), ("e", "")] {
            let mut all = labels(&good);
            all.insert(bad.0.to_owned(), bad.1.to_owned());
            assert!(!matches(&selector, &all), "{bad:?}");
        }
    }
}
