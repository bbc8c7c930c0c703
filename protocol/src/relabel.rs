//! Relabelling: rules that rewrite label sets.
//!
//! Prometheus's actions to the letter: a pattern matches the whole value, `$name` expands as in Go,
//! an empty result deletes the label, and a target name that is no label name is skipped in
//! silence.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::empty_field::null_as_default;
use crate::go_regex::GoRegex;
use crate::labels::{Labels, LabelsBuilder, is_legacy_label_name};
use crate::scrape_config_faults::Faults;

/// One rule as users write it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelabelConfig {
    /// Their values, joined, are what the pattern sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_labels: Vec<String>,
    /// Default `;`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub separator: Option<String>,
    /// Default `(.*)`; written but empty means "the empty value".
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub regex: Option<String>,
    /// Of `hashmod`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modulus: Option<u64>,
    /// What is written; may hold `$1`.
    #[serde(deserialize_with = "null_as_default")]
    pub target_label: String,
    /// Default `$1`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub replacement: Option<String>,
    /// Default `replace`; the case of its letters does not matter.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub action: Option<String>,
}

/// Keeps "not written" apart from "written without a value", which Go reads as the empty text.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    null_as_default(deserializer).map(Some)
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelabelAction {
    /// Where the pattern matches, writes the replacement to the target label.
    Replace,
    /// Drops the set unless the pattern matches.
    Keep,
    /// Drops the set if the pattern matches.
    Drop,
    /// Drops the set unless the joined value equals the target label's.
    KeepEqual,
    /// Drops the set if the joined value equals the target label's.
    DropEqual,
    /// Writes the joined value's hash modulo `modulus`.
    HashMod,
    /// Copies every label whose name matches to the name that the replacement makes.
    LabelMap,
    /// Removes every label whose name matches.
    LabelDrop,
    /// Removes every label whose name does not match.
    LabelKeep,
    /// Writes the joined value in lower case.
    Lowercase,
    /// Writes the joined value in upper case.
    Uppercase,
}

impl RelabelAction {
    /// As users write it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "drop" => Self::Drop,
            "keepequal" => Self::KeepEqual,
            "dropequal" => Self::DropEqual,
            "hashmod" => Self::HashMod,
            "labelmap" => Self::LabelMap,
            "labeldrop" => Self::LabelDrop,
            "labelkeep" => Self::LabelKeep,
            "lowercase" => Self::Lowercase,
            "uppercase" => Self::Uppercase,
            _ => return None,
        })
    }
}

const DEFAULT_SEPARATOR: &str = ";";
const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_REPLACEMENT: &str = "$1";

/// One rule, ready to act.
#[derive(Clone, Debug)]
pub struct RelabelRule {
    action: RelabelAction,
    source_labels: Vec<String>,
    separator: String,
    regex: GoRegex,
    modulus: u64,
    target_label: String,
    replacement: String,
    /// Whether the target label's name has to be expanded for each set.
    target_varies: bool,
    /// Names are held to the old alphabet.
    legacy: bool,
}

impl RelabelConfig {
    /// Reports everything that is wrong; `legacy` restricts names to the old alphabet.
    pub fn validate(&self, legacy: bool, faults: &mut Faults<'_>) {
        let text = self.action.as_deref().unwrap_or("replace");
        if text.is_empty() {
            faults.at("action").invalid("must not be empty");
            return;
        }
        let Some(action) = RelabelAction::parse(text) else {
            faults.at("action").invalid(format!("unknown relabel action {text:?}"));
            return;
        };
        if let Err(error) = GoRegex::anchored(self.pattern()) {
            faults.at("regex").invalid(error.to_string());
        }
        self.validate_target(action, legacy, faults);
        if action == RelabelAction::HashMod && self.modulus.unwrap_or(0) == 0 {
            faults.at("modulus").invalid("hashmod needs a modulus above 0");
        }
        self.validate_only_fields(action, faults);
    }

    fn validate_target(&self, action: RelabelAction, legacy: bool, faults: &mut Faults<'_>) {
        use RelabelAction as A;
        let target = self.target_label.as_str();
        let needs_target = matches!(
            action,
            A::Replace | A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual
        );
        if needs_target && target.is_empty() {
            faults.at("target_label").invalid("this action needs a target_label");
            return;
        }
        let plain = matches!(action, A::HashMod | A::Lowercase | A::Uppercase)
            || matches!(action, A::KeepEqual | A::DropEqual)
            || (action == A::Replace && !target.contains('$'));
        if plain && needs_target && legacy && !is_legacy_label_name(target) {
            faults.at("target_label").invalid(format!("{target:?} is no label name"));
        }
        if action == A::Replace && legacy && target.contains('$') && !is_name_template(target) {
            faults.at("target_label").invalid(format!("{target:?} makes no label name"));
        }
        let replacement = self.replacement.as_deref().unwrap_or(DEFAULT_REPLACEMENT);
        if matches!(action, A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual)
            && replacement != DEFAULT_REPLACEMENT
        {
            faults.at("replacement").invalid("this action takes no replacement");
        }
        if action == A::LabelMap && legacy && !is_name_template(replacement) {
            faults.at("replacement").invalid(format!("{replacement:?} makes no label name"));
        }
    }

    fn validate_only_fields(&self, action: RelabelAction, faults: &mut Faults<'_>) {
        use RelabelAction as A;
        let default = |value: &Option<String>, default: &str| {
            value.as_deref().is_none_or(|text| text == default)
        };
        let fields = [
            ("regex", default(&self.regex, DEFAULT_REGEX)),
            ("modulus", self.modulus.unwrap_or(0) == 0),
            ("separator", default(&self.separator, DEFAULT_SEPARATOR)),
            ("replacement", default(&self.replacement, DEFAULT_REPLACEMENT)),
            ("source_labels", self.source_labels.is_empty()),
            ("target_label", self.target_label.is_empty()),
        ];
        let allowed: &[&str] = match action {
            A::KeepEqual | A::DropEqual => &["source_labels", "target_label"],
            A::LabelDrop | A::LabelKeep => &["regex"],
            _ => return,
        };
        for (field, unset) in fields {
            // The replacement of the equal actions has been reported already.
            let reported = field == "replacement" && allowed.len() == 2;
            if !unset && !allowed.contains(&field) && !reported {
                let only = allowed.join(" and ");
                faults.at(field).invalid(format!("this action takes only {only}"));
            }
        }
    }

    fn pattern(&self) -> &str {
        self.regex.as_deref().unwrap_or(DEFAULT_REGEX)
    }

    /// The rule, ready to act; `None` where [`validate`](Self::validate) has something to say.
    pub fn compile(&self, legacy: bool) -> Option<RelabelRule> {
        let action = RelabelAction::parse(self.action.as_deref().unwrap_or("replace"))?;
        if action == RelabelAction::HashMod && self.modulus.unwrap_or(0) == 0 {
            return None;
        }
        Some(RelabelRule {
            action,
            source_labels: self.source_labels.clone(),
            separator: self.separator.as_deref().unwrap_or(DEFAULT_SEPARATOR).to_owned(),
            regex: GoRegex::anchored(self.pattern()).ok()?,
            modulus: self.modulus.unwrap_or(0),
            target_label: self.target_label.clone(),
            replacement: self.replacement.as_deref().unwrap_or(DEFAULT_REPLACEMENT).to_owned(),
            target_varies: self.target_label.contains('$'),
            legacy,
        })
    }
}

/// Whether `text` fits the old alphabet once its `$name` and `${name}` are filled in.
fn is_name_template(text: &str) -> bool {
    let mut rest = text;
    let mut plain = String::new();
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let word = |text: &str| text.bytes().take_while(|b| is_word(*b)).count();
        let length = match rest.strip_prefix('{') {
            Some(inner) => match (word(inner), inner.as_bytes().get(word(inner))) {
                (1.., Some(b'}')) => word(inner) + 2,
                _ => return false,
            },
            None => word(rest),
        };
        if length == 0 {
            return false;
        }
        plain.push('_');
        rest = &rest[length..];
    }
    plain.push_str(rest);
    is_legacy_label_name(&plain)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Applies all rules in order. `None`: the set was dropped.
pub fn relabel(labels: &Labels, rules: &[RelabelRule]) -> Option<Labels> {
    if rules.is_empty() {
        return Some(labels.clone());
    }
    let mut builder = LabelsBuilder::new(labels);
    relabel_in_place(&mut builder, rules).then(|| builder.build())
}

/// Applies all rules in order; whether the set is kept.
pub fn relabel_in_place(labels: &mut LabelsBuilder, rules: &[RelabelRule]) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl RelabelRule {
    /// What the rule does.
    pub fn action(&self) -> RelabelAction {
        self.action
    }

    /// Applies the rule; whether the set is kept.
    pub fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        let value = self.joined(labels);
        match self.action {
            RelabelAction::Drop => return !self.regex.is_match(&value),
            RelabelAction::Keep => return self.regex.is_match(&value),
            RelabelAction::DropEqual => return labels.value(&self.target_label) != value,
            RelabelAction::KeepEqual => return labels.value(&self.target_label) == value,
            RelabelAction::Replace => self.replace(&value, labels),
            RelabelAction::Lowercase => self.set(labels, &self.target_label, &value.to_lowercase()),
            RelabelAction::Uppercase => self.set(labels, &self.target_label, &value.to_uppercase()),
            RelabelAction::HashMod => {
                let hash = md5_tail(&value) % self.modulus;
                self.set(labels, &self.target_label, &hash.to_string());
            }
            RelabelAction::LabelMap => self.map_names(labels),
            RelabelAction::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            RelabelAction::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        true
    }

    fn joined(&self, labels: &LabelsBuilder) -> String {
        let mut value = String::new();
        for (at, name) in self.source_labels.iter().enumerate() {
            if at > 0 {
                value.push_str(&self.separator);
            }
            value.push_str(labels.value(name));
        }
        value
    }

    fn replace(&self, value: &str, labels: &mut LabelsBuilder) {
        let Some(captures) = self.regex.as_regex().captures(value) else { return };
        let result = expand(&self.replacement, &captures);
        if self.target_varies {
            self.set(labels, &expand(&self.target_label, &captures), &result);
        } else {
            self.set(labels, &self.target_label, &result);
        }
    }

    fn map_names(&self, labels: &mut LabelsBuilder) {
        let mut mapped = Vec::new();
        for (name, value) in labels.iter() {
            if let Some(captures) = self.regex.as_regex().captures(name) {
                mapped.push((expand(&self.replacement, &captures), value.to_owned()));
            }
        }
        for (name, value) in mapped {
            self.set(labels, &name, &value);
        }
    }

    /// Sets a label unless its name is none.
    fn set(&self, labels: &mut LabelsBuilder, name: &str, value: &str) {
        let is_name = if self.legacy { is_legacy_label_name(name) } else { !name.is_empty() };
        if is_name {
            labels.set(name, value);
        }
    }
}

/// Fills in `$name` and `${name}` as Go does: the longest run of letters, digits and `_` is the
/// name, an unknown or absent group is empty, `$$` is `$`, any other `$` stays.
fn expand(template: &str, captures: &regex::Captures<'_>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            text.push('$');
            rest = behind;
        } else if let Some((name, behind)) = group_name(rest) {
            text.push_str(group(name, captures));
            rest = behind;
        } else {
            text.push('$');
        }
    }
    text.push_str(rest);
    text
}

/// The name at the start of what follows a `$`, and what comes behind it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let name = inner.unwrap_or(text);
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    let (name, behind) = name.split_at(end);
    let behind = if inner.is_some() { behind.strip_prefix('}')? } else { behind };
    (!name.is_empty()).then_some((name, behind))
}

fn group<'t>(name: &str, captures: &regex::Captures<'t>) -> &'t str {
    let is_number =
        name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    let found = match name.parse::<usize>() {
        Ok(number) if is_number => captures.get(number),
        _ => captures.name(name),
    };
    found.map_or("", |found| found.as_str())
}

/// The last eight bytes of the MD5 sum, big endian.
fn md5_tail(text: &str) -> u64 {
    let sum = Md5::digest(text.as_bytes());
    sum[8..].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests;
