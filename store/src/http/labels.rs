//! `series`, `labels`, `label/<name>/values`.

use std::collections::BTreeSet;

use http::StatusCode;
use promql::parser::parse_metric_selector;
use protocol::labels::{Labels, METRIC_NAME};
use protocol::matcher::{MatchOp, Matcher};
use tsdb::selection::SelectBudget;

use crate::http::answer::Answer;
use crate::http::data_plane::Context;
use crate::http::error::ApiError;
use crate::http::query::{TRUNCATED, query_error};
use crate::http::response::{Notes, envelope, write_labels, write_list, write_text};
use crate::http::times::{TIME_MAX_MS, TIME_MIN_MS, limit_parameter, time_parameter};

/// Series looked at for one answer: more would be a dump of the database.
const SERIES_MAX: u64 = 2_000_000;

/// Longest name of a label that a path may ask for.
const LABEL_NAME_BYTES_MAX: usize = 4096;

/// The series that match.
pub async fn series(context: &Context<'_>) -> Result<Answer, ApiError> {
    if context.params.all("match[]").next().is_none() {
        return Err(ApiError::BadData("no match[] parameter provided".to_owned()));
    }
    let found = matching(context).await?;
    let (found, notes) = cut(context, found)?;
    let mut data = Vec::new();
    write_list(&mut data, &found, |out, labels| write_labels(out, labels));
    Ok(Answer::json_bytes(StatusCode::OK, envelope(&data, &notes)))
}

/// The names of labels.
pub async fn names(context: &Context<'_>) -> Result<Answer, ApiError> {
    let found = matching(context).await?;
    let names: BTreeSet<String> =
        found.iter().flat_map(Labels::iter).map(|(name, _)| name.to_owned()).collect();
    texts(context, names)
}

/// The values of one label.
pub async fn values(context: &Context<'_>) -> Result<Answer, ApiError> {
    let name = unescaped(context.captures.first().map_or("", String::as_str));
    if name.is_empty() || name.len() > LABEL_NAME_BYTES_MAX {
        return Err(ApiError::BadData(format!("invalid label name: {name:?}")));
    }
    let found = matching(context).await?;
    let values: BTreeSet<String> =
        found.iter().filter_map(|labels| labels.get(&name)).map(str::to_owned).collect();
    texts(context, values)
}

fn texts(context: &Context<'_>, texts: BTreeSet<String>) -> Result<Answer, ApiError> {
    let (texts, notes) = cut(context, texts)?;
    let mut data = Vec::new();
    write_list(&mut data, &texts, |out, text| write_text(out, text));
    Ok(Answer::json_bytes(StatusCode::OK, envelope(&data, &notes)))
}

fn cut<T>(context: &Context<'_>, found: BTreeSet<T>) -> Result<(Vec<T>, Notes), ApiError> {
    let limit = limit_parameter(&context.params, "limit")?.unwrap_or(usize::MAX);
    let mut notes = Notes::default();
    if found.len() > limit {
        notes.warnings.push(TRUNCATED.to_owned());
    }
    Ok((found.into_iter().take(limit).collect(), notes))
}

/// The series that fit any of `match[]` (all, where there is none) in the time asked for.
async fn matching(context: &Context<'_>) -> Result<BTreeSet<Labels>, ApiError> {
    let params = &context.params;
    let from_ms = time_parameter(params, "start")?.unwrap_or(TIME_MIN_MS);
    let to_ms = time_parameter(params, "end")?.unwrap_or(TIME_MAX_MS);
    if to_ms < from_ms {
        return Err(ApiError::parameter("end", "end timestamp must not be before start timestamp"));
    }
    let budget = SelectBudget { series_max: SERIES_MAX, bytes_max: u64::MAX };
    let mut found = BTreeSet::new();
    for matchers in selectors(context)? {
        let selected = context.workspace.data.tsdb.select(&matchers, from_ms, to_ms, budget).await;
        let selected = selected.map_err(|error| query_error(error.into()))?;
        found.extend(selected.iter().map(|series| series.labels().clone()));
    }
    Ok(found)
}

fn selectors(context: &Context<'_>) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let mut selectors = Vec::new();
    for text in context.params.all("match[]") {
        let matchers = parse_metric_selector(text)
            .map_err(|error| ApiError::parameter("match[]", error))?;
        if matchers.iter().all(Matcher::matches_empty) {
            let reason = "match[] must contain at least one non-empty matcher";
            return Err(ApiError::parameter("match[]", reason));
        }
        selectors.push(matchers);
    }
    if selectors.is_empty() {
        let named = Matcher::new(MatchOp::NotEqual, METRIC_NAME, "");
        selectors.push(vec![named.map_err(|error| ApiError::Internal(error.to_string()))?]);
    }
    Ok(selectors)
}

/// `U__` escapes of names beyond the legacy alphabet: `_XX_` is a code point in hexadecimal, `__` an
/// underscore. What is no valid escape is a plain name.
fn unescaped(name: &str) -> String {
    name.strip_prefix("U__").and_then(decoded).unwrap_or_else(|| name.to_owned())
}

fn decoded(escaped: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '_' {
            out.push(c);
            continue;
        }
        let (code, after) = rest.split_once('_')?;
        match code {
            "" => out.push('_'),
            code if code.len() <= 6 => out.push(u32::from_str_radix(code, 16).ok()?.try_into().ok()?),
            _ => return None,
        }
        rest = after;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        for (escaped, name) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U__caf_e9_", "café"),
            ("U__broken_2e", "U__broken_2e"),
            ("U__broken_zz_", "U__broken_zz_"),
        ] {
            assert_eq!(unescaped(escaped), name, "{escaped}");
        }
    }
}
