//! Functions of notification templates, as Alertmanager has.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::bounded::bounded;
use crate::error::CallError;
use crate::functions::{CALL_BYTES_MAX, FunctionSet, at_least, exactly, text, texts, wrong_type};
use crate::functions_rule::{re_match, re_replace_all};
use crate::go_time::Time;
use crate::time_methods::time_of;
use crate::value::{Items, Value};
use crate::{humanize, json};

/// Answers `{{ routeLabels "x" }}`.
pub type RouteLabel = Arc<dyn Fn(&str) -> Result<String, CallError> + Send + Sync>;

/// The functions of one notification. `now_ms` is its time; `route_label` answers
/// `{{ routeLabels "x" }}`.
pub fn alert_functions(now_ms: i64, route_label: RouteLabel) -> FunctionSet {
    list_functions(time_functions(text_functions(FunctionSet::new()), now_ms))
        .with("routeLabels", move |args| route_label(text(one(args)?)?).map(Value::from))
}

/// The functions, for parsing.
pub fn alert_functions_for_parsing() -> FunctionSet {
    alert_functions(0, Arc::new(|_| Ok(String::new())))
}

fn text_functions(set: FunctionSet) -> FunctionSet {
    set.with("toUpper", |args| text(one(args)?).map(str::to_uppercase).map(Value::from))
        .with("toLower", |args| text(one(args)?).map(str::to_lowercase).map(Value::from))
        .with("title", |args| text(one(args)?).map(humanize::title_lowering).map(Value::from))
        .with("trimSpace", |args| text(one(args)?).map(str::trim).map(Value::from))
        .with("join", |args| {
            let [separator, list] = exactly::<2>(args)?;
            join(text(separator)?, &texts(list)?)
        })
        .with("match", re_match)
        .with("reReplaceAll", re_replace_all)
        .with("safeHtml", |args| text(one(args)?).map(|html| Value::Safe(html.into())))
        .with("safeUrl", |args| text(one(args)?).map(|url| Value::Safe(url.into())))
        .with("urlUnescape", |args| url_unescape(text(one(args)?)?).map(Value::from))
        .with("base64encode", |args| {
            text(one(args)?).map(|plain| BASE64_STANDARD.encode(plain)).map(Value::from)
        })
        .with("base64decode", |args| {
            let bytes = BASE64_STANDARD
                .decode(text(one(args)?)?)
                .map_err(|error| CallError::new(format!("illegal base64 data: {error}")))?;
            Ok(Value::from(String::from_utf8_lossy(&bytes).into_owned()))
        })
        .with("toJson", |args| {
            let value = one(args)?;
            bounded(CALL_BYTES_MAX, |out| json::write(out, value)).map(Value::from)
        })
}

fn time_functions(set: FunctionSet, now_ms: i64) -> FunctionSet {
    set.with("date", |args| {
        let [layout, time] = exactly::<2>(args)?;
        Ok(Value::from(time_of(time)?.format(text(layout)?)))
    })
    .with("tz", |args| {
        let [zone, time] = exactly::<2>(args)?;
        time_of(time)?.in_zone(text(zone)?).map(Value::Time)
    })
    .with("now", move |args| exactly::<0>(args).map(|_| Value::Time(Time::from_millis(now_ms))))
    .with("since", move |args| {
        let then = time_of(one(args)?)?;
        let nanos = i128::from(now_ms) * 1_000_000 - then.nanos();
        Ok(Value::Duration(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
    })
    .with("humanizeDuration", |args| {
        one(args).and_then(humanize::to_float).map(humanize::humanize_duration).map(Value::from)
    })
    .with("toDate", |args| {
        let [layout, written] = exactly::<2>(args)?;
        // Sprig's rule: what cannot be read is the zero time.
        Ok(Value::Time(Time::parse(text(layout)?, text(written)?).unwrap_or_else(|_| Time::zero())))
    })
    .with("mustToDate", |args| {
        let [layout, written] = exactly::<2>(args)?;
        Time::parse(text(layout)?, text(written)?).map(Value::Time)
    })
}

fn list_functions(set: FunctionSet) -> FunctionSet {
    set.with("stringSlice", |args| {
        args.iter().try_for_each(|arg| text(arg).map(drop))?;
        Ok(Value::list(args.to_vec()))
    })
    .with("list", |args| Ok(Value::list(args.to_vec())))
    .with("append", |args| {
        at_least(1, args)?;
        let Items::List(list) = args[0].items() else {
            return Err(wrong_type("slice", &args[0]));
        };
        Ok(Value::list(list.items().iter().chain(&args[1..]).cloned().collect()))
    })
    .with("dict", |args| {
        if args.len() % 2 == 1 {
            return Err(CallError::new("dict expects an even number of arguments"));
        }
        let pairs = args.chunks_exact(2);
        let entries: Result<Vec<_>, CallError> =
            pairs.map(|pair| Ok((Arc::from(text(&pair[0])?), pair[1].clone()))).collect();
        entries.map(Value::map)
    })
}

fn one(args: &[Value]) -> Result<&Value, CallError> {
    exactly::<1>(args).map(|[value]| value)
}

fn join(separator: &str, parts: &[Arc<str>]) -> Result<Value, CallError> {
    bounded(CALL_BYTES_MAX, |out| {
        use std::fmt::Write;
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.write_str(separator)?;
            }
            out.write_str(part)?;
        }
        Ok(())
    })
    .map(Value::from)
}

/// `url.QueryUnescape`.
fn url_unescape(escaped: &str) -> Result<String, CallError> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                let value = hex
                    .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                    .ok_or_else(|| {
                        let shown = String::from_utf8_lossy(&after[..after.len().min(2)]);
                        CallError::new(format!("invalid URL escape \"%{shown}\""))
                    })?;
                bytes.push(value);
                rest = &after[2..];
            }
            other => bytes.push(other),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
