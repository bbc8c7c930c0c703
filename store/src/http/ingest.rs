//! Remote write 1.0 and 2.0.
//!
//! What is valid is written and acknowledged as durable even where other samples of the request are
//! refused: the answer is then 400 with the reasons, and (2.0) the `-Written` headers.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, StatusCode};
use protocol::labels::{Labels, METRIC_NAME};
use protocol::remote_write::decode::{DecodedWrite, decode};
use protocol::remote_write::{
    BodyError, CONTENT_TYPE as PROTOBUF, DECODED_BYTES_MAX, EXEMPLARS_WRITTEN_HEADER,
    HISTOGRAMS_WRITTEN_HEADER, SAMPLES_WRITTEN_HEADER, Version, decompress,
};
use protocol::sample::TimeSeries;
use tsdb::error::TsdbError;
use tsdb::ingest::AppendMode;
use tsdb::outcome::AppendOutcome;
use world::tasks::run_blocking;

use crate::http::answer::Answer;
use crate::http::context::Context;
use crate::http::error::ApiError;

/// Larger bodies are decoded off the async threads: this takes some tenths of a millisecond.
const DECODE_INLINE_BYTES_MAX: usize = 64 * 1024;

/// Refused series that an answer tells one by one.
const REFUSALS_MAX: usize = 16;

/// Takes a request.
pub async fn remote_write(context: &Context<'_>) -> Result<Answer, ApiError> {
    let version = version(&context.parts.headers)?;
    let in_force = context.workspace.data.in_force();
    let _permit = in_force.writes.try_acquire().map_err(|_| {
        let limit = in_force.configuration.limits().writes_at_once_max;
        ApiError::TooManyRequests(format!("limit writesAtOnce of {limit} requests is reached"))
    })?;
    let decoded = decoded(context, version).await?;
    let DecodedWrite { mut series, refused, families } = decoded;
    series.extend(families.into_iter().map(|(family, metadata)| TimeSeries {
        labels: Labels::from_pairs([(METRIC_NAME, family.as_str())]),
        metadata: Some(metadata),
        ..TimeSeries::default()
    }));
    admit(context, &series)?;
    let outcome = context.workspace.data.tsdb.append(series, AppendMode::KeepValid).await;
    let outcome = outcome.map_err(|error| append_error(&error))?;
    let refused: Vec<_> = refused.iter().map(ToString::to_string).collect();
    let metrics = &context.workspace.data.ingest_metrics;
    metrics.count(&outcome, refused.len() as u64);
    Ok(with_written(answer(&outcome, &refused), version, &outcome))
}

/// The quota of the workspace; the words are those of AMP.
fn admit(context: &Context<'_>, series: &[TimeSeries]) -> Result<(), ApiError> {
    let samples_of = |series: &TimeSeries| series.samples.len() + series.histograms.len();
    let samples = series.iter().map(samples_of).sum::<usize>() as u64;
    // Version 2.0 repeats metadata with the samples of each series: only what comes alone counts.
    let alone = series.iter().filter(|series| samples_of(series) == 0 && series.metadata.is_some());
    let metadata = alone.count() as u64;
    let data = &context.workspace.data;
    data.may_ingest(samples + metadata).map_err(|(quota, wait)| {
        data.ingest_metrics.count_rate_limited(samples);
        let limit = quota.per_second;
        ApiError::RateLimited {
            message: format!(
                "ingestion rate limit ({limit}) exceeded while adding {samples} samples and \
                 {metadata} metadata"
            ),
            retry_after: wait,
        }
    })
}

fn version(headers: &HeaderMap) -> Result<Version, ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let media_type = text(CONTENT_TYPE).unwrap_or(PROTOBUF);
    let version = Version::from_content_type(media_type).ok_or_else(|| {
        ApiError::UnsupportedMediaType(format!(
            "content type {media_type:?} is not accepted; send {} or {}",
            Version::V2.content_type(),
            Version::V1.content_type(),
        ))
    })?;
    match text(CONTENT_ENCODING) {
        None | Some("snappy") => Ok(version),
        Some(encoding) => Err(ApiError::UnsupportedMediaType(format!(
            "content encoding {encoding:?} is not accepted; send snappy"
        ))),
    }
}

async fn decoded(context: &Context<'_>, version: Version) -> Result<DecodedWrite, ApiError> {
    let body = context.body.clone();
    let read = move || {
        let message = decompress(&body, DECODED_BYTES_MAX)?;
        decode(&message, version)
    };
    let decoded = if context.body.len() <= DECODE_INLINE_BYTES_MAX {
        read()
    } else {
        run_blocking(context.store.world.tasks.as_ref(), read).await
    };
    decoded.map_err(|error| match error {
        BodyError::TooLarge { .. } => ApiError::TooLarge(error.to_string()),
        BodyError::Snappy(_) | BodyError::Malformed(_) => ApiError::BadData(error.to_string()),
    })
}

fn append_error(error: &TsdbError) -> ApiError {
    match error {
        TsdbError::Unavailable(_) | TsdbError::Closed | TsdbError::Superseded(_) => {
            ApiError::Unavailable(error.to_string())
        }
        TsdbError::BatchTooLarge { .. } => ApiError::TooLarge(error.to_string()),
        TsdbError::OverBudget { .. } | TsdbError::Damaged { .. } | TsdbError::TooNew { .. } => {
            tracing::error!(%error, "samples could not be written");
            ApiError::Internal(error.to_string())
        }
    }
}

fn answer(outcome: &AppendOutcome, refused_series: &[String]) -> Answer {
    let refused_samples = outcome.refused_total();
    if refused_samples == 0 && refused_series.is_empty() {
        return Answer::empty(StatusCode::NO_CONTENT);
    }
    let mut lines: Vec<_> = refused_series.iter().take(REFUSALS_MAX).cloned().collect();
    let told = outcome.refused.iter().take(REFUSALS_MAX - lines.len());
    lines.extend(told.map(|refusal| format!("{}: series {}", refusal.reason, refusal.labels)));
    let heading = format!(
        "{refused_samples} samples and {} series were refused, everything else was written:",
        refused_series.len()
    );
    ApiError::BadData(format!("{heading}\n{}", lines.join("\n"))).text_answer()
}

/// What was written, as 2.0 wants to know it.
fn with_written(answer: Answer, version: Version, outcome: &AppendOutcome) -> Answer {
    match version {
        Version::V1 => answer,
        Version::V2 => answer
            .with(HeaderName::from_static(SAMPLES_WRITTEN_HEADER), &outcome.samples.to_string())
            .with(
                HeaderName::from_static(HISTOGRAMS_WRITTEN_HEADER),
                &outcome.histograms.to_string(),
            )
            .with(
                HeaderName::from_static(EXEMPLARS_WRITTEN_HEADER),
                &outcome.exemplars.to_string(),
            ),
    }
}
