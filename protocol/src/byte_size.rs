//! Sizes as users write them: `512KB`, `10MB`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes. Units are powers of 1024, `MB` and `MiB` alike, as in Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a size like 512KB or 10MB: {0:?}")]
pub struct ByteSizeError(String);

const UNITS: [(&str, u32); 7] =
    [("E", 60), ("P", 50), ("T", 40), ("G", 30), ("M", 20), ("K", 10), ("", 0)];

impl std::str::FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let refuse = || ByteSizeError(text.to_owned());
        if text == "0" {
            return Ok(Self(0));
        }
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refuse)?;
        let (number, unit) = text.split_at(split);
        let prefix = unit.strip_suffix('B').ok_or_else(refuse)?;
        let prefix = prefix.strip_suffix('i').unwrap_or(prefix);
        let (_, shift) = UNITS.iter().find(|(name, _)| *name == prefix).ok_or_else(refuse)?;
        let number: f64 = number.parse().map_err(|_| refuse())?;
        Ok(Self((number * (1u64 << shift) as f64) as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let fits = |shift: u32| self.0.is_multiple_of(1u64 << shift);
        let (name, shift) =
            UNITS.iter().find(|(_, shift)| fits(*shift)).expect("every size is whole in bytes");
        let infix = if name.is_empty() { "" } else { "i" };
        write!(f, "{}{name}{infix}B", self.0 >> shift)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("0", 0, "0"),
            ("15MB", 15 << 20, "15MiB"),
            ("1KiB", 1024, "1KiB"),
            ("1.5KB", 1536, "1536B"),
            ("100B", 100, "100B"),
        ] {
            let size: ByteSize = text.parse().expect("a valid size");
            assert_eq!((size.0, size.to_string().as_str()), (bytes, printed), "{text}");
        }
        for text in ["", "100", "MB", "1XB", "-1KB", "1 KB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
