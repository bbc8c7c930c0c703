//! Snapshots of the catalog in the bucket.
//!
//! ```text
//! catalog/snapshot-<mark, 20 digits>
//! +----------+-----------+-----------+---------------------------------+
//! | HRTHCATL | version   | CRC-32    | one entry of records, as in the |
//! | 8 bytes  | u32, LE   | u32, LE   | log (JSON)                      |
//! +----------+-----------+-----------+---------------------------------+
//! ```
//! The checksum covers the JSON. The mark is the first position of the log that the snapshot does
//! not hold.

use bytes::Bytes;
use world::bucket::Bucket;
use world::commit_log::Position;

use crate::catalog::error::CatalogError;
use crate::catalog::record;
use crate::catalog::state::State;

const PREFIX: &str = "catalog/snapshot-";
const MAGIC: &[u8; 8] = b"HRTHCATL";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;

/// The first position of the log that is not held; 0 where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

impl Mark {
    /// Everything up to and with this position is held.
    pub const fn after(position: Position) -> Self {
        Self(position.0 + 1)
    }

    /// Whether this position is held.
    pub const fn holds(self, position: Position) -> bool {
        position.0 < self.0
    }

    /// The last position that is held.
    pub fn last(self) -> Option<Position> {
        self.0.checked_sub(1).map(Position)
    }
}

/// Which snapshots there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshots {
    /// The one that was read.
    pub newest: Mark,
    /// The one before it.
    pub before: Mark,
}

/// The state in the newest snapshot that can be read. A damaged one is passed over, since the log
/// still holds everything beyond the one before it.
pub async fn load(bucket: &dyn Bucket) -> Result<(State, Snapshots), CatalogError> {
    let mut marks = marks(bucket).await?;
    let mut fault = None;
    while let Some(newest) = marks.pop() {
        match decode(&bucket.get(&name(newest)).await?, newest) {
            Ok(state) => {
                let before = marks.last().copied().unwrap_or_default();
                return Ok((state, Snapshots { newest, before }));
            }
            Err(error) => {
                tracing::error!(snapshot = newest.0, %error, "catalog snapshot passed over");
                fault.get_or_insert(error);
            }
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok((State::default(), Snapshots::default())),
    }
}

/// The bytes of a snapshot.
pub fn encode(state: &State) -> Result<Bytes, CatalogError> {
    let records: Vec<_> = state.records().collect();
    let payload = record::encode(&records)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
    Ok(out.into())
}

/// Puts a snapshot under its mark. One that is there already holds the same.
pub async fn store(bucket: &dyn Bucket, mark: Mark, content: Bytes) -> Result<(), CatalogError> {
    bucket.put_new(&name(mark), content).await?;
    Ok(())
}

/// Removes the snapshots older than `keep`.
pub async fn forget_before(bucket: &dyn Bucket, keep: Mark) -> Result<(), CatalogError> {
    for mark in marks(bucket).await?.into_iter().filter(|&mark| mark < keep) {
        bucket.delete(&name(mark)).await?;
    }
    Ok(())
}

/// The state in the bytes of a snapshot; its mark names it in errors.
pub fn decode(content: &[u8], mark: Mark) -> Result<State, CatalogError> {
    let fault = |reason: String| CatalogError::Format { what: name(mark), reason };
    let (header, payload) = content
        .split_at_checked(HEADER_BYTES)
        .ok_or_else(|| fault(format!("{} bytes are too few", content.len())))?;
    let number = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if &header[..8] != MAGIC {
        return Err(fault("it does not begin with the mark of a catalog snapshot".into()));
    }
    if number(8) != VERSION {
        let reason = format!("version {}; this program reads version {VERSION}", number(8));
        return Err(fault(reason));
    }
    if number(12) != crc32fast::hash(payload) {
        return Err(fault("its checksum does not fit".into()));
    }
    let mut state = State::default();
    record::decode(payload)?.into_iter().for_each(|record| state.apply(record));
    Ok(state)
}

/// All snapshots, oldest first.
async fn marks(bucket: &dyn Bucket) -> Result<Vec<Mark>, CatalogError> {
    let listed = bucket.list(PREFIX).await?;
    let number = |name: &str| name.strip_prefix(PREFIX)?.parse().ok().map(Mark);
    Ok(listed.iter().filter_map(|object| number(&object.name)).collect())
}

fn name(mark: Mark) -> String {
    format!("{PREFIX}{:020}", mark.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_a_cut_and_a_newer_version_are_all_noticed() {
        let content = encode(&State::default()).expect("plain data");
        assert_eq!(decode(&content, Mark(1)).expect("whole"), State::default());
        for at in 0..content.len() {
            let mut damaged = content.to_vec();
            damaged[at] ^= 1;
            assert!(decode(&damaged, Mark(1)).is_err(), "byte {at}");
            assert!(decode(&content[..at], Mark(1)).is_err(), "cut at {at}");
        }
    }
}
