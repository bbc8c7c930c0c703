//! One group: evaluates its rules at a slot, one after another.
//!
//! Each rule's samples are written before the next rule is asked. What a rule decides is pure; this
//! file asks, writes and sends. It knows no timer: `manager` calls it on its slots, a unit test
//! calls
//! it on whatever times it likes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promql::parser::parse_expr;
use promql::value::{PointValue, Value, VectorSample};
use protocol::labels::Labels;
use protocol::sample::TimeSeries;
use world::clock::Clock;
use world::commit_log::LogError;

use crate::alerting::{Alert, AlertTiming, Observed, SendTiming};
use crate::expansion::Expansion;
use crate::group_state::GroupState;
use crate::journal::{Before, Journal};
use crate::ports::{AppendReport, OutgoingAlert, RulePorts, RuleQuery};
use crate::recording::{ended, record, stale_markers};
use crate::restore;
use crate::spec::{AlertSpec, GroupSpec, RuleSettings, RuleSpec, RuleSpecKind};
use crate::status::{GroupStatus, Health};
use templates::functions_rule::table_link;

/// How long an evaluation waits for its transitions to be durable: many times what a healthy disk
/// takes, and less than any sensible interval.
const JOURNAL_WAIT_MAX: Duration = Duration::from_secs(5);

/// A group and what it remembers.
pub struct Group {
    /// What it does.
    pub spec: GroupSpec,
    state: Mutex<GroupState>,
    settings: Arc<RuleSettings>,
    ports: RulePorts,
    clock: Arc<dyn Clock>,
    /// Where transitions of alerts are written; a unit test has none.
    journal: Option<Arc<Journal>>,
}

/// The times of one evaluation.
#[derive(Clone, Copy)]
struct At {
    /// The slot: alerts are judged by it.
    slot_ms: i64,
    /// Queries look there, series are written there.
    data_ms: i64,
}

impl Group {
    /// A group that goes on from `state`.
    pub fn new(
        spec: GroupSpec,
        state: GroupState,
        settings: Arc<RuleSettings>,
        ports: RulePorts,
        clock: Arc<dyn Clock>,
        journal: Option<Arc<Journal>>,
    ) -> Self {
        assert_eq!(spec.rules.len(), state.rules.len(), "every rule has its state");
        Self { spec, state: Mutex::new(state), settings, ports, clock, journal }
    }

    /// What the API shows.
    pub fn status(&self) -> GroupStatus {
        self.lock().status(&self.spec)
    }

    /// What the group remembers, for another that takes over.
    pub fn state(&self) -> GroupState {
        self.lock().clone()
    }

    /// Counts slots that passed unused.
    pub fn count_missed(&self, missed: u64) {
        let mut state = self.lock();
        state.metrics.iterations_missed += missed;
        state.metrics.iterations += missed;
    }

    /// Evaluates all rules at `slot_ms`.
    pub async fn evaluate(&self, slot_ms: i64) {
        let started = self.clock.steady();
        let at = At { slot_ms, data_ms: slot_ms - self.spec.query_offset_ms };
        let (mut samples, mut rule_seconds) = (0, 0.0);
        for number in 0..self.spec.rules.len() {
            let rule_started = self.clock.steady();
            let outcome = self.evaluate_rule(number, at).await;
            let seconds = self.seconds_since(rule_started);
            rule_seconds += seconds;
            let mut state = self.lock();
            state.metrics.evaluations += 1;
            state.metrics.evaluation_failures += u64::from(outcome.is_err());
            let rule = &mut state.rules[number];
            rule.evaluation_seconds = seconds;
            rule.last_evaluation_ms = Some(slot_ms);
            (rule.health, rule.last_error) = match outcome {
                Ok(Wrote { count, refusal }) => {
                    samples += count;
                    (if refusal.is_some() { Health::Err } else { Health::Ok }, refusal)
                }
                Err(error) => (Health::Err, Some(error)),
            };
        }
        self.bury_orphans(at.data_ms).await;
        self.give_sign_of_life(slot_ms).await;
        let mut state = self.lock();
        state.evaluation_seconds = self.seconds_since(started);
        state.last_evaluation_ms = Some(slot_ms);
        state.metrics.iterations += 1;
        state.metrics.last_samples = samples;
        state.metrics.last_rule_seconds_sum = rule_seconds;
    }

    async fn evaluate_rule(&self, number: usize, at: At) -> Result<Wrote, String> {
        let rule = &self.spec.rules[number];
        let answer = self.ask(&rule.expr, &rule.text, at.data_ms).await?;
        let series = match &rule.kind {
            RuleSpecKind::Recording => {
                record(answer, &rule.name, &rule.labels, self.spec.limit, at.data_ms)
                    .map_err(|error| error.to_string())?
            }
            RuleSpecKind::Alerting(alert) => {
                self.evaluate_alerts(number, rule, alert, answer, at).await?
            }
        };
        self.write(number, series, at.data_ms).await
    }

    async fn evaluate_alerts(
        &self,
        number: usize,
        rule: &RuleSpec,
        alert: &AlertSpec,
        answer: Vec<VectorSample>,
        at: At,
    ) -> Result<Vec<TimeSeries>, String> {
        let observed = self.expand(rule, alert, &answer, at).await;
        let timing = AlertTiming {
            hold_ms: alert.hold_ms,
            keep_firing_ms: alert.keep_firing_ms,
            limit: self.spec.limit,
        };
        let send = SendTiming {
            resend_delay_ms: self.settings.resend_delay_ms,
            interval_ms: self.spec.interval_ms,
        };
        let (series, due, change) = {
            let state = &mut self.lock().rules[number].alerting;
            let before = Before::of(state);
            let series = state.evaluate(at.slot_ms, at.data_ms, observed, &timing);
            let due = if series.is_ok() { state.take_due(at.slot_ms, &send) } else { Vec::new() };
            (series, due, before.changes(&rule.key, state))
        };
        if let (Some(journal), Some(change)) = (&self.journal, change) {
            let (file, name) = (&self.spec.file, &self.spec.name);
            self.journaled(journal.write(file, name, at.slot_ms, vec![change])).await;
        }
        self.send(rule, due).await;
        series.map_err(|error| error.to_string())
    }

    /// Labels and texts of each element; queries of templates are asked as they come up.
    async fn expand(
        &self,
        rule: &RuleSpec,
        alert: &AlertSpec,
        answer: &[VectorSample],
        at: At,
    ) -> Vec<Observed> {
        if answer.is_empty() {
            return Vec::new();
        }
        let expansion = Expansion::new(rule, alert, &self.settings, at.slot_ms);
        let mut observed = Vec::with_capacity(answer.len());
        for sample in answer {
            loop {
                match expansion.expand(sample) {
                    Ok(one) => break observed.push(one),
                    Err(wanted) => {
                        let answer = self.ask_text(&wanted.0, at.data_ms).await;
                        expansion.answer(wanted, answer);
                    }
                }
            }
        }
        observed
    }

    async fn send(&self, rule: &RuleSpec, due: Vec<Alert>) {
        if due.is_empty() {
            return;
        }
        let count = due.len() as u64;
        let url = format!("{}{}", self.settings.external_url, table_link(&rule.text));
        let outgoing = due.into_iter().map(|alert| self.outgoing(alert, &url)).collect();
        let sent = self.ports.alerts.send(outgoing).await;
        let mut state = self.lock();
        match sent {
            Ok(()) => state.metrics.alerts_sent += count,
            Err(error) => {
                state.metrics.send_failures += count;
                drop(state);
                let (file, group) = (&*self.spec.file, &*self.spec.name);
                tracing::warn!(file, group, rule = &*rule.name, error, "alerts were not delivered");
            }
        }
    }

    fn outgoing(&self, alert: Alert, url: &str) -> OutgoingAlert {
        let absent = self.settings.external_labels.iter();
        let absent = absent.filter(|(name, _)| alert.labels.get(name).is_none());
        let all = alert.labels.iter().chain(absent.map(|(k, v)| (k.as_str(), v.as_str())));
        OutgoingAlert {
            labels: Labels::from_pairs(all),
            starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
            ends_at_ms: alert.resolved_at_ms.unwrap_or(alert.valid_until_ms),
            annotations: alert.annotations,
            generator_url: url.to_owned(),
        }
    }

    /// Writes a rule's series, and the markers of those that ended.
    async fn write(
        &self,
        number: usize,
        mut series: Vec<TimeSeries>,
        at_ms: i64,
    ) -> Result<Wrote, String> {
        let count = series.len() as u64;
        let now: BTreeSet<Labels> = series.iter().map(|one| one.labels.clone()).collect();
        series.extend(ended(&self.lock().rules[number].written, &now, at_ms));
        let AppendReport { refused, reason } = if series.is_empty() {
            AppendReport::default()
        } else {
            self.ports.sink.append(series).await?
        };
        self.lock().rules[number].written = now;
        let refusal = (refused > 0).then(|| {
            let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
            format!("{refused} samples were refused: {reason}")
        });
        Ok(Wrote { count, refusal })
    }

    /// Marks the series of rules that are gone.
    async fn bury_orphans(&self, at_ms: i64) {
        let orphans = {
            let mut state = self.lock();
            let orphans = std::mem::take(&mut state.orphans);
            let alive: BTreeSet<Labels> =
                state.rules.iter().flat_map(|rule| rule.written.iter().cloned()).collect();
            orphans.difference(&alive).cloned().collect::<BTreeSet<_>>()
        };
        if orphans.is_empty() {
            return;
        }
        let markers = stale_markers(orphans.iter().cloned(), at_ms);
        if self.ports.sink.append(markers).await.is_err() {
            // Nothing was written: the next evaluation tries again.
            self.lock().orphans.extend(orphans);
        }
    }

    async fn give_sign_of_life(&self, slot_ms: i64) {
        let Some(journal) = &self.journal else { return };
        let (file, name) = (&self.spec.file, &self.spec.name);
        if self.spec.has_alerts() && journal.needs_sign_of_life(file, name, slot_ms) {
            self.journaled(journal.write(file, name, slot_ms, Vec::new())).await;
        }
    }

    /// Waits for the journal, but not for ever: alerts go out all the same.
    async fn journaled(&self, write: impl Future<Output = Result<(), LogError>>) {
        let error = tokio::select! {
            biased;
            written = write => match written {
                Ok(()) => return,
                Err(error) => error.to_string(),
            },
            () = self.clock.sleep(JOURNAL_WAIT_MAX) => "the log did not answer in time".to_owned(),
        };
        self.lock().metrics.journal_failures += 1;
        let (file, group) = (&*self.spec.file, &*self.spec.name);
        tracing::warn!(file, group, error, "alert state was not written");
    }

    /// Looks for the state of alerts in the series of an earlier run, for rules that have none.
    pub async fn restore(&self) {
        let started = self.clock.steady();
        let now_ms = self.clock.now_ms();
        for (number, rule) in self.spec.rules.iter().enumerate() {
            let RuleSpecKind::Alerting(alert) = &rule.kind else { continue };
            let pending = {
                let state = &mut self.lock().rules[number].alerting;
                state.active_mut().next().is_some()
            };
            if !pending || !restore::is_worth_restoring(alert.hold_ms) {
                self.lock().rules[number].alerting.set_restored();
                continue;
            }
            let matchers = restore::matchers(&rule.name, &rule.labels);
            let from_ms = now_ms - restore::OUTAGE_TOLERANCE_MS;
            let found = self.ports.query.newest(matchers, from_ms, now_ms).await;
            let found = found.unwrap_or_else(|error| {
                let (file, group) = (&*self.spec.file, &*self.spec.name);
                tracing::warn!(file, group, error, "alert state was not restored");
                Vec::new()
            });
            let mut state = self.lock();
            restore::restore(&mut state.rules[number].alerting, &found, alert.hold_ms, now_ms);
        }
        self.lock().metrics.last_restore_seconds = self.seconds_since(started);
    }

    /// Whether some rule does not yet write its alerts, for older state was not looked for.
    pub fn awaits_restore(&self) -> bool {
        self.lock().rules.iter().any(|rule| !rule.alerting.is_restored())
    }

    /// Marks every series of the group as ended at `at_ms`.
    pub async fn bury(&self, at_ms: i64) {
        let markers = stale_markers(self.lock().written(), at_ms);
        if markers.is_empty() {
            return;
        }
        if let Err(error) = self.ports.sink.append(markers).await {
            let (file, group) = (&*self.spec.file, &*self.spec.name);
            tracing::warn!(file, group, error, "series of a removed group were not ended");
        }
    }

    async fn ask_text(&self, text: &str, at_ms: i64) -> Result<Vec<VectorSample>, String> {
        let expr = parse_expr(text, &self.settings.parse_options);
        let expr = Arc::new(expr.map_err(|error| error.to_string())?);
        self.ask(&expr, &Arc::from(text), at_ms).await
    }

    async fn ask(
        &self,
        expr: &Arc<promql::ast::Expr>,
        text: &Arc<str>,
        at_ms: i64,
    ) -> Result<Vec<VectorSample>, String> {
        let query = RuleQuery { expr: expr.clone(), text: text.clone(), at_ms };
        match self.ports.query.query(query).await? {
            Value::Vector(samples) => Ok(samples),
            Value::Scalar(sample) => Ok(vec![VectorSample {
                labels: Labels::empty(),
                timestamp_ms: sample.timestamp_ms,
                value: PointValue::Float(sample.value),
            }]),
            Value::String { .. } | Value::Matrix(_) => {
                Err("rule result is not a vector or scalar".to_owned())
            }
        }
    }

    fn seconds_since(&self, started: Duration) -> f64 {
        self.clock.steady().saturating_sub(started).as_secs_f64()
    }

    fn lock(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a rule wrote.
struct Wrote {
    count: u64,
    /// Why some of it was refused.
    refusal: Option<String>,
}
