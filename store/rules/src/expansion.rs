//! Labels and annotations of alerts: templates to texts.
//!
//! A template may ask queries, and queries are asynchronous while rendering is not. So a rendering
//! that meets an unanswered query gives up, the query is asked, and the rendering begins again:
//! rendering is pure, and every query is asked once an evaluation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use promql::value::{PointValue, VectorSample};
use protocol::labels::Labels;
use templates::data::Fields;
use templates::error::{CallError, FaultKind};
use templates::functions::FunctionSet;
use templates::functions_rule::{QueriedSample, RuleContext, rule_functions};
use templates::limits::Limits;
use templates::value::{Object, Value};

use crate::alerting::{Observed, alert_labels};
use crate::spec::{AlertSpec, AlertText, RuleSettings, RuleSpec, template_name};

/// Distinct queries that the templates of one rule may ask in one evaluation: one for each of a
/// thousand alerts.
pub const QUERIES_MAX: usize = 1000;

/// Labels and annotations are read by people and stored with every alert: 64 KiB each is plenty,
/// and
/// so many steps take a few milliseconds.
const LIMITS: Limits<'static> =
    Limits { output_bytes_max: 64 * 1024, steps_max: 100_000, expired: &|| false };

type Answer = Result<Vec<QueriedSample>, String>;

#[derive(Default)]
struct Asked {
    answers: BTreeMap<String, Answer>,
    wanted: Option<String>,
}

/// Expands the texts of one rule in one evaluation.
pub struct Expansion<'a> {
    rule: &'a RuleSpec,
    alert: &'a AlertSpec,
    asked: Arc<Mutex<Asked>>,
    functions: FunctionSet,
    external_labels: Value,
    external_url: &'a str,
}

/// A query that must be answered before the expansion can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(pub String);

impl<'a> Expansion<'a> {
    /// For one evaluation at `now_ms`.
    pub fn new(
        rule: &'a RuleSpec,
        alert: &'a AlertSpec,
        settings: &'a RuleSettings,
        now_ms: i64,
    ) -> Self {
        let asked: Arc<Mutex<Asked>> = Arc::default();
        let context = RuleContext {
            now_ms,
            external_url: settings.external_url.clone(),
            query: Arc::new({
                let asked = asked.clone();
                move |query| look_up(&asked, query)
            }),
        };
        Self {
            rule,
            alert,
            asked,
            functions: rule_functions(context),
            external_labels: Value::strings(
                settings.external_labels.iter().map(|(k, v)| (k.as_str(), v.as_str())),
            ),
            external_url: &settings.external_url,
        }
    }

    /// The alert of one element, or the query that it waits for.
    pub fn expand(&self, sample: &VectorSample) -> Result<Observed, Wanted> {
        let data = self.data(sample);
        let labels = self.texts(&self.rule.labels, &self.alert.label_texts, &data)?;
        let labels = labels.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let labels = alert_labels(&sample.labels, labels, &self.rule.name);
        let annotations =
            self.texts(&self.alert.annotations, &self.alert.annotation_texts, &data)?;
        let value = match sample.value {
            PointValue::Float(value) => value,
            // The alert's number; templates see the histogram itself.
            PointValue::Histogram(_) => 0.0,
        };
        Ok(Observed { labels, annotations: annotations.into_iter().collect(), value })
    }

    /// Hands in what a query answered.
    pub fn answer(&self, wanted: Wanted, answer: Result<Vec<VectorSample>, String>) {
        let answer = answer.map(|samples| samples.into_iter().map(queried).collect());
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.answers.insert(wanted.0, answer);
    }

    fn texts(
        &self,
        named: &[(String, String)],
        texts: &[AlertText],
        data: &Value,
    ) -> Result<Vec<(String, String)>, Wanted> {
        let both = named.iter().zip(texts);
        both.map(|((name, _), text)| Ok((name.clone(), self.text(text, data)?))).collect()
    }

    fn text(&self, text: &AlertText, data: &Value) -> Result<String, Wanted> {
        let set = match text {
            AlertText::Plain(text) => return Ok(text.clone()),
            AlertText::Template(set) => set,
        };
        let name = template_name(&self.rule.name);
        match set.with_functions(self.functions.clone()).render(&name, data, &LIMITS) {
            Ok(text) => Ok(text),
            Err(fault) if fault.kind == FaultKind::Suspended => {
                let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                Err(Wanted(asked.wanted.take().expect("who suspends says what it wants")))
            }
            // A fault of a template is no fault of its rule: people read it in the text.
            Err(fault) => {
                Ok(format!("<error expanding template: error executing template {name}: {fault}>"))
            }
        }
    }

    fn data(&self, sample: &VectorSample) -> Value {
        let value = match &sample.value {
            PointValue::Float(value) => Value::Float(*value),
            PointValue::Histogram(histogram) => Value::object(Histogram(format!("{histogram:?}"))),
        };
        Fields::value(
            "struct",
            [
                ("Labels", Value::strings(sample.labels.iter())),
                ("ExternalLabels", self.external_labels.clone()),
                ("ExternalURL", Value::from(self.external_url)),
                ("Value", value),
            ],
        )
    }
}

fn look_up(asked: &Mutex<Asked>, query: &str) -> Result<Vec<QueriedSample>, CallError> {
    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    match asked.answers.get(query) {
        Some(Ok(samples)) => Ok(samples.clone()),
        Some(Err(error)) => Err(CallError::new(error.clone())),
        None if asked.answers.len() >= QUERIES_MAX => Err(CallError::new(format!(
            "the rule's templates ask more than the limit of {QUERIES_MAX} queries"
        ))),
        None => {
            asked.wanted = Some(query.to_owned());
            Err(CallError::Suspended(query.to_owned()))
        }
    }
}

fn queried(sample: VectorSample) -> QueriedSample {
    let value = match sample.value {
        PointValue::Float(value) => value,
        PointValue::Histogram(_) => 0.0,
    };
    let pairs = |labels: &Labels| labels.iter().map(|(k, v)| (k.into(), v.into())).collect();
    QueriedSample { labels: pairs(&sample.labels), value }
}

/// A native histogram inside a template: it can be printed, nothing more.
#[derive(Debug)]
struct Histogram(String);

impl Object for Histogram {
    fn type_name(&self) -> &'static str {
        "*histogram.FloatHistogram"
    }

    fn member(&self, _: &str, _: &[Value]) -> Option<Result<Value, CallError>> {
        None
    }

    fn text(&self) -> Option<String> {
        Some(self.0.clone())
    }
}
