//! The methods of Go's `time.Time` and `time.Duration`.

use crate::error::CallError;
use crate::functions::{exactly, text, wrong_type};
use crate::go_layout;
use crate::go_time::{Time, ZERO_SECOND, duration_text};
use crate::value::{Object, Value};

/// The methods of `time.Time` that people use in messages; `None`: there is no such method.
pub fn time_method(time: &Time, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
    let zoned = &time.0;
    let second = zoned.timestamp().as_second();
    if let Some(plain) = match name {
        "Unix" => Some(Value::Int(second)),
        "UnixMilli" => Some(Value::Int(time.nanos().div_euclid(1_000_000) as i64)),
        "UnixMicro" => Some(Value::Int(time.nanos().div_euclid(1_000) as i64)),
        "UnixNano" => Some(Value::Int(time.nanos() as i64)),
        "Year" => Some(Value::Int(zoned.year().into())),
        "Month" => Some(Value::object(Named { kind: "time.Month", number: zoned.month().into() })),
        "Day" => Some(Value::Int(zoned.day().into())),
        "YearDay" => Some(Value::Int(zoned.day_of_year().into())),
        "Hour" => Some(Value::Int(zoned.hour().into())),
        "Minute" => Some(Value::Int(zoned.minute().into())),
        "Second" => Some(Value::Int(zoned.second().into())),
        "Nanosecond" => Some(Value::Int(zoned.subsec_nanosecond().into())),
        "Weekday" => {
            let number = zoned.weekday().to_sunday_zero_offset().into();
            Some(Value::object(Named { kind: "time.Weekday", number }))
        }
        "IsZero" => Some(Value::Bool(second == ZERO_SECOND && zoned.subsec_nanosecond() == 0)),
        "UTC" | "Local" => Some(Value::Time(Time::utc(zoned.timestamp()))),
        "String" => Some(Value::from(time.to_string())),
        "Location" => Some(Value::from(zoned.time_zone().iana_name().unwrap_or("Local"))),
        _ => None,
    } {
        return Some(exactly::<0>(args).map(|_| plain));
    }
    let call = || -> Option<Result<Value, CallError>> {
        Some(match name {
            "Format" => one(args).and_then(text).map(|layout| Value::from(time.format(layout))),
            "Add" => one(args)
                .and_then(nanos_of)
                .and_then(|nanos| time.moved(nanos.into()))
                .map(Value::Time),
            "Sub" => one(args).and_then(time_of).map(|other| {
                let nanos = time.nanos() - other.nanos();
                let capped = nanos.clamp(i64::MIN.into(), i64::MAX.into());
                Value::Duration(capped as i64)
            }),
            "After" => one(args).and_then(time_of).map(|o| Value::Bool(time.nanos() > o.nanos())),
            "Before" => one(args).and_then(time_of).map(|o| Value::Bool(time.nanos() < o.nanos())),
            "Equal" => one(args).and_then(time_of).map(|o| Value::Bool(time.nanos() == o.nanos())),
            "AddDate" => add_date(time, args),
            "Truncate" | "Round" => one(args).and_then(nanos_of).and_then(|step| {
                let since_zero = time.nanos() - i128::from(ZERO_SECOND) * 1_000_000_000;
                let kept = rounded(since_zero, step.into(), name == "Round");
                time.moved(kept - since_zero).map(Value::Time)
            }),
            _ => return None,
        })
    };
    call()
}

fn add_date(time: &Time, args: &[Value]) -> Result<Value, CallError> {
    let [years, months, days] = exactly::<3>(args)?;
    let whole = |value: &Value| match value {
        Value::Int(number) if number.abs() < 20_000 => Ok(*number),
        other => Err(wrong_type("int", other)),
    };
    let span = jiff::Span::new()
        .try_years(whole(years)?)
        .and_then(|span| span.try_months(whole(months).unwrap_or(0)))
        .and_then(|span| span.try_days(whole(days).unwrap_or(0)));
    span.and_then(|span| time.0.checked_add(span))
        .map(|moved| Value::Time(Time(moved)))
        .map_err(|_| CallError::new("time out of range"))
}

/// The methods of `time.Duration`; `None`: there is no such method.
pub fn duration_method(nanos: i64, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
    let float = |unit: f64| Value::Float(nanos as f64 / unit);
    let plain = match name {
        "Hours" => float(3600e9),
        "Minutes" => float(60e9),
        "Seconds" => float(1e9),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        "Microseconds" => Value::Int(nanos / 1_000),
        "Nanoseconds" => Value::Int(nanos),
        "Abs" => Value::Duration(nanos.saturating_abs()),
        "String" => Value::from(duration_text(nanos)),
        "Round" | "Truncate" => {
            return Some(one(args).and_then(nanos_of).map(|step| {
                let kept = rounded(nanos.into(), step.into(), name == "Round");
                Value::Duration(kept.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
            }));
        }
        _ => return None,
    };
    Some(exactly::<0>(args).map(|_| plain))
}

/// To a multiple of `step`: toward zero, or to the nearest with halves away from zero.
fn rounded(nanos: i128, step: i128, nearest: bool) -> i128 {
    if step <= 0 {
        return nanos;
    }
    let rest = nanos % step;
    let down = nanos - rest;
    if nearest && rest.abs() * 2 >= step { down + step * rest.signum() } else { down }
}

fn one(args: &[Value]) -> Result<&Value, CallError> {
    exactly::<1>(args).map(|[value]| value)
}

/// A duration argument; an integer counts nanoseconds, as Go's untyped constants do.
fn nanos_of(value: &Value) -> Result<i64, CallError> {
    match value {
        Value::Duration(nanos) | Value::Int(nanos) => Ok(*nanos),
        other => Err(wrong_type("time.Duration", other)),
    }
}

/// A time argument.
pub fn time_of(value: &Value) -> Result<&Time, CallError> {
    match value {
        Value::Time(time) => Ok(time),
        other => Err(wrong_type("time.Time", other)),
    }
}

/// A month or a weekday: an integer that prints as its name.
#[derive(Debug)]
struct Named {
    kind: &'static str,
    number: i64,
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn member(&self, name: &str, args: &[Value]) -> Option<Result<Value, CallError>> {
        let said = self.text().unwrap_or_default();
        (name == "String").then(|| exactly::<0>(args).map(|_| Value::from(said)))
    }

    fn text(&self) -> Option<String> {
        let names: &[&str] =
            if self.kind == "time.Month" { &go_layout::MONTHS } else { &go_layout::WEEKDAYS };
        let at = if self.kind == "time.Month" { self.number - 1 } else { self.number };
        usize::try_from(at).ok().and_then(|at| names.get(at)).map(|name| (*name).to_owned())
    }

    fn number(&self) -> Option<i64> {
        Some(self.number)
    }
}
