//! Times and durations as Prometheus's API takes them.

use jiff::Timestamp;
use protocol::time::PromDuration;

use crate::http::error::ApiError;
use crate::http::params::Params;

/// The earliest and latest time that a query may name: Prometheus's own bounds.
pub const TIME_MIN_MS: i64 = i64::MIN / 1_000_000;
/// See [`TIME_MIN_MS`].
pub const TIME_MAX_MS: i64 = i64::MAX / 1_000_000;

/// Seconds with a fraction, or RFC 3339.
pub fn parse_time(text: &str) -> Result<i64, String> {
    let fault = || format!("cannot parse {text:?} to a valid timestamp");
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1000.0).round();
        // Beyond this a float no longer tells milliseconds apart, and timers overflow.
        let fits = millis.is_finite() && millis.abs() <= i64::MAX as f64 / 2.0;
        return if fits { Ok(millis as i64) } else { Err(fault()) };
    }
    text.parse::<Timestamp>().map(|time| time.as_millisecond()).map_err(|_| fault())
}

/// Seconds with a fraction, or a duration like `1h30m`; milliseconds.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = seconds * 1000.0;
        if !millis.is_finite() || millis.abs() > i64::MAX as f64 / 1e6 {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        return Ok(millis as i64);
    }
    let duration: Result<PromDuration, _> = text.parse();
    duration
        .map(PromDuration::as_millis)
        .map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

/// A parameter that is a time.
pub fn time_parameter(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    match params.get(name) {
        None | Some("") => Ok(None),
        Some(text) => {
            parse_time(text).map(Some).map_err(|reason| ApiError::parameter(name, reason))
        }
    }
}

/// A parameter that is a duration.
pub fn duration_parameter(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    match params.get(name) {
        None | Some("") => Ok(None),
        Some(text) => {
            parse_duration(text).map(Some).map_err(|reason| ApiError::parameter(name, reason))
        }
    }
}

/// A parameter that counts; absent or 0 means no limit.
pub fn limit_parameter(params: &Params, name: &str) -> Result<Option<usize>, ApiError> {
    match params.get(name) {
        None | Some("" | "0") => Ok(None),
        Some(text) => {
            let fault = |_| ApiError::parameter(name, format!("{text:?} is not a natural number"));
            text.parse().map(Some).map_err(fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        assert_eq!(parse_time("1700000000.1234"), Ok(1_700_000_000_123));
        assert_eq!(parse_time("-1.5"), Ok(-1500));
        assert_eq!(parse_time("2015-06-03T13:21:58.555Z"), Ok(1_433_337_718_555));
        assert_eq!(parse_time("2015-06-03T14:21:58.555+01:00"), Ok(1_433_337_718_555));
        for text in ["", "30s", "now", "NaN", "1e300"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_or_prometheus_durations() {
        assert_eq!(parse_duration("0.5"), Ok(500));
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000));
        assert_eq!(parse_duration("-5"), Ok(-5000));
        for text in ["", "1x", "1e300", "NaN"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
