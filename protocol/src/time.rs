//! Milliseconds, and the grammar of durations.
//!
//! A duration is Prometheus's: `1y2w3d4h5m6s7ms`, units in this order, each at most once, or `0`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A duration as users write it in files, milliseconds inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromDuration(u64);

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("empty duration string")]
    Empty,
    /// Not the grammar.
    #[error("not a valid duration string: {0:?}")]
    Malformed(String),
    /// A unit that there is none of.
    #[error("unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// As written.
        unit: String,
        /// The whole duration.
        text: String,
    },
    /// Beyond what 64 bits of nanoseconds hold, as in Prometheus.
    #[error("duration out of range")]
    OutOfRange,
}

impl PromDuration {
    /// From milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1000)
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0 as i64
    }

    /// In seconds, with a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// As the standard library's type.
    pub const fn as_std(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl std::str::FromStr for PromDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if text.is_empty() {
            return Err(DurationError::Empty);
        }
        if text == "0" {
            return Ok(Self(0));
        }
        let malformed = || DurationError::Malformed(text.to_owned());
        let (mut rest, mut total, mut next_unit) = (text, 0u64, 0);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(|byte| !byte.is_ascii_digit()).count();
            let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
            if number.is_empty() || unit.is_empty() {
                return Err(malformed());
            }
            let unknown =
                || DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() };
            let at = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(unknown)?;
            if at < next_unit {
                return Err(malformed());
            }
            next_unit = at + 1;
            let number: u64 = number.parse().map_err(|_| DurationError::OutOfRange)?;
            total = number
                .checked_mul(UNITS[at].1)
                .and_then(|part| total.checked_add(part))
                .filter(|&sum| sum <= i64::MAX as u64 / 1_000_000)
                .ok_or(DurationError::OutOfRange)?;
            rest = &rest[digits + letters..];
        }
        Ok(Self(total))
    }
}

impl fmt::Display for PromDuration {
    /// The shortest text; years and weeks only where nothing is left over, as Prometheus does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut left = self.0;
        for (at, (unit, size)) in UNITS.iter().enumerate() {
            let exact_only = at < 2;
            if left < *size || (exact_only && !left.is_multiple_of(*size)) {
                continue;
            }
            write!(f, "{}{unit}", left / size)?;
            left %= size;
        }
        Ok(())
    }
}

impl Serialize for PromDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PromDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_like_prometheus() {
        for (text, millis, printed) in [
            ("0", 0, "0s"),
            ("324ms", 324, "324ms"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("4d1h", 349_200_000, "4d1h"),
            ("14d", 1_209_600_000, "2w"),
            ("3w2d", 1_987_200_000, "23d"),
            ("10y", 315_360_000_000, "10y"),
        ] {
            let parsed: PromDuration = text.parse().expect("a valid duration");
            assert_eq!(parsed.as_millis(), millis, "{text}");
            assert_eq!(parsed.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "1", "-1s", "1.5h", "1m1h", "1m1m", "d", "99999y", "1 h", "1sx"] {
            assert!(text.parse::<PromDuration>().is_err(), "{text}");
        }
    }
}
