//! What rules need from the rest of the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use promql::ast::Expr;
use promql::value::Value;
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::{Sample, TimeSeries};

/// An instant query.
#[derive(Clone, Debug)]
pub struct RuleQuery {
    /// What to evaluate.
    pub expr: Arc<Expr>,
    /// The same as text, for logs and limits.
    pub text: Arc<str>,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

/// Runs queries over the workspace.
pub trait QueryPort: Send + Sync + 'static {
    /// Evaluates at one time. The error is what the user reads as the rule's last error.
    fn query(&self, query: RuleQuery) -> BoxFuture<'static, Result<Value, String>>;

    /// The newest point, staleness markers included, of every series that fits all matchers and has
    /// one with `from_ms <= timestamp <= to_ms`. Alert state is restored from it where the journal
    /// holds none.
    fn newest(
        &self,
        matchers: Vec<Matcher>,
        from_ms: i64,
        to_ms: i64,
    ) -> BoxFuture<'static, Result<Vec<(Labels, Sample)>, String>>;
}

/// What became of appended series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendReport {
    /// Samples that were refused: out of order, too old, another value at their time, over a limit.
    pub refused: u64,
    /// Why the first of them was, for the rule's last error; names the limit where it was one.
    pub reason: Option<String>,
}

/// Takes what rules write.
pub trait SinkPort: Send + Sync + 'static {
    /// Appends; resolves once a query sees the samples. One refused sample does not stop the
    /// others;
    /// `Err` says that nothing was written.
    fn append(&self, series: Vec<TimeSeries>) -> BoxFuture<'static, Result<AppendReport, String>>;
}

/// An alert on its way to the alert manager.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingAlert {
    /// With `alertname` and the external labels.
    pub labels: Labels,
    /// Texts for people.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire, milliseconds since 1970.
    pub starts_at_ms: i64,
    /// When it was resolved, or until when it fires if nothing more is heard.
    pub ends_at_ms: i64,
    /// Where its expression can be seen.
    pub generator_url: String,
}

/// Takes alerts.
pub trait AlertPort: Send + Sync + 'static {
    /// Delivers alerts. An error is counted; the next evaluation that is due sends them again.
    fn send(&self, alerts: Vec<OutgoingAlert>) -> BoxFuture<'static, Result<(), String>>;
}

/// All ports of one workspace.
#[derive(Clone)]
pub struct RulePorts {
    /// Reads.
    pub query: Arc<dyn QueryPort>,
    /// Writes.
    pub sink: Arc<dyn SinkPort>,
    /// Alerts.
    pub alerts: Arc<dyn AlertPort>,
}
