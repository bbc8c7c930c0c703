//! How objects select others, by the rules of Kubernetes.

use crds::selectors::{LabelOperator, LabelSelector, NamespaceSelector, ObjectSelector};

use crate::judgement::Judgement;

/// Judges which objects are selected, and where.
pub fn objects(judgement: &mut Judgement, path: &str, selector: &ObjectSelector) {
    let ObjectSelector { selector, namespace_selector } = selector;
    if let Some(selector) = selector {
        labels(judgement, &format!("{path}.selector"), selector);
    }
    if let Some(selector) = namespace_selector {
        namespaces(judgement, &format!("{path}.namespaceSelector"), selector);
    }
}

fn labels(judgement: &mut Judgement, path: &str, selector: &LabelSelector) {
    let LabelSelector { match_labels: _, match_expressions } = selector;
    for (number, one) in match_expressions.iter().enumerate() {
        let path = format!("{path}.matchExpressions[{number}].values");
        match one.operator {
            LabelOperator::In | LabelOperator::NotIn if one.values.is_empty() => {
                judgement.refuse(&path, "In and NotIn need at least one value");
            }
            LabelOperator::Exists | LabelOperator::DoesNotExist if !one.values.is_empty() => {
                judgement.refuse(&path, "Exists and DoesNotExist take no values");
            }
            LabelOperator::In
            | LabelOperator::NotIn
            | LabelOperator::Exists
            | LabelOperator::DoesNotExist => {}
        }
    }
}

fn namespaces(judgement: &mut Judgement, path: &str, selector: &NamespaceSelector) {
    let NamespaceSelector { any, match_names, selector } = selector;
    if let Some(selector) = selector {
        labels(judgement, &format!("{path}.selector"), selector);
    }
    let narrower = !match_names.is_empty() || selector.is_some();
    if *any && narrower {
        let message = "has no effect: any selects every namespace";
        let field = if match_names.is_empty() { "selector" } else { "matchNames" };
        judgement.warn(&format!("{path}.{field}"), message);
    }
}
