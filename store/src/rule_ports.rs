//! What rules of a workspace read, write and tell.

use std::sync::Arc;
use std::time::Duration;

use alertmanager::alert::PostableAlert;
use alertmanager::alertmanager::AlertManager;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use promql::eval_params::EvalParams;
use promql::value::Value;
use protocol::labels::Labels;
use protocol::matcher::Matcher;
use protocol::sample::{Sample, TimeSeries};
use rules::ports::{
    AlertPort, AppendReport, OutgoingAlert, QueryPort, RulePorts, RuleQuery, SinkPort,
};
use tsdb::ingest::AppendMode;
use tsdb::selection::{SelectBudget, SelectedSeries};
use world::tasks::run_blocking;

use crate::query_source::{Line, Query, run};
use crate::workspace_data::WorkspaceData;

/// Series of `ALERTS_FOR_STATE` looked at for one rule.
const RESTORED_SERIES_MAX: u64 = 100_000;

/// The ports of one workspace.
pub fn rule_ports(data: &Arc<WorkspaceData>, alerts: &Arc<AlertManager>) -> RulePorts {
    RulePorts {
        query: Arc::new(RuleData(data.clone())),
        sink: Arc::new(RuleData(data.clone())),
        alerts: Arc::new(RuleAlerts(alerts.clone())),
    }
}

struct RuleData(Arc<WorkspaceData>);

impl QueryPort for RuleData {
    fn query(&self, query: RuleQuery) -> BoxFuture<'static, Result<Value, String>> {
        let data = self.0.clone();
        async move {
            let limit = data.in_force().configuration.limits().query_seconds_max;
            let query = Query {
                expr: Arc::unwrap_or_clone(query.expr),
                params: EvalParams::instant(query.at_ms),
                timeout: Duration::from_secs(if limit == 0 { u64::from(u32::MAX) } else { limit }),
                // Slow dashboards must not hold up alerts.
                line: Line::Skip,
            };
            run(&data, query, |result| result.value).await.map_err(|error| error.to_string())
        }
        .boxed()
    }

    fn newest(
        &self,
        matchers: Vec<Matcher>,
        from_ms: i64,
        to_ms: i64,
    ) -> BoxFuture<'static, Result<Vec<(Labels, Sample)>, String>> {
        let data = self.0.clone();
        async move {
            let budget = SelectBudget { series_max: RESTORED_SERIES_MAX, bytes_max: u64::MAX };
            let found = data.tsdb.select(&matchers, from_ms, to_ms, budget).await;
            let found = found.map_err(|error| error.to_string())?;
            let read = move || newest_of(&found, from_ms, to_ms);
            run_blocking(data.world.tasks.as_ref(), read).await
        }
        .boxed()
    }
}

fn newest_of(
    found: &[SelectedSeries],
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<(Labels, Sample)>, String> {
    let (mut samples, mut histograms) = (Vec::new(), Vec::new());
    let mut newest = Vec::new();
    for series in found {
        samples.clear();
        histograms.clear();
        series
            .read(from_ms, to_ms, &mut samples, &mut histograms)
            .map_err(|error| error.to_string())?;
        if let Some(sample) = samples.last() {
            newest.push((series.labels().clone(), *sample));
        }
    }
    Ok(newest)
}

impl SinkPort for RuleData {
    fn append(&self, series: Vec<TimeSeries>) -> BoxFuture<'static, Result<AppendReport, String>> {
        let data = self.0.clone();
        async move {
            let outcome = data.tsdb.append(series, AppendMode::KeepValid).await;
            let outcome = outcome.map_err(|error| error.to_string())?;
            data.ingest_metrics.count_rules(&outcome);
            let reason = outcome.refused.first().map(|refusal| refusal.reason.to_string());
            Ok(AppendReport { refused: outcome.refused_total(), reason })
        }
        .boxed()
    }
}

struct RuleAlerts(Arc<AlertManager>);

impl AlertPort for RuleAlerts {
    fn send(&self, alerts: Vec<OutgoingAlert>) -> BoxFuture<'static, Result<(), String>> {
        let manager = self.0.clone();
        let alerts = alerts.into_iter().map(postable).collect();
        async move { manager.post_alerts(alerts).await.map_err(|error| error.to_string()) }.boxed()
    }
}

fn postable(alert: OutgoingAlert) -> PostableAlert {
    let OutgoingAlert { labels, annotations, starts_at_ms, ends_at_ms, generator_url } = alert;
    PostableAlert {
        labels: labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations,
        starts_at: Timestamp::from_millisecond(starts_at_ms).ok(),
        ends_at: Timestamp::from_millisecond(ends_at_ms).ok(),
        generator_url,
    }
}
