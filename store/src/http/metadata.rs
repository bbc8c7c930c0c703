//! What is known beside the samples.
//!
//! `metadata`, `query_exemplars`, `status/tsdb`.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use promql::engine;
use promql::eval_params::EvalParams;
use promql::parser::parse_expr;
use protocol::labels::Labels;
use protocol::sample::{Exemplar, Metadata, MetricType};
use serde_json::{Value, json};
use world::tasks::run_blocking;

use crate::http::answer::Answer;
use crate::http::context::Context;
use crate::http::error::ApiError;
use crate::http::float::{write_float, write_time};
use crate::http::labels::all_series;
use crate::http::query::query_error;
use crate::http::response::{Notes, envelope, write_labels, write_list};
use crate::http::status::success;
use crate::http::times::{TIME_MAX_MS, TIME_MIN_MS, limit_parameter, time_parameter};
use crate::query_source::parse_options;

/// Metric families of one answer where nothing is asked for.
const FAMILIES_MAX: usize = 100_000;

/// Series counted for `status/tsdb`.
const COUNTED_SERIES_MAX: usize = 1_000_000;

/// Entries of each list of `status/tsdb`, where nothing is asked for and at most.
const TOP_DEFAULT: usize = 10;
const TOP_MAX: usize = 10_000;

/// What exporters said of metrics.
pub fn metadata(context: &Context<'_>) -> Result<Answer, ApiError> {
    let params = &context.params;
    let limit = limit_parameter(params, "limit")?.unwrap_or(FAMILIES_MAX).min(FAMILIES_MAX);
    let per_metric = limit_parameter(params, "limit_per_metric")?.unwrap_or(usize::MAX);
    let metric = params.get("metric").filter(|metric| !metric.is_empty());
    let found = context.workspace.data.tsdb.metadata(metric, limit);
    let shown: BTreeMap<String, Vec<Value>> = found
        .into_iter()
        .map(|(family, all)| (family, all.iter().take(per_metric).map(described).collect()))
        .collect();
    Ok(success(&shown))
}

fn described(metadata: &Metadata) -> Value {
    let kind = match metadata.metric_type {
        MetricType::Unknown => "unknown",
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::GaugeHistogram => "gaugehistogram",
        MetricType::Summary => "summary",
        MetricType::Info => "info",
        MetricType::StateSet => "stateset",
    };
    json!({"type": kind, "help": metadata.help, "unit": metadata.unit})
}

/// Exemplars of the series that a query selects.
pub fn exemplars(context: &Context<'_>) -> Result<Answer, ApiError> {
    let params = &context.params;
    let from_ms = time_parameter(params, "start")?.unwrap_or(TIME_MIN_MS);
    let to_ms = time_parameter(params, "end")?.unwrap_or(TIME_MAX_MS);
    if to_ms < from_ms {
        let reason = "end timestamp must not be before start timestamp";
        return Err(ApiError::parameter("end", reason));
    }
    let data = &context.workspace.data;
    let options = parse_options(&data.in_force().configuration);
    let expr = parse_expr(params.value("query"), &options)
        .map_err(|error| ApiError::parameter("query", error))?;
    // Only the matchers count: the time of the plan is of no consequence.
    let plan = engine::plan(&expr, &EvalParams::instant(0));
    let plan = plan.map_err(|error| query_error(error.into()))?;
    let sets: Vec<_> =
        plan.selections().iter().map(|selection| selection.matchers.clone()).collect();
    let found = data.tsdb.exemplars(&sets, from_ms, to_ms);
    let mut out = Vec::new();
    write_list(&mut out, &found, write_series_exemplars);
    Ok(Answer::json_bytes(StatusCode::OK, envelope(&out, &Notes::default())))
}

fn write_series_exemplars(out: &mut Vec<u8>, found: &(Labels, Vec<Exemplar>)) {
    let (series, exemplars) = found;
    out.extend_from_slice(br#"{"seriesLabels":"#);
    write_labels(out, series);
    out.extend_from_slice(br#","exemplars":"#);
    write_list(out, exemplars, |out, exemplar| {
        out.extend_from_slice(br#"{"labels":"#);
        write_labels(out, &exemplar.labels);
        out.extend_from_slice(br#","value":""#);
        write_float(out, exemplar.value);
        out.extend_from_slice(br#"","timestamp":"#);
        write_time(out, exemplar.timestamp_ms);
        out.push(b'}');
    });
    out.push(b'}');
}

/// What takes the most place.
pub async fn tsdb_status(context: &Context<'_>) -> Result<Answer, ApiError> {
    let top = limit_parameter(&context.params, "limit")?.unwrap_or(TOP_DEFAULT);
    if top > TOP_MAX {
        return Err(ApiError::parameter("limit", format!("must not exceed {TOP_MAX}")));
    }
    let data = &context.workspace.data;
    let stats = data.tsdb.stats();
    // The active series: what the head has seen in the last hours.
    let from_ms = data.world.clock.now_ms() - 2 * 3_600_000;
    let sets = all_series();
    let series = data.tsdb.series(&sets, from_ms, TIME_MAX_MS, COUNTED_SERIES_MAX).await;
    let series = series.map_err(|error| query_error(error.into()))?;
    let counts = run_blocking(data.world.tasks.as_ref(), move || Counts::of(&series)).await;
    Ok(success(&json!({
        "headStats": {
            "numSeries": stats.head_series,
            "numLabelPairs": counts.by_pair.len(),
            "chunkCount": stats.head_samples,
            "minTime": stats.min_ms.unwrap_or(0),
            "maxTime": stats.max_ms.unwrap_or(0),
        },
        "seriesCountByMetricName": largest(&counts.by_metric, top),
        "labelValueCountByLabelName": largest(&counts.values_by_label(), top),
        "memoryInBytesByLabelName": largest(&counts.bytes_by_label, top),
        "seriesCountByLabelValuePair": largest(&counts.by_pair, top),
    })))
}

/// Counts over series.
#[derive(Default)]
struct Counts {
    by_metric: BTreeMap<String, usize>,
    by_pair: BTreeMap<String, usize>,
    bytes_by_label: BTreeMap<String, usize>,
    values: BTreeMap<String, BTreeSet<String>>,
}

impl Counts {
    fn of(series: &[Labels]) -> Self {
        let mut counts = Self::default();
        for labels in series {
            *counts.by_metric.entry(labels.metric_name().to_owned()).or_default() += 1;
            for (name, value) in labels.iter() {
                *counts.by_pair.entry(format!("{name}={value}")).or_default() += 1;
                if counts.values.entry(name.to_owned()).or_default().insert(value.to_owned()) {
                    *counts.bytes_by_label.entry(name.to_owned()).or_default() += value.len();
                }
            }
        }
        counts
    }

    fn values_by_label(&self) -> BTreeMap<String, usize> {
        self.values.iter().map(|(name, values)| (name.clone(), values.len())).collect()
    }
}

/// The largest first; those that are equal by name.
fn largest(counts: &BTreeMap<String, usize>, top: usize) -> Vec<Value> {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let entry = |(name, value): (&String, &usize)| json!({"name": name, "value": value});
    sorted.into_iter().take(top).map(entry).collect()
}
