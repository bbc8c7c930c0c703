//! Ports without a store: samples in memory, alerts in a list.
//!
//! For unit tests of rules, which are evaluated over series that a person wrote down. Queries run
//! in the real engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt, ready};
use promql::ast::Expr;
use promql::budget::{Budget, Interruption};
use promql::engine::{evaluate, plan};
use promql::eval_params::{EvalParams, SUBQUERY_STEP_MS};
use promql::source::{Points, ReadError, SeriesData};
use promql::value::Value;
use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::{HistogramSample, Sample, TimeSeries};

use crate::ports::{
    AlertPort, AppendReport, OutgoingAlert, QueryPort, RulePorts, RuleQuery, SinkPort,
};

/// Samples and alerts in memory. Cloning shares them.
#[derive(Clone, Default)]
pub struct MemoryStore {
    series: Arc<Mutex<BTreeMap<Labels, Arc<Held>>>>,
    sent: Arc<Mutex<Vec<OutgoingAlert>>>,
    queries: Queries,
}

/// How queries run.
#[derive(Clone)]
pub struct Queries {
    /// Step of subqueries that name none.
    pub subquery_step_ms: i64,
    /// Samples a query may hold at once.
    pub samples_max: usize,
    /// Asked again and again; a query stops once it says `true`.
    pub expired: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Default for Queries {
    fn default() -> Self {
        Self {
            subquery_step_ms: SUBQUERY_STEP_MS,
            samples_max: usize::MAX,
            expired: Arc::new(|| false),
        }
    }
}

/// The points of one series; the first one written at a time stays.
#[derive(Clone, Debug, Default)]
struct Held {
    floats: BTreeMap<i64, f64>,
    histograms: BTreeMap<i64, HistogramSample>,
}

impl Held {
    /// Adds the points of `series`; how many were refused, since another point has their time.
    fn add(&mut self, series: TimeSeries) -> u64 {
        let mut refused = 0;
        for Sample { timestamp_ms, value } in series.samples {
            let first = *self.floats.entry(timestamp_ms).or_insert(value);
            let clash = self.histograms.contains_key(&timestamp_ms);
            refused += u64::from(clash || first.to_bits() != value.to_bits());
        }
        for mut sample in series.histograms {
            let before = self.histograms.range(..sample.timestamp_ms).next_back();
            say_reset(before.map(|(_, before)| &*before.histogram), &mut sample);
            let first = self.histograms.entry(sample.timestamp_ms).or_insert(sample.clone());
            let clash = self.floats.contains_key(&sample.timestamp_ms);
            refused += u64::from(clash || !first.histogram.same_as(&sample.histogram));
        }
        refused
    }
}

/// Says how a histogram follows the one before, as a database does that keeps them together.
fn say_reset(before: Option<&FloatHistogram>, sample: &mut HistogramSample) {
    let Some(before) = before.filter(|before| before.reset_hint != ResetHint::Gauge) else {
        return;
    };
    if sample.histogram.reset_hint == ResetHint::Unknown {
        let reset = sample.histogram.is_reset_after(before);
        let hint = if reset { ResetHint::Reset } else { ResetHint::NotReset };
        Arc::make_mut(&mut sample.histogram).reset_hint = hint;
    }
}

/// One series as it was when a query began.
struct Snapshot {
    labels: Labels,
    held: Arc<Held>,
}

impl SeriesData for Snapshot {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, from_ms: i64, to_ms: i64, out: &mut Points) -> Result<(), ReadError> {
        let floats = self.held.floats.range(from_ms..=to_ms);
        out.floats.extend(floats.map(|(at, value)| Sample { timestamp_ms: *at, value: *value }));
        let histograms = self.held.histograms.range(from_ms..=to_ms);
        out.histograms.extend(histograms.map(|(_, sample)| sample.clone()));
        Ok(())
    }
}

impl MemoryStore {
    /// All ports of a workspace at once.
    pub fn ports(&self) -> RulePorts {
        let shared = Arc::new(self.clone());
        RulePorts { query: shared.clone(), sink: shared.clone(), alerts: shared }
    }

    /// A store whose queries run in this way.
    pub fn with(queries: Queries) -> Self {
        Self { queries, ..Self::default() }
    }

    /// Writes samples; how many of them were refused, for another one has their time.
    pub fn write(&self, series: impl IntoIterator<Item = TimeSeries>) -> u64 {
        let mut held = self.lock();
        let mut refused = 0;
        for mut one in series {
            let labels = std::mem::take(&mut one.labels);
            // Queries are over by now, so that nothing is copied.
            refused += Arc::make_mut(held.entry(labels).or_default()).add(one);
        }
        refused
    }

    /// Evaluates an expression at one time.
    pub fn evaluate(&self, expr: &Expr, at_ms: i64) -> Result<Value, String> {
        let Queries { subquery_step_ms, samples_max, expired } = &self.queries;
        let params =
            EvalParams { subquery_step_ms: *subquery_step_ms, ..EvalParams::instant(at_ms) };
        let plan = plan(expr, &params).map_err(|error| error.to_string())?;
        let selected: Vec<Vec<Arc<dyn SeriesData>>> =
            plan.selections().iter().map(|selection| self.select(&selection.matchers)).collect();
        let interrupted = || expired().then_some(Interruption::TimedOut);
        let budget =
            Budget { samples_max: *samples_max, bytes_max: usize::MAX, interrupted: &interrupted };
        let result = evaluate(&plan, &selected, &budget);
        result.map(|result| result.value).map_err(|error| error.to_string())
    }

    /// All float samples of the series that print as `series`, in order of time.
    pub fn floats(&self, series: &str) -> Vec<(i64, f64)> {
        let held = self.lock();
        let found = held.iter().find(|(labels, _)| labels.to_string() == series);
        found.map_or_else(Vec::new, |(_, held)| {
            held.floats.iter().map(|(at, value)| (*at, *value)).collect()
        })
    }

    /// The alerts that were sent since the last call.
    pub fn take_sent(&self) -> Vec<OutgoingAlert> {
        std::mem::take(&mut self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn select(&self, matchers: &[Matcher]) -> Vec<Arc<dyn SeriesData>> {
        let held = self.lock();
        let fits = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
        held.iter()
            .filter(|(labels, _)| fits(labels))
            .map(|(labels, held)| {
                let snapshot = Snapshot { labels: labels.clone(), held: held.clone() };
                Arc::new(snapshot) as Arc<dyn SeriesData>
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Labels, Arc<Held>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueryPort for MemoryStore {
    fn query(&self, query: RuleQuery) -> BoxFuture<'static, Result<Value, String>> {
        ready(self.evaluate(&query.expr, query.at_ms)).boxed()
    }

    fn newest(
        &self,
        matchers: Vec<Matcher>,
        from_ms: i64,
        to_ms: i64,
    ) -> BoxFuture<'static, Result<Vec<(Labels, Sample)>, String>> {
        let held = self.lock();
        let mut found = Vec::new();
        for (labels, held) in held.iter() {
            let newest = held.floats.range(from_ms..=to_ms).next_back();
            if let Some((at, value)) = newest
                && matchers.iter().all(|matcher| matcher.matches_labels(labels))
            {
                found.push((labels.clone(), Sample { timestamp_ms: *at, value: *value }));
            }
        }
        ready(Ok(found)).boxed()
    }
}

impl SinkPort for MemoryStore {
    fn append(&self, series: Vec<TimeSeries>) -> BoxFuture<'static, Result<AppendReport, String>> {
        let refused = self.write(series);
        let reason = (refused > 0).then(|| "duplicate sample for timestamp".to_owned());
        ready(Ok(AppendReport { refused, reason })).boxed()
    }
}

impl AlertPort for MemoryStore {
    fn send(&self, alerts: Vec<OutgoingAlert>) -> BoxFuture<'static, Result<(), String>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).extend(alerts);
        ready(Ok(())).boxed()
    }
}
