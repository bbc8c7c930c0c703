//! Times and blobs as AMP writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time: seconds since 1970 with a fraction on the wire, milliseconds inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochSeconds {
    /// Milliseconds since 1970.
    pub millis: i64,
}

impl EpochSeconds {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }
}

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.millis as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for EpochSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Ok(Self { millis: (seconds * 1000.0).round() as i64 })
    }
}

/// Bytes that travel as standard base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Blob(pub Bytes);

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD
            .decode(text.as_bytes())
            .map_err(|error| serde::de::Error::custom(format!("not standard base64: {error}")))?;
        Ok(Self(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_travel_as_seconds_with_a_fraction() {
        let time = EpochSeconds::from_millis(1_700_000_000_123);
        let text = serde_json::to_string(&time).expect("a number");
        assert_eq!(text, "1700000000.123");
        assert_eq!(serde_json::from_str::<EpochSeconds>(&text).expect("the same"), time);
    }

    #[test]
    fn blobs_come_back_byte_for_byte_and_bad_base64_is_refused() {
        let blob = Blob::from(vec![0, 255, 10, 13]);
        let text = serde_json::to_string(&blob).expect("a string");
        assert_eq!(text, "\"AP8KDQ==\"");
        assert_eq!(serde_json::from_str::<Blob>(&text).expect("the same"), blob);
        assert!(serde_json::from_str::<Blob>("\"AP8KDQ\"").is_err());
    }
}
