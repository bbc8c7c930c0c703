//! Remote write 1.0 and 2.0: bytes to series and back.
//!
//! The codecs are written by hand: a body is walked once, without an intermediate message. A body
//! that is no protobuf is refused whole; a series that is no valid series is refused alone, so that
//! the receiver can keep the rest and tell the sender which one it was.
//!
//! Sources: the remote write specifications 1.0 and 2.0, and what Prometheus's receiver accepts.

pub mod decode;
pub mod encode;
pub mod histogram_wire;
pub mod labels_wire;
pub mod wire;

use crate::remote_write::wire::WireError;

/// `Content-Type` of version 1.0; with the `proto` parameter below, of both.
pub const CONTENT_TYPE: &str = "application/x-protobuf";
/// The `proto` parameter that means 1.0; also the default.
pub const PROTO_V1: &str = "prometheus.WriteRequest";
/// The `proto` parameter that means 2.0.
pub const PROTO_V2: &str = "io.prometheus.write.v2.Request";
/// Header that tells the version of the specification.
pub const VERSION_HEADER: &str = "x-prometheus-remote-write-version";
/// How many samples of a 2.0 request were written.
pub const SAMPLES_WRITTEN_HEADER: &str = "x-prometheus-remote-write-samples-written";
/// How many histograms of a 2.0 request were written.
pub const HISTOGRAMS_WRITTEN_HEADER: &str = "x-prometheus-remote-write-histograms-written";
/// How many exemplars of a 2.0 request were written.
pub const EXEMPLARS_WRITTEN_HEADER: &str = "x-prometheus-remote-write-exemplars-written";

/// Largest decoded body: Prometheus's receiver takes the same.
pub const DECODED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

impl Version {
    /// The value of [`VERSION_HEADER`].
    pub const fn header(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }

    /// The whole `Content-Type`.
    pub fn content_type(self) -> String {
        match self {
            Self::V1 => CONTENT_TYPE.to_owned(),
            Self::V2 => format!("{CONTENT_TYPE};proto={PROTO_V2}"),
        }
    }

    /// From a `Content-Type`; `None` where it names something else (answer 415).
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(CONTENT_TYPE) {
            return None;
        }
        let mut version = Self::V1;
        for part in parts.filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=')?;
            if !key.trim().eq_ignore_ascii_case("proto") {
                continue;
            }
            version = match value.trim().trim_matches('"') {
                PROTO_V1 => Self::V1,
                PROTO_V2 => Self::V2,
                _ => return None,
            };
        }
        Some(version)
    }
}

/// Why a whole body was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not a snappy block.
    #[error("body is not a snappy block: {0}")]
    Snappy(String),
    /// Too large once decompressed; checked before memory is taken.
    #[error("decompressed body of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// What the snappy header announces.
        bytes: usize,
        /// [`DECODED_BYTES_MAX`], or what the caller allowed.
        limit: usize,
    },
    /// Not the protobuf message it should be.
    #[error("body is not a valid protobuf message: {0}")]
    Malformed(#[from] WireError),
}

/// Decompresses a snappy block of at most `limit` bytes.
pub fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
    let snappy = |error: snap::Error| BodyError::Snappy(error.to_string());
    let bytes = snap::raw::decompress_len(body).map_err(snappy)?;
    if bytes > limit {
        return Err(BodyError::TooLarge { bytes, limit });
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(snappy)
}

/// Compresses a message into a snappy block.
///
/// # Panics
/// Where the message is longer than snappy's 4 GiB; senders batch far below.
pub fn compress(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("a batch is far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_name_the_version() {
        for (text, version) in [
            ("application/x-protobuf", Some(Version::V1)),
            ("application/x-protobuf;proto=prometheus.WriteRequest", Some(Version::V1)),
            ("application/x-protobuf; proto=io.prometheus.write.v2.Request", Some(Version::V2)),
            ("application/x-protobuf;proto=io.prometheus.write.v3.Request", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(Version::from_content_type(text), version, "{text}");
        }
    }

    #[test]
    fn a_header_that_announces_too_much_is_refused_before_memory_is_taken() {
        // The varint says 4,294,967,295 bytes.
        let body = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        let error = decompress(&body, DECODED_BYTES_MAX).expect_err("too large");
        assert_eq!(error, BodyError::TooLarge { bytes: 0xffff_ffff, limit: DECODED_BYTES_MAX });
        assert!(matches!(decompress(b"\x05ab", 100), Err(BodyError::Snappy(_))));
    }

    #[test]
    fn compression_round_trips() {
        let message = b"hearth".repeat(1000);
        assert_eq!(decompress(&compress(&message), message.len()).expect("ours"), message);
    }
}
