//! Numbers in words that people read: `1.235k`, `2h 3m 4s`.

use crate::error::CallError;
use crate::go_time::Time;
use crate::numbers::format_float;
use crate::value::Value;

/// What the number functions take: a number, its text, or a duration (as seconds).
pub fn to_float(value: &Value) -> Result<f64, CallError> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::String(text) => text.parse().map_err(|_| {
            CallError::new(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
        }),
        other => Err(CallError::new(format!("can't convert {} to float", other.type_name()))),
    }
}

fn four(value: f64) -> String {
    format_float(value, 'g', Some(4))
}

fn is_odd(value: f64) -> bool {
    value.is_nan() || value.is_infinite()
}

/// With a metric prefix.
pub fn humanize(mut value: f64) -> String {
    if value == 0.0 || is_odd(value) {
        return four(value);
    }
    let mut prefix = "";
    if value.abs() >= 1.0 {
        for next in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if value.abs() < 1000.0 {
                break;
            }
            prefix = next;
            value /= 1000.0;
        }
    } else {
        for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if value.abs() >= 1.0 {
                break;
            }
            prefix = next;
            value *= 1000.0;
        }
    }
    four(value) + prefix
}

/// With a binary prefix.
pub fn humanize1024(mut value: f64) -> String {
    if value.abs() <= 1.0 || is_odd(value) {
        return four(value);
    }
    let mut prefix = "";
    for next in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
        if value.abs() < 1024.0 {
            break;
        }
        prefix = next;
        value /= 1024.0;
    }
    four(value) + prefix
}

/// Seconds as days, hours, minutes and seconds, or with a small prefix.
pub fn humanize_duration(mut seconds: f64) -> String {
    if is_odd(seconds) {
        return four(seconds);
    }
    if seconds == 0.0 {
        return four(seconds) + "s";
    }
    if seconds.abs() >= 1.0 {
        let sign = if seconds < 0.0 { "-" } else { "" };
        seconds = seconds.abs();
        let whole = seconds as i64;
        let (rest, minutes, hours, days) =
            (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
        return match (days, hours, minutes) {
            (0, 0, 0) => format!("{sign}{}s", four(seconds)),
            (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
            (0, ..) => format!("{sign}{hours}h {minutes}m {rest}s"),
            _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
        };
    }
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if seconds.abs() >= 1.0 {
            break;
        }
        prefix = next;
        seconds *= 1000.0;
    }
    format!("{}{prefix}s", four(seconds))
}

/// A ratio as a percentage.
pub fn humanize_percentage(ratio: f64) -> String {
    four(ratio * 100.0) + "%"
}

/// Unix seconds as a time in UTC.
pub fn humanize_timestamp(seconds: f64) -> Result<String, CallError> {
    if is_odd(seconds) {
        return Ok(four(seconds));
    }
    to_time(seconds).map(|time| time.to_string())
}

/// Unix seconds as a time.
pub fn to_time(seconds: f64) -> Result<Time, CallError> {
    let out_of_range = || CallError::new(format!("{seconds} cannot be represented as a timestamp"));
    if is_odd(seconds) || seconds.abs() > 9.2e9 {
        return Err(out_of_range());
    }
    Time::from_nanos((seconds * 1e9) as i128).ok_or_else(out_of_range)
}

/// Every word's first letter in upper case, the rest as it was (Go's old `strings.Title`).
pub fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let inside = before.is_alphanumeric() || before == '_';
        let starts = !inside && (before.is_ascii() || before.is_whitespace());
        if starts {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        before = c;
    }
    out
}

/// Every word's first letter in upper case, the rest in lower case.
pub fn title_lowering(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        let letter = c.is_alphanumeric() || (inside && (c == '\'' || c == '_'));
        if letter && !inside {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        inside = letter;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_humanized_like_prometheus_does() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1_234_567.0, "1.235M"),
            (0.12, "120m"),
            (-1500.0, "-1.5k"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(humanize(value), text);
        }
        assert_eq!(humanize1024(1024.0 * 1024.0 * 1.5), "1.5Mi");
        assert_eq!(humanize1024(0.5), "0.5");
        assert_eq!(humanize_percentage(0.123_456), "12.35%");
        assert_eq!(
            humanize_timestamp(1_435_065_584.128).expect("in range"),
            "2015-06-23 13:19:44.128 +0000 UTC"
        );
        assert!(humanize_timestamp(1e30).is_err());
    }

    #[test]
    fn durations_are_humanized_like_prometheus_does() {
        for (seconds, text) in [
            (0.0, "0s"),
            (1.0, "1s"),
            (60.0, "1m 0s"),
            (3600.0, "1h 0m 0s"),
            (86_400.0 + 3600.0 + 61.0, "1d 1h 1m 1s"),
            (-(86_400.0 * 2.0), "-2d 0h 0m 0s"),
            (0.1, "100ms"),
            (0.00012, "120us"),
            (12.345_67, "12.35s"),
        ] {
            assert_eq!(humanize_duration(seconds), text);
        }
    }

    #[test]
    fn titles() {
        assert_eq!(title("aa bB-cc d_e"), "Aa BB-Cc D_e");
        assert_eq!(title_lowering("aa bB CRITICAL"), "Aa Bb Critical");
    }
}
