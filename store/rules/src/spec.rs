//! Rule groups as they are run: everything parsed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use promql::ast::Expr;
use promql::options::ParseOptions;
use promql::parse_error::ParseError;
use promql::parser::parse_expr;
use protocol::fault::Fault;
use protocol::rule_file::{Placed, Rule, RuleFile, RuleGroup, RuleKind};
use templates::functions_rule::rule_functions_for_parsing;
use templates::set::TemplateSet;

/// What holds for all groups of a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSettings {
    /// Added to every alert where absent; templates see them as `$externalLabels`.
    pub external_labels: Vec<(String, String)>,
    /// Where users reach this workspace's Prometheus API; begins the links in alerts.
    pub external_url: String,
    /// Of groups that name no interval.
    pub interval_ms: i64,
    /// Of groups that name no query offset.
    pub query_offset_ms: i64,
    /// Between two deliveries of an alert that did not change.
    pub resend_delay_ms: i64,
    /// The optional parts of the language.
    pub parse_options: ParseOptions,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            external_labels: Vec::new(),
            external_url: String::new(),
            interval_ms: 60_000,
            query_offset_ms: 0,
            resend_delay_ms: 60_000,
            parse_options: ParseOptions::default(),
        }
    }
}

/// A group that can be run.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    /// The namespace, `file` in Prometheus's words.
    pub file: Arc<str>,
    /// Unique in its file.
    pub name: Arc<str>,
    /// Between two evaluations.
    pub interval_ms: i64,
    /// How far in the past rules look and write.
    pub query_offset_ms: i64,
    /// Most series or alerts of a rule; 0: any number.
    pub limit: usize,
    /// In order of evaluation.
    pub rules: Vec<RuleSpec>,
    /// All that the user wrote, to tell whether a group changed.
    content: String,
}

/// A rule that can be run.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Of the series or alerts.
    pub name: Arc<str>,
    /// Parsed.
    pub expr: Arc<Expr>,
    /// The expression as PromQL prints it.
    pub text: Arc<str>,
    /// As written: of alerts, templates.
    pub labels: Vec<(String, String)>,
    /// What becomes of the answer.
    pub kind: RuleSpecKind,
    /// Tells the rule from the others of its group, and finds it again after an edit or a restart:
    /// kind, name, labels, and a number where two rules have all these in common.
    pub key: String,
}

/// What becomes of the answer.
#[derive(Clone, Debug)]
pub enum RuleSpecKind {
    /// New series.
    Recording,
    /// Alerts.
    Alerting(AlertSpec),
}

/// The part of a rule that only alerts have.
#[derive(Clone, Debug)]
pub struct AlertSpec {
    /// `for`
    pub hold_ms: i64,
    /// `keep_firing_for`
    pub keep_firing_ms: i64,
    /// As written: templates.
    pub annotations: Vec<(String, String)>,
    /// The labels, parsed, in the same order.
    pub label_texts: Vec<AlertText>,
    /// The annotations, parsed, in the same order.
    pub annotation_texts: Vec<AlertText>,
}

/// A label or an annotation of an alert.
#[derive(Clone, Debug)]
pub enum AlertText {
    /// Nothing to expand.
    Plain(String),
    /// A template.
    Template(TemplateSet),
}

/// The name under which an alert's templates are parsed, as in Prometheus's messages.
pub fn template_name(alert: &str) -> String {
    format!("__alert_{alert}")
}

/// What stands in front of every template of a rule.
const TEMPLATE_HEAD: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
    {{$externalURL := .ExternalURL}}{{$value := .Value}}";

impl GroupSpec {
    /// Whether two groups say the same, wherever they stand in their files.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.content == other.content
    }

    /// Whether any rule makes alerts.
    pub fn has_alerts(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.kind, RuleSpecKind::Alerting(_)))
    }

    /// The rules' keys, in order.
    pub fn rule_keys(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.key.as_str())
    }
}

/// Gives each rule its key.
fn set_keys(rules: &mut [RuleSpec]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for rule in rules {
        let kind = match rule.kind {
            RuleSpecKind::Recording => "record",
            RuleSpecKind::Alerting(_) => "alert",
        };
        let key = format!("{kind} {} {:?}", rule.name, rule.labels);
        let number = seen.entry(key.clone()).or_default();
        *number += 1;
        rule.key = format!("{key} {number}");
    }
}

/// Parses all expressions and templates of a file; tells all faults.
pub fn compile(
    namespace: &str,
    file: &RuleFile,
    settings: &RuleSettings,
) -> Result<Vec<GroupSpec>, Vec<Fault>> {
    let mut compiler = Compiler { settings, faults: Vec::new() };
    let groups: Vec<GroupSpec> = file
        .groups
        .iter()
        .enumerate()
        .map(|(at, group)| compiler.group(namespace, at, group))
        .collect();
    if compiler.faults.is_empty() { Ok(groups) } else { Err(compiler.faults) }
}

struct Compiler<'a> {
    settings: &'a RuleSettings,
    faults: Vec<Fault>,
}

impl Compiler<'_> {
    fn group(&mut self, namespace: &str, at: usize, group: &RuleGroup) -> GroupSpec {
        let mut rules = Vec::with_capacity(group.rules.len());
        for (number, rule) in group.rules.iter().enumerate() {
            let path = format!("groups[{at}].rules[{number}]");
            let context = format!("group {:?}, rule {}, {:?}", group.name, number + 1, rule.name());
            rules.extend(self.rule(&path, &context, rule));
        }
        set_keys(&mut rules);
        let interval_ms = group.interval.map_or(self.settings.interval_ms, |i| i.as_millis());
        let query_offset_ms =
            group.query_offset.map_or(self.settings.query_offset_ms, |o| o.as_millis());
        let mut content = format!("{interval_ms} {query_offset_ms} {}", group.limit);
        for rule in &rules {
            describe(&mut content, rule);
        }
        GroupSpec {
            file: namespace.into(),
            name: group.name.as_str().into(),
            interval_ms,
            query_offset_ms,
            limit: group.limit,
            rules,
            content,
        }
    }

    fn rule(&mut self, path: &str, context: &str, rule: &Rule) -> Option<RuleSpec> {
        let parsed = parse_expr(&rule.expr.text, &self.settings.parse_options);
        let expr = parsed
            .map_err(|error| self.faults.push(expr_fault(path, context, &rule.expr, &error)))
            .ok();
        let kind = match &rule.kind {
            RuleKind::Recording { .. } => RuleSpecKind::Recording,
            RuleKind::Alerting { hold, keep_firing, annotations, .. } => {
                let labels = (format!("{path}.labels"), "label");
                let texts = (format!("{path}.annotations"), "annotation");
                RuleSpecKind::Alerting(AlertSpec {
                    hold_ms: hold.as_millis(),
                    keep_firing_ms: keep_firing.as_millis(),
                    annotations: plain(annotations),
                    label_texts: self.texts(&labels, context, rule.name(), &rule.labels),
                    annotation_texts: self.texts(&texts, context, rule.name(), annotations),
                })
            }
        };
        let expr = expr?;
        Some(RuleSpec {
            name: rule.name().into(),
            text: expr.to_string().into(),
            expr: Arc::new(expr),
            labels: plain(&rule.labels),
            kind,
            key: String::new(),
        })
    }

    fn texts(
        &mut self,
        (path, word): &(String, &str),
        context: &str,
        alert: &str,
        texts: &BTreeMap<String, Placed>,
    ) -> Vec<AlertText> {
        let mut parsed = Vec::with_capacity(texts.len());
        for (name, value) in texts {
            match parse_text(alert, &value.text) {
                Ok(text) => parsed.push(text),
                Err(error) => {
                    let (line, column) = value.place_of(error.line.max(1) as u32, 1);
                    let message = format!("{context}: {word} {name:?}: {}", error.message);
                    self.faults.push(Fault {
                        line,
                        column,
                        path: format!("{path}.{name}"),
                        message,
                    });
                }
            }
        }
        parsed
    }
}

fn parse_text(alert: &str, text: &str) -> Result<AlertText, templates::error::TemplateError> {
    if !text.contains("{{") {
        return Ok(AlertText::Plain(text.to_owned()));
    }
    let text = format!("{TEMPLATE_HEAD}{text}");
    let set = TemplateSet::parse([(template_name(alert), text)], rule_functions_for_parsing())?;
    Ok(AlertText::Template(set))
}

fn plain(texts: &BTreeMap<String, Placed>) -> Vec<(String, String)> {
    texts.iter().map(|(name, value)| (name.clone(), value.text.clone())).collect()
}

fn expr_fault(path: &str, context: &str, expr: &Placed, error: &ParseError) -> Fault {
    let (line, column) = match error.position {
        Some(position) => {
            // Positions of the language count bytes, those of files characters.
            let text = expr.text.lines().nth(position.line as usize - 1).unwrap_or_default();
            let before = text.get(..position.column as usize - 1).unwrap_or(text);
            expr.place_of(position.line, before.chars().count() as u32 + 1)
        }
        None => (expr.line, expr.column),
    };
    let message = format!("{context}: could not parse expression: {}", error.message);
    Fault { line, column, path: format!("{path}.expr"), message }
}

fn describe(out: &mut String, rule: &RuleSpec) {
    let RuleSpec { name, expr: _, text, labels, kind, key: _ } = rule;
    let written = write!(out, "\n{name:?} {text:?} {labels:?}");
    written.expect("writing to a string never fails");
    if let RuleSpecKind::Alerting(alert) = kind {
        let AlertSpec { hold_ms, keep_firing_ms, annotations, .. } = alert;
        let written = write!(out, " alert {hold_ms} {keep_firing_ms} {annotations:?}");
        written.expect("writing to a string never fails");
    }
}
