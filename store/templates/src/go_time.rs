//! Go's `time.Time` and `time.Duration`.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::error::CallError;
use crate::functions::{exactly, text, wrong_type};
use crate::go_layout;
use crate::value::{Object, Value};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The second of Go's zero time, 0001-01-01T00:00:00Z.
const ZERO_SECOND: i64 = -62_135_596_800;

/// A point in time, shown in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time(Zoned);

impl Time {
    /// From milliseconds since 1970, shown in UTC; times out of jiff's range become Go's zero time.
    pub fn from_millis(millis: i64) -> Self {
        Timestamp::from_millisecond(millis).map_or_else(|_| Self::zero(), Self::utc)
    }

    /// From nanoseconds since 1970, shown in UTC.
    pub fn from_nanos(nanos: i128) -> Option<Self> {
        Timestamp::from_nanosecond(nanos).ok().map(Self::utc)
    }

    /// Go's zero time, which says "not set".
    pub fn zero() -> Self {
        Self::utc(Timestamp::from_second(ZERO_SECOND).expect("the year 1 is in jiff's range"))
    }

    /// The same moment, shown in a zone of the tz database.
    pub fn in_zone(&self, name: &str) -> Result<Self, CallError> {
        let zone = match name {
            "" | "UTC" => TimeZone::UTC,
            // The processes of Hearth run in UTC, whatever the machine's zone.
            "Local" => TimeZone::UTC,
            name => TimeZone::get(name)
                .map_err(|_| CallError::new(format!("unknown time zone {name}")))?,
        };
        Ok(Self(self.0.timestamp().to_zoned(zone)))
    }

    /// Printed by a Go layout, for example `2006-01-02 15:04:05`.
    pub fn format(&self, layout: &str) -> String {
        go_layout::format(&self.0, layout)
    }

    /// Read by a Go layout.
    pub fn parse(layout: &str, text: &str) -> Result<Self, CallError> {
        go_layout::parse(layout, text).map(Self)
    }

    /// Nanoseconds since 1970.
    pub fn nanos(&self) -> i128 {
        self.0.timestamp().as_nanosecond()
    }

    fn utc(timestamp: Timestamp) -> Self {
        Self(timestamp.to_zoned(TimeZone::UTC))
    }

    fn moved(&self, nanos: i128) -> Result<Self, CallError> {
        let moved = Timestamp::from_nanosecond(self.nanos() + nanos)
            .map_err(|_| CallError::new("time out of range"))?;
        Ok(Self(moved.to_zoned(self.0.time_zone().clone())))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

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

/// `time.Duration.String`: `1h2m3.5s`, small ones in `ms`, `µs` or `ns`.
pub fn duration_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let second = NANOS_PER_SECOND as u64;
    if size == 0 {
        return "0s".to_owned();
    }
    if size < second {
        let (unit, digits, name) = match size {
            0..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "µs"),
            _ => (1_000_000, 6, "ms"),
        };
        return format!("{sign}{}{}{name}", size / unit, fraction(size % unit, digits));
    }
    let seconds = size / second;
    let tail = format!("{}{}s", seconds % 60, fraction(size % second, 9));
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{sign}{tail}"),
        (0, minutes) => format!("{sign}{minutes}m{tail}"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{tail}"),
    }
}

fn fraction(part: u64, digits: usize) -> String {
    if part == 0 {
        return String::new();
    }
    format!(".{part:0digits$}").trim_end_matches('0').to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_like_go() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (2_000_000, "2ms"),
            (1_000_000_000, "1s"),
            (90_500_000_000, "1m30.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (-61_000_000_000, "-1m1s"),
        ] {
            assert_eq!(duration_text(nanos), text);
        }
    }

    #[test]
    fn times_print_and_move_between_zones() {
        let time = Time::from_millis(1_700_000_000_500);
        assert_eq!(time.to_string(), "2023-11-14 22:13:20.5 +0000 UTC");
        let berlin = time.in_zone("Europe/Berlin").expect("a zone of the database");
        assert_eq!(berlin.to_string(), "2023-11-14 23:13:20.5 +0100 CET");
        assert_eq!(Time::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
        assert!(time.in_zone("Mars/Phobos").is_err());
    }
}
