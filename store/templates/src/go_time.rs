//! Go's `time.Time` and `time.Duration`.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::error::CallError;
use crate::go_layout;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The second of Go's zero time, 0001-01-01T00:00:00Z.
pub(crate) const ZERO_SECOND: i64 = -62_135_596_800;

/// A point in time, shown in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time(pub(crate) Zoned);

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

    /// Shown in UTC.
    pub(crate) fn utc(timestamp: Timestamp) -> Self {
        Self(timestamp.to_zoned(TimeZone::UTC))
    }

    /// So many nanoseconds later, shown in the same zone.
    pub(crate) fn moved(&self, nanos: i128) -> Result<Self, CallError> {
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
