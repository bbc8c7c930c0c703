//! The functions of rule templates, as Prometheus has them.

use std::sync::Arc;

use crate::error::CallError;
use crate::functions::{FunctionSet, exactly, text, wrong_type};
use crate::humanize;
use crate::regexes;
use crate::value::{Items, Object, Value};

/// Answers a query of a template at the time of the evaluation.
pub type Query = Arc<dyn Fn(&str) -> Result<Vec<QueriedSample>, CallError> + Send + Sync>;

/// One element of a query's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct QueriedSample {
    /// All labels, the metric's name included.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

/// What the functions of one evaluation know.
#[derive(Clone)]
pub struct RuleContext {
    /// Of the evaluation, milliseconds since 1970.
    pub now_ms: i64,
    /// Where users reach this Prometheus.
    pub external_url: String,
    /// Runs PromQL.
    pub query: Query,
}

/// The functions, for parsing: they are all there, but `query` refuses.
pub fn rule_functions_for_parsing() -> FunctionSet {
    rule_functions(RuleContext {
        now_ms: 0,
        external_url: String::new(),
        query: Arc::new(|_| Err(CallError::new("no queries while a template is checked"))),
    })
}

/// The functions of one evaluation.
pub fn rule_functions(context: RuleContext) -> FunctionSet {
    let RuleContext { now_ms, external_url, query } = context;
    let path = path_of(&external_url).to_owned();
    text_functions(number_functions(FunctionSet::new()))
        .with("query", move |args| {
            let samples = query(text(one(args)?)?)?;
            Ok(Value::list(samples.into_iter().map(sample_value).collect()))
        })
        .with("now", move |args| exactly::<0>(args).map(|_| Value::Float(now_ms as f64 / 1e3)))
        .with("externalURL", move |args| {
            exactly::<0>(args).map(|_| Value::from(external_url.as_str()))
        })
        .with("pathPrefix", move |args| exactly::<0>(args).map(|_| Value::from(path.as_str())))
        .with("first", |args| match one(args)?.items() {
            Items::List(list) if !list.items().is_empty() => Ok(list.items()[0].clone()),
            _ => Err(CallError::new("first() called on vector with no elements")),
        })
        .with("label", |args| {
            let [name, sample] = exactly::<2>(args)?;
            let sample = sample_of(sample)?;
            Ok(Value::from(sample.label(text(name)?)))
        })
        .with("value", |args| one(args).and_then(sample_of).map(|sample| sample.value.into()))
        .with("strvalue", |args| {
            one(args).and_then(sample_of).map(|sample| Value::from(sample.label("__value__")))
        })
        .with("sortByLabel", sort_by_label)
        .with("args", |args| {
            let named = args.iter().enumerate();
            Ok(Value::map(named.map(|(at, arg)| (format!("arg{at}").into(), arg.clone()))))
        })
}

fn number_functions(set: FunctionSet) -> FunctionSet {
    set.with("humanize", |args| number(args).map(humanize::humanize).map(Value::from))
        .with("humanize1024", |args| number(args).map(humanize::humanize1024).map(Value::from))
        .with("humanizeDuration", |args| {
            number(args).map(humanize::humanize_duration).map(Value::from)
        })
        .with("humanizePercentage", |args| {
            number(args).map(humanize::humanize_percentage).map(Value::from)
        })
        .with("humanizeTimestamp", |args| {
            number(args).and_then(humanize::humanize_timestamp).map(Value::from)
        })
        .with("toTime", |args| number(args).and_then(humanize::to_time).map(Value::Time))
        .with("toDuration", |args| number(args).map(|v| Value::Duration((v * 1e9) as i64)))
        .with("parseDuration", |args| {
            let written = text(one(args)?)?;
            let seconds = parse_duration(written).ok_or_else(|| {
                CallError::new(format!("not a valid duration string: {written:?}"))
            })?;
            Ok(Value::Float(seconds))
        })
}

fn text_functions(set: FunctionSet) -> FunctionSet {
    set.with("reReplaceAll", re_replace_all)
        .with("match", re_match)
        .with("title", |args| text(one(args)?).map(humanize::title).map(Value::from))
        .with("toUpper", |args| text(one(args)?).map(str::to_uppercase).map(Value::from))
        .with("toLower", |args| text(one(args)?).map(str::to_lowercase).map(Value::from))
        .with("stripPort", |args| text(one(args)?).map(|host| split_port(host).0.into()))
        .with("stripDomain", |args| text(one(args)?).map(strip_domain).map(Value::from))
        .with("graphLink", |args| text(one(args)?).map(|expr| link(expr, 0)))
        .with("tableLink", |args| text(one(args)?).map(|expr| link(expr, 1)))
        .with("safeHtml", |args| text(one(args)?).map(|html| Value::Safe(html.into())))
        .with("urlQueryEscape", |args| text(one(args)?).map(|t| gotmpl::url_encode(t).into()))
}

/// The path with which the web interface shows an expression.
pub fn table_link(expr: &str) -> String {
    format!("/graph?g0.expr={}&g0.tab=1", gotmpl::url_encode(expr))
}

fn link(expr: &str, tab: u8) -> Value {
    Value::from(format!("/graph?g0.expr={}&g0.tab={tab}", gotmpl::url_encode(expr)))
}

pub(crate) fn re_replace_all(args: &[Value]) -> Result<Value, CallError> {
    let [pattern, replacement, subject] = exactly::<3>(args)?;
    regexes::replace_all(text(pattern)?, text(replacement)?, text(subject)?).map(Value::from)
}

pub(crate) fn re_match(args: &[Value]) -> Result<Value, CallError> {
    let [pattern, subject] = exactly::<2>(args)?;
    regexes::is_match(text(pattern)?, text(subject)?).map(Value::Bool)
}

fn one(args: &[Value]) -> Result<&Value, CallError> {
    exactly::<1>(args).map(|[value]| value)
}

fn number(args: &[Value]) -> Result<f64, CallError> {
    one(args).and_then(humanize::to_float)
}

/// A sample inside a template: `.Labels`, `.Value`.
#[derive(Debug)]
struct Sample {
    labels: Value,
    value: f64,
}

impl Sample {
    fn label(&self, name: &str) -> String {
        match &self.labels {
            Value::Map(map) => map.get(name).as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        }
    }
}

impl Object for Sample {
    fn type_name(&self) -> &'static str {
        "*template.sample"
    }

    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
        let field = match name {
            "Labels" => self.labels.clone(),
            "Value" => Value::Float(self.value),
            _ => return None,
        };
        Some(exactly::<0>(args).map(|_| field))
    }

    fn fields(&self) -> Vec<(Arc<str>, Value)> {
        vec![("Labels".into(), self.labels.clone()), ("Value".into(), self.value.into())]
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

fn sample_value(sample: QueriedSample) -> Value {
    Value::object(Sample { labels: Value::strings(sample.labels), value: sample.value })
}

fn sample_of(value: &Value) -> Result<&Sample, CallError> {
    match value {
        Value::Object(object) => object.as_any().and_then(|any| any.downcast_ref()),
        _ => None,
    }
    .ok_or_else(|| wrong_type("*template.sample", value))
}

fn sort_by_label(args: &[Value]) -> Result<Value, CallError> {
    let [name, samples] = exactly::<2>(args)?;
    let name = text(name)?;
    let Items::List(list) = samples.items() else {
        return Err(wrong_type("template.queryResult", samples));
    };
    let mut keyed = Vec::with_capacity(list.items().len());
    for sample in list.items() {
        keyed.push((sample_of(sample)?.label(name), sample.clone()));
    }
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Value::list(keyed.into_iter().map(|(_, sample)| sample).collect()))
}

/// Host and port of `host:port` or `[host]:port`; without a port all is the host.
fn split_port(address: &str) -> (&str, Option<&str>) {
    let Some((host, port)) = address.rsplit_once(':') else { return (address, None) };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(bare) => (bare, Some(port)),
        None if host.contains([':', '[', ']']) => (address, None),
        None => (host, Some(port)),
    }
}

/// The first label of a host name; addresses stay whole.
fn strip_domain(address: &str) -> String {
    let (host, port) = split_port(address);
    let short = match host.parse::<std::net::IpAddr>() {
        Ok(_) => host,
        Err(_) => host.split('.').next().unwrap_or(host),
    };
    match port {
        Some(port) if short.contains(':') => format!("[{short}]:{port}"),
        Some(port) => format!("{short}:{port}"),
        None => short.to_owned(),
    }
}

fn path_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after.find('/').map_or("", |at| &after[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// A Prometheus duration as seconds: units from years to milliseconds, each at most once.
fn parse_duration(written: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 7] = [
        ("y", 31_536_000.0),
        ("w", 604_800.0),
        ("d", 86_400.0),
        ("h", 3600.0),
        ("m", 60.0),
        ("s", 1.0),
        ("ms", 0.001),
    ];
    if written == "0" {
        return Some(0.0);
    }
    let (mut rest, mut next, mut seconds) = (written, 0, 0.0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[digits..digits + letters];
        let at = UNITS.iter().position(|(name, _)| *name == unit).filter(|at| *at >= next)?;
        seconds += rest[..digits].parse::<u64>().ok()? as f64 * UNITS[at].1;
        next = at + 1;
        rest = &rest[digits + letters..];
    }
    (next > 0).then_some(seconds)
}

#[cfg(test)]
mod tests;
