//! The tenant: its id, and what makes one valid.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest id that AMP's clients accept.
pub const WORKSPACE_ID_BYTES_MAX: usize = 64;

/// What every workspace id begins with.
pub const WORKSPACE_ID_PREFIX: &str = "ws-";

/// The id of a workspace: `ws-` and a UUID.
///
/// Any id of `ws-` and small letters, digits and hyphens is taken, so that it is at once safe as a
/// folder, a stream and a path segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceId(CompactString);

/// Why a text is no workspace id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "workspace id {0:?} must be `ws-` followed by small letters, digits and hyphens, at most \
     {WORKSPACE_ID_BYTES_MAX} bytes"
)]
pub struct WorkspaceIdError(pub String);

impl WorkspaceId {
    /// The id made of 16 random bytes, as a version 4 UUID.
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex::encode(bytes);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Self(CompactString::from(format!("{WORKSPACE_ID_PREFIX}{}", parts.join("-"))))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkspaceId {
    type Err = WorkspaceIdError;

    fn from_str(text: &str) -> Result<Self, WorkspaceIdError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let rest = text.strip_prefix(WORKSPACE_ID_PREFIX).unwrap_or("");
        if rest.is_empty() || text.len() > WORKSPACE_ID_BYTES_MAX || !rest.bytes().all(fits) {
            return Err(WorkspaceIdError(text.chars().take(80).collect()));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for WorkspaceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WorkspaceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_become_a_version_4_uuid() {
        let id = WorkspaceId::from_random([0xff; 16]);
        assert_eq!(id.as_str(), "ws-ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn what_could_leave_its_folder_is_refused() {
        for text in ["", "ws-", "ws-..", "ws-a/b", "WS-a", "ws-A", "demo", "ws-a b"] {
            assert!(text.parse::<WorkspaceId>().is_err(), "{text}");
        }
        assert!(format!("ws-{}", "a".repeat(62)).parse::<WorkspaceId>().is_err());
    }
}
