//! `query`, `query_range`, `format_query`, `parse_query`.

use std::time::Duration;

use http::StatusCode;
use promql::ast::Expr;
use promql::engine::QueryResult;
use promql::errors::EvalError;
use promql::eval_params::EvalParams;
use promql::parser::parse_expr;
use promql::prettifier::prettify;
use promql::value::Value;
use serde_json::json;
use tsdb::error::TsdbError;

use crate::http::answer::Answer;
use crate::http::context::Context;
use crate::http::error::ApiError;
use crate::http::query_tree::tree;
use crate::http::response::{Notes, envelope, query_data};
use crate::http::status::success;
use crate::http::times::{duration_parameter, limit_parameter, time_parameter};
use crate::query_source::{Line, Query, QueryError, parse_options, run};

/// What Prometheus warns of where `limit` cut something.
pub const TRUNCATED: &str = "results truncated due to limit";

/// An instant query.
pub async fn instant(context: &Context<'_>) -> Result<Answer, ApiError> {
    let at_ms = match time_parameter(&context.params, "time")? {
        Some(at_ms) => at_ms,
        None => context.store.world.clock.now_ms(),
    };
    answer(context, EvalParams::instant(at_ms)).await
}

/// A range query.
pub async fn range(context: &Context<'_>) -> Result<Answer, ApiError> {
    let params = &context.params;
    let time = |name: &str| {
        time_parameter(params, name)?
            .ok_or_else(|| ApiError::parameter(name, "cannot parse \"\" to a valid timestamp"))
    };
    let (start_ms, end_ms) = (time("start")?, time("end")?);
    if end_ms < start_ms {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = duration_parameter(params, "step")?
        .ok_or_else(|| ApiError::parameter("step", "cannot parse \"\" to a valid duration"))?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. \
                      Try a positive integer";
        return Err(ApiError::parameter("step", reason));
    }
    let limit = context.workspace.data.in_force().configuration.limits().query_points_max;
    let points = end_ms.saturating_sub(start_ms) / step_ms;
    if limit > 0 && points > i64::try_from(limit).unwrap_or(i64::MAX) {
        return Err(ApiError::BadData(format!(
            "exceeded maximum resolution of {limit} points per timeseries. \
             Try decreasing the query resolution (?step=XX)"
        )));
    }
    answer(context, EvalParams::range(start_ms, end_ms, step_ms)).await
}

/// The query printed anew, long ones over several lines.
pub fn format(context: &Context<'_>) -> Result<Answer, ApiError> {
    Ok(success(&prettify(&parsed(context)?)))
}

/// The query's syntax tree.
pub fn parse(context: &Context<'_>) -> Result<Answer, ApiError> {
    Ok(success(&tree(&parsed(context)?)))
}

fn parsed(context: &Context<'_>) -> Result<Expr, ApiError> {
    let options = parse_options(&context.workspace.data.in_force().configuration);
    let text = context.params.value("query");
    parse_expr(text, &options).map_err(|error| ApiError::parameter("query", error))
}

async fn answer(context: &Context<'_>, mut params: EvalParams) -> Result<Answer, ApiError> {
    let text = context.params.value("query").to_owned();
    let configuration = context.workspace.data.in_force().configuration.clone();
    let expr = parse_expr(&text, &parse_options(&configuration))
        .map_err(|error| ApiError::parameter("query", error))?;
    if let Some(lookback_ms) = duration_parameter(&context.params, "lookback_delta")? {
        if lookback_ms <= 0 {
            return Err(ApiError::parameter("lookback_delta", "must be positive"));
        }
        params.lookback_ms = lookback_ms;
    }
    let limit = limit_parameter(&context.params, "limit")?;
    let stats = context.params.get("stats").is_some_and(|stats| !stats.is_empty());
    let timeout = timeout(context)?;
    let clock = context.store.world.clock.clone();
    let began = clock.steady();
    let query = Query { expr, params, timeout, line: Line::Wait };
    let body = run(&context.workspace.data, query, move |result| {
        let took = clock.steady().saturating_sub(began);
        let stats = stats.then(|| statistics(&result, took));
        let (value, cut) = limited(result.value, limit);
        let mut notes = Notes {
            warnings: result.annotations.warnings(&text),
            infos: result.annotations.infos(&text),
        };
        if cut {
            notes.warnings.push(TRUNCATED.to_owned());
        }
        envelope(&query_data(&value, stats.as_ref()), &notes)
    });
    let body = body.await.map_err(query_error)?;
    Ok(Answer::json_bytes(StatusCode::OK, body))
}

fn timeout(context: &Context<'_>) -> Result<Duration, ApiError> {
    let limit = context.workspace.data.in_force().configuration.limits().query_seconds_max;
    let most = Duration::from_secs(if limit == 0 { u64::from(u32::MAX) } else { limit });
    let asked = duration_parameter(&context.params, "timeout")?;
    Ok(asked.map_or(most, |ms| Duration::from_millis(ms.max(0).unsigned_abs()).min(most)))
}

/// The first `limit` series, and whether there were more.
fn limited(value: Value, limit: Option<usize>) -> (Value, bool) {
    let Some(limit) = limit else { return (value, false) };
    match value {
        Value::Vector(mut samples) => {
            let cut = samples.len() > limit;
            samples.truncate(limit);
            (Value::Vector(samples), cut)
        }
        Value::Matrix(mut series) => {
            let cut = series.len() > limit;
            series.truncate(limit);
            (Value::Matrix(series), cut)
        }
        value @ (Value::Scalar(_) | Value::String { .. }) => (value, false),
    }
}

fn statistics(result: &QueryResult, took: Duration) -> serde_json::Value {
    json!({
        "timings": {"evalTotalTime": took.as_secs_f64(), "execTotalTime": took.as_secs_f64()},
        "samples": {
            "totalQueryableSamples": result.stats.samples_total,
            "peakSamples": result.stats.samples_peak,
        },
    })
}

/// What a failed query means to a client.
pub fn query_error(error: QueryError) -> ApiError {
    let text = error.to_string();
    match error {
        QueryError::Parse(error) => ApiError::parameter("query", error),
        QueryError::TimedOut(_) => ApiError::Timeout(text),
        QueryError::Closing => ApiError::Unavailable(text),
        QueryError::Eval(error) => match error {
            EvalError::TimedOut => ApiError::Timeout(text),
            EvalError::Canceled => ApiError::Canceled(text),
            EvalError::Invalid(_) => ApiError::BadData(text),
            EvalError::Read(_) => ApiError::Internal(text),
            EvalError::NotImplemented { .. }
            | EvalError::Execution(_)
            | EvalError::SameLabelset
            | EvalError::TooManySamples { .. }
            | EvalError::TooManyBytes { .. } => ApiError::Execution(text),
        },
        QueryError::Fetch(error) => match error {
            TsdbError::OverBudget { .. } => ApiError::Execution(text),
            TsdbError::Unavailable(_) | TsdbError::Closed | TsdbError::Superseded(_) => {
                ApiError::Unavailable(text)
            }
            TsdbError::BatchTooLarge { .. }
            | TsdbError::Damaged { .. }
            | TsdbError::TooNew { .. } => ApiError::Internal(text),
        },
    }
}
