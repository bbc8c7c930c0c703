//! Relabelling rules of other operators' objects.

use std::collections::BTreeMap;

use protocol::relabel::RelabelConfig;
use serde::Deserialize;

/// A rule in a monitor: Prometheus's, in camel case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Relabeling {
    /// Their values, joined.
    pub source_labels: Vec<String>,
    /// Default `;`.
    pub separator: Option<String>,
    /// Default `(.*)`; the empty one is the default, too.
    pub regex: String,
    /// Of `hashmod`.
    pub modulus: u64,
    /// What is written.
    pub target_label: String,
    /// Default `$1`.
    pub replacement: Option<String>,
    /// Default `replace`.
    pub action: String,
}

impl Relabeling {
    /// The rule that Prometheus gets.
    pub fn rule(&self) -> RelabelConfig {
        let set = |text: &String| (!text.is_empty()).then(|| text.clone());
        RelabelConfig {
            source_labels: self.source_labels.clone(),
            separator: self.separator.clone(),
            regex: set(&self.regex),
            modulus: (self.modulus > 0).then_some(self.modulus),
            target_label: self.target_label.clone(),
            replacement: self.replacement.clone(),
            action: set(&self.action).map(|action| action.to_ascii_lowercase()),
        }
    }
}

/// Which objects a monitor looks at, by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Selector {
    /// Exactly these.
    pub match_labels: BTreeMap<String, String>,
    /// All of these hold.
    pub match_expressions: Vec<Requirement>,
}

/// One condition on a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The label's name.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist.
    pub operator: String,
    /// Of In and NotIn.
    pub values: Vec<String>,
}

/// `target` becomes the value of `source`.
pub fn copy(source: &str, target: &str) -> RelabelConfig {
    RelabelConfig {
        source_labels: vec![source.to_owned()],
        target_label: target.to_owned(),
        ..RelabelConfig::default()
    }
}

/// `target` becomes the value of `source` unless that is empty.
pub fn copy_if_set(source: &str, target: &str) -> RelabelConfig {
    RelabelConfig {
        regex: Some("(.+)".to_owned()),
        replacement: Some("${1}".to_owned()),
        ..copy(source, target)
    }
}

/// `target` becomes a fixed text.
pub fn write(target: &str, text: &str) -> RelabelConfig {
    RelabelConfig {
        target_label: target.to_owned(),
        // A `$` in a name must stay one.
        replacement: Some(text.replace('$', "$$")),
        ..RelabelConfig::default()
    }
}

/// Where the pattern matches the joined values, `target` becomes the replacement.
pub fn replace(sources: &[&str], regex: &str, target: &str, replacement: &str) -> RelabelConfig {
    RelabelConfig {
        source_labels: sources.iter().map(|label| (*label).to_owned()).collect(),
        regex: Some(regex.to_owned()),
        target_label: target.to_owned(),
        replacement: Some(replacement.to_owned()),
        ..RelabelConfig::default()
    }
}

/// Keeps only targets whose joined values match.
pub fn keep(sources: &[&str], regex: &str) -> RelabelConfig {
    filter("keep", sources, regex)
}

/// Drops targets whose joined values match.
pub fn drop(sources: &[&str], regex: &str) -> RelabelConfig {
    filter("drop", sources, regex)
}

fn filter(action: &str, sources: &[&str], regex: &str) -> RelabelConfig {
    RelabelConfig {
        source_labels: sources.iter().map(|label| (*label).to_owned()).collect(),
        regex: Some(regex.to_owned()),
        action: Some(action.to_owned()),
        ..RelabelConfig::default()
    }
}

/// Pods that have ended have nothing to say.
pub fn only_running() -> RelabelConfig {
    drop(&["__meta_kubernetes_pod_phase"], "(Failed|Succeeded)")
}

/// Keeps the targets of an object (`pod`, `service`, `ingress`) that the selector selects.
pub fn select(selector: &Selector, object: &str) -> Result<Vec<RelabelConfig>, String> {
    let mut rules = Vec::new();
    for (key, value) in &selector.match_labels {
        let [label, present] = labels_of(object, key);
        rules.push(keep(&[&label, &present], &format!("({});true", quote(value))));
    }
    for (at, one) in selector.match_expressions.iter().enumerate() {
        let [label, present] = labels_of(object, &one.key);
        let values: Vec<String> = one.values.iter().map(|value| quote(value)).collect();
        let any = format!("({});true", values.join("|"));
        rules.push(match one.operator.as_str() {
            "In" => keep(&[&label, &present], &any),
            "NotIn" => drop(&[&label, &present], &any),
            "Exists" => keep(&[&present], "true"),
            "DoesNotExist" => drop(&[&present], "true"),
            other => {
                return Err(format!(
                    "selector.matchExpressions[{at}].operator: {other:?} is none of In, NotIn, \
                     Exists and DoesNotExist"
                ));
            }
        });
    }
    Ok(rules)
}

fn labels_of(object: &str, key: &str) -> [String; 2] {
    let key = sanitize(key);
    [
        format!("__meta_kubernetes_{object}_label_{key}"),
        format!("__meta_kubernetes_{object}_labelpresent_{key}"),
    ]
}

/// A Kubernetes label's name as Prometheus's discovery spells it.
pub fn sanitize(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A text that matches only itself.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
