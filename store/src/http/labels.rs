//! `series`, `labels`, `label/<name>/values`.

use http::StatusCode;
use promql::parser::parse_metric_selector;
use protocol::labels::METRIC_NAME;
use protocol::matcher::{MatchOp, Matcher};

use crate::http::answer::Answer;
use crate::http::data_plane::Context;
use crate::http::error::ApiError;
use crate::http::query::{TRUNCATED, query_error};
use crate::http::response::{Notes, envelope, write_labels, write_list, write_text};
use crate::http::times::{TIME_MAX_MS, TIME_MIN_MS, limit_parameter, time_parameter};

/// Entries of one answer: more would be a dump of the database.
const ENTRIES_MAX: usize = 2_000_000;

/// Longest name of a label that a path may ask for.
const LABEL_NAME_BYTES_MAX: usize = 4096;

/// What a request asks for.
struct Asked {
    /// One set of matchers for each `match[]`.
    sets: Vec<Vec<Matcher>>,
    from_ms: i64,
    to_ms: i64,
    limit: usize,
}

impl Asked {
    fn of(context: &Context<'_>) -> Result<Self, ApiError> {
        let params = &context.params;
        let from_ms = time_parameter(params, "start")?.unwrap_or(TIME_MIN_MS);
        let to_ms = time_parameter(params, "end")?.unwrap_or(TIME_MAX_MS);
        if to_ms < from_ms {
            let reason = "end timestamp must not be before start timestamp";
            return Err(ApiError::parameter("end", reason));
        }
        let limit = limit_parameter(params, "limit")?.unwrap_or(ENTRIES_MAX).min(ENTRIES_MAX);
        Ok(Self { sets: selectors(context)?, from_ms, to_ms, limit })
    }

    /// One more than asked for, to tell whether there are more.
    fn fetched(&self) -> usize {
        self.limit + 1
    }
}

/// The series that match.
pub async fn series(context: &Context<'_>) -> Result<Answer, ApiError> {
    if context.params.all("match[]").next().is_none() {
        return Err(ApiError::BadData("no match[] parameter provided".to_owned()));
    }
    let asked = Asked::of(context)?;
    let tsdb = &context.workspace.data.tsdb;
    let found = tsdb.series(&asked.sets, asked.from_ms, asked.to_ms, asked.fetched()).await;
    let found = found.map_err(|error| query_error(error.into()))?;
    Ok(list(&asked, found, write_labels))
}

/// The names of labels.
pub async fn names(context: &Context<'_>) -> Result<Answer, ApiError> {
    let asked = Asked::of(context)?;
    let tsdb = &context.workspace.data.tsdb;
    let found = tsdb.label_names(&asked.sets, asked.from_ms, asked.to_ms, asked.fetched()).await;
    let found = found.map_err(|error| query_error(error.into()))?;
    Ok(list(&asked, found, |out, name| write_text(out, name)))
}

/// The values of one label.
pub async fn values(context: &Context<'_>) -> Result<Answer, ApiError> {
    let name = unescaped(context.captures.first().map_or("", String::as_str));
    if name.is_empty() || name.len() > LABEL_NAME_BYTES_MAX {
        return Err(ApiError::BadData(format!("invalid label name: {name:?}")));
    }
    let asked = Asked::of(context)?;
    let Asked { sets, from_ms, to_ms, .. } = &asked;
    let tsdb = &context.workspace.data.tsdb;
    let found = tsdb.label_values(&name, sets, *from_ms, *to_ms, asked.fetched()).await;
    let found = found.map_err(|error| query_error(error.into()))?;
    Ok(list(&asked, found, |out, value| write_text(out, value)))
}

fn list<T>(asked: &Asked, mut found: Vec<T>, write: impl FnMut(&mut Vec<u8>, &T)) -> Answer {
    let mut notes = Notes::default();
    if found.len() > asked.limit {
        notes.warnings.push(TRUNCATED.to_owned());
        found.truncate(asked.limit);
    }
    let mut data = Vec::new();
    write_list(&mut data, &found, write);
    Answer::json_bytes(StatusCode::OK, envelope(&data, &notes))
}

fn selectors(context: &Context<'_>) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let mut selectors = Vec::new();
    for text in context.params.all("match[]") {
        let matchers =
            parse_metric_selector(text).map_err(|error| ApiError::parameter("match[]", error))?;
        if matchers.iter().all(Matcher::matches_empty) {
            let reason = "match[] must contain at least one non-empty matcher";
            return Err(ApiError::parameter("match[]", reason));
        }
        selectors.push(matchers);
    }
    Ok(selectors)
}

/// Matchers that fit every series.
pub fn all_series() -> Vec<Vec<Matcher>> {
    let named = Matcher::new(MatchOp::NotEqual, METRIC_NAME, "");
    vec![vec![named.expect("a matcher without a regex always compiles")]]
}

/// `U__` escapes of names beyond the legacy alphabet: `_XX_` is a code point in hexadecimal, `__`
/// an underscore. What is no valid escape is a plain name.
pub fn unescaped(name: &str) -> String {
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
            code if code.len() <= 6 => {
                out.push(u32::from_str_radix(code, 16).ok()?.try_into().ok()?);
            }
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
