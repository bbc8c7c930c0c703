//! Rule groups as users write them.
//!
//! A Prometheus rule file, read strictly: unknown fields and repeated keys are refused, and so is
//! all that Prometheus's own reader refuses without looking into expressions and templates (those
//! are checked by `rules`, which knows their languages). Every fault has its line and column.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::fault::Fault;
use crate::labels::METRIC_NAME;
use crate::time::PromDuration;
use crate::yaml;

/// The largest rule file: AMP takes 1 MiB, a hundred times that is no file that a person wrote.
pub const RULE_FILE_BYTES_MAX: usize = 16 << 20;

/// A rule file that holds to the form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleFile {
    /// In the order of the file; names are unique.
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated together, one after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleGroup {
    /// Not empty.
    pub name: String,
    /// Between two evaluations; `None`: the default of the workspace.
    pub interval: Option<PromDuration>,
    /// How far in the past rules look and write; `None`: the workspace's offset.
    pub query_offset: Option<PromDuration>,
    /// Most series or alerts a rule may produce; 0: any number.
    pub limit: usize,
    /// Added to the labels of every rule; the rule's own win.
    pub labels: BTreeMap<String, Placed>,
    /// In order of evaluation.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What becomes of the answer.
    pub kind: RuleKind,
    /// PromQL, not yet parsed.
    pub expr: Placed,
    /// The group's labels and the rule's own over them.
    pub labels: BTreeMap<String, Placed>,
}

/// What becomes of a rule's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// New series.
    Recording {
        /// Their metric name.
        record: Placed,
    },
    /// Alerts.
    Alerting {
        /// Their name.
        alert: Placed,
        /// How long a condition holds before its alert fires.
        hold: PromDuration,
        /// How long an alert goes on firing after its condition ended.
        keep_firing: PromDuration,
        /// Templates of texts for people.
        annotations: BTreeMap<String, Placed>,
    },
}

/// A text and where it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// The value.
    pub text: String,
    /// Line of its first character, from 1; 0 where unknown.
    pub line: u32,
    /// Column of its first character, from 1.
    pub column: u32,
    /// In a block (`|`) every line begins here; `None` for a value in its key's line.
    pub block_column: Option<u32>,
}

impl Placed {
    /// A text that stands in no file.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Where the character at `line` and `column` (from 1) of the text stands in the file.
    pub fn place_of(&self, line: u32, column: u32) -> (u32, u32) {
        match self.block_column {
            _ if self.line == 0 => (0, 0),
            Some(block_column) => (self.line + line - 1, block_column + column - 1),
            None if line <= 1 => (self.line, self.column + column.saturating_sub(1)),
            // A value folded over several lines: the text no longer says where they ended.
            None => (self.line, self.column),
        }
    }

    /// A fault at the start of the text.
    pub fn fault(&self, path: String, message: String) -> Fault {
        Fault { line: self.line, column: self.column, path, message }
    }
}

impl Rule {
    /// The name of the series or alerts.
    pub fn name(&self) -> &str {
        match &self.kind {
            RuleKind::Recording { record } => &record.text,
            RuleKind::Alerting { alert, .. } => &alert.text,
        }
    }

    /// The labels as plain pairs.
    pub fn label_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.text.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    groups: Option<Vec<Spanned<RawGroup>>>,
}

type RawTexts = BTreeMap<String, Spanned<Option<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: Option<Spanned<String>>,
    interval: Option<PromDuration>,
    query_offset: Option<PromDuration>,
    limit: Option<i64>,
    labels: Option<RawTexts>,
    rules: Option<Vec<Spanned<RawRule>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    record: Option<Spanned<String>>,
    alert: Option<Spanned<String>>,
    expr: Option<Spanned<String>>,
    #[serde(rename = "for")]
    hold: Option<PromDuration>,
    keep_firing_for: Option<PromDuration>,
    labels: Option<RawTexts>,
    annotations: Option<RawTexts>,
}

impl RuleFile {
    /// Reads a rule file and tells all that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        if text.len() > RULE_FILE_BYTES_MAX {
            let bytes = text.len();
            let message =
                format!("file of {bytes} bytes exceeds the limit of {RULE_FILE_BYTES_MAX} bytes");
            return Err(vec![Fault::at_path("", message)]);
        }
        let raw: Option<RawFile> = yaml::parse(text).map_err(|fault| vec![fault])?;
        let mut reader = Reader { lines: text.lines().collect(), faults: Vec::new() };
        let groups = raw.and_then(|raw| raw.groups).unwrap_or_default();
        let file = reader.file(groups);
        if reader.faults.is_empty() { Ok(file) } else { Err(reader.faults) }
    }
}

/// Turns what serde read into what the rest may rely on.
struct Reader<'a> {
    lines: Vec<&'a str>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn file(&mut self, groups: Vec<Spanned<RawGroup>>) -> RuleFile {
        let mut names = BTreeSet::new();
        let mut kept = Vec::with_capacity(groups.len());
        for (at, group) in groups.into_iter().enumerate() {
            let path = format!("groups[{at}]");
            let name = match &group.value.name {
                Some(name) if !name.value.is_empty() => self.placed(name),
                Some(name) => {
                    let name = self.placed(name);
                    self.fault(&name, format!("{path}.name"), "group name must not be empty");
                    name
                }
                None => {
                    let place = self.placed_at(&group);
                    self.fault(&place, path.clone(), "group name must not be empty");
                    place
                }
            };
            if !name.text.is_empty() && !names.insert(name.text.clone()) {
                let message = format!("group name {:?} is repeated in the same file", name.text);
                self.fault(&name, format!("{path}.name"), &message);
            }
            kept.push(self.group(&path, name.text, group.value));
        }
        RuleFile { groups: kept }
    }

    fn group(&mut self, path: &str, name: String, raw: RawGroup) -> RuleGroup {
        let context = format!("group {name:?}");
        let labels = self.labels(&format!("{path}.labels"), &context, raw.labels);
        let mut rules = Vec::new();
        for (at, rule) in raw.rules.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{path}.rules[{at}]");
            let context = format!("{context}, rule {}", at + 1);
            if let Some(mut rule) = self.rule(&path, &context, rule) {
                for (name, value) in &labels {
                    rule.labels.entry(name.clone()).or_insert_with(|| value.clone());
                }
                rules.push(rule);
            }
        }
        RuleGroup {
            name,
            interval: raw.interval.filter(|interval| !interval.is_zero()),
            query_offset: raw.query_offset,
            limit: raw.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0),
            labels,
            rules,
        }
    }

    fn rule(&mut self, path: &str, context: &str, raw: Spanned<RawRule>) -> Option<Rule> {
        let whole = self.placed_at(&raw);
        let RawRule { record, alert, expr, hold, keep_firing_for, labels, annotations } = raw.value;
        let named = |name: &Option<Spanned<String>>| name.as_ref().map(|name| name.value.clone());
        let context = match named(&record).or(named(&alert)) {
            Some(name) => format!("{context}, {name:?}"),
            None => context.to_owned(),
        };
        let labels = self.labels(&format!("{path}.labels"), &context, labels);
        let annotations = self.texts(annotations);
        self.check_annotations(&format!("{path}.annotations"), &context, &annotations);
        let expr = match &expr {
            Some(expr) if !expr.value.trim().is_empty() => Some(self.placed(expr)),
            _ => {
                let message = format!("{context}: field 'expr' must be set in rule");
                self.fault(&whole, format!("{path}.expr"), &message);
                None
            }
        };
        let kind = match (record, alert) {
            (Some(record), None) => {
                let record = self.placed(&record);
                self.check_record(path, &context, &record);
                for (field, set) in [
                    ("for", hold.is_some_and(|hold| !hold.is_zero())),
                    ("keep_firing_for", keep_firing_for.is_some_and(|keep| !keep.is_zero())),
                    ("annotations", !annotations.is_empty()),
                ] {
                    if set {
                        let message =
                            format!("{context}: invalid field '{field}' in recording rule");
                        self.fault(&whole, format!("{path}.{field}"), &message);
                    }
                }
                RuleKind::Recording { record }
            }
            (None, Some(alert)) => RuleKind::Alerting {
                alert: self.placed(&alert),
                hold: hold.unwrap_or_default(),
                keep_firing: keep_firing_for.unwrap_or_default(),
                annotations,
            },
            (record, _) => {
                let must = if record.is_some() { "only one" } else { "one" };
                let message = format!("{context}: {must} of 'record' and 'alert' must be set");
                self.fault(&whole, path.to_owned(), &message);
                return None;
            }
        };
        if kind_name(&kind).text.is_empty() {
            let message = format!("{context}: one of 'record' and 'alert' must be set");
            self.fault(&whole, path.to_owned(), &message);
            return None;
        }
        Some(Rule { kind, expr: expr?, labels })
    }

    fn check_record(&mut self, path: &str, context: &str, record: &Placed) {
        if record.text.contains(['{', '}']) {
            let message = format!(
                "{context}: braces present in the recording rule name; should it be in expr?"
            );
            self.fault(record, format!("{path}.record"), &message);
        }
    }

    fn check_annotations(&mut self, path: &str, context: &str, texts: &BTreeMap<String, Placed>) {
        if let Some(value) = texts.get("") {
            let message = format!("{context}: invalid annotation name: \"\"");
            self.fault(value, path.to_owned(), &message);
        }
    }

    fn labels(
        &mut self,
        path: &str,
        context: &str,
        raw: Option<RawTexts>,
    ) -> BTreeMap<String, Placed> {
        let labels = self.texts(raw);
        for (name, value) in &labels {
            if name.is_empty() || name == METRIC_NAME {
                let message = format!("{context}: invalid label name: {name:?}");
                self.fault(value, format!("{path}.{name}"), &message);
            }
        }
        labels
    }

    fn texts(&self, raw: Option<RawTexts>) -> BTreeMap<String, Placed> {
        let raw = raw.unwrap_or_default().into_iter();
        raw.map(|(name, value)| {
            let place = self.placed_at(&value);
            let text = value.value.unwrap_or_default();
            (name, Placed { text, ..place })
        })
        .collect()
    }

    fn fault(&mut self, place: &Placed, path: String, message: &str) {
        self.faults.push(place.fault(path, message.to_owned()));
    }

    fn placed(&self, value: &Spanned<String>) -> Placed {
        Placed { text: value.value.clone(), ..self.placed_at(value) }
    }

    /// Where a value stands: past its quote; in a block, at the block's first line.
    fn placed_at<T>(&self, value: &Spanned<T>) -> Placed {
        let (line, column) = (value.defined.line() as u32, value.defined.column() as u32);
        let place = Placed { text: String::new(), line, column, block_column: None };
        let source = self.lines.get(line.wrapping_sub(1) as usize).copied().unwrap_or_default();
        let (before, rest) = match source.char_indices().nth(column.saturating_sub(1) as usize) {
            Some((at, _)) => source.split_at(at),
            None => (source, ""),
        };
        if rest.starts_with(['"', '\'']) {
            return Placed { column: column + 1, ..place };
        }
        let block_sign =
            |line: &&str| line.trim_end_matches(['+', '-', '1', '2', '4']).ends_with('|');
        let line_before = self.lines.get(line.wrapping_sub(2) as usize).copied();
        if before.trim().is_empty() && line_before.as_ref().is_some_and(block_sign) {
            return Placed { block_column: Some(column), ..place };
        }
        place
    }
}

const fn kind_name(kind: &RuleKind) -> &Placed {
    match kind {
        RuleKind::Recording { record } => record,
        RuleKind::Alerting { alert, .. } => alert,
    }
}

#[cfg(test)]
mod tests;
