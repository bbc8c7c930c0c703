//! Snapshots of the catalog in the bucket.
//!
//! ```text
//! catalog/snapshot-<position, 20 digits>
//! +----------+-----------+-----------+---------------------------------+
//! | HRTHCATL | version   | CRC-32    | one entry of records, as in the |
//! | 8 bytes  | u32, LE   | u32, LE   | log (JSON)                      |
//! +----------+-----------+-----------+---------------------------------+
//! ```
//! The checksum covers the JSON. The position is the last one of the log that the snapshot holds.

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

/// Which snapshots there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshots {
    /// The one that was read; 0 where there is none.
    pub newest: Position,
    /// The one before it; 0 where there is none.
    pub before: Position,
}

/// The state in the newest snapshot that can be read. A damaged one is passed over, since the log
/// still holds everything beyond the one before it.
pub async fn load(bucket: &dyn Bucket) -> Result<(State, Snapshots), CatalogError> {
    let mut positions = positions(bucket).await?;
    let mut fault = None;
    while let Some(newest) = positions.pop() {
        match decode(&bucket.get(&name(newest)).await?, newest) {
            Ok(state) => {
                let before = positions.last().copied().unwrap_or_default();
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

/// Puts a snapshot under its position. One that is there already holds the same.
pub async fn store(
    bucket: &dyn Bucket,
    position: Position,
    content: Bytes,
) -> Result<(), CatalogError> {
    bucket.put_new(&name(position), content).await?;
    Ok(())
}

/// Removes the snapshots older than `keep`.
pub async fn forget_before(bucket: &dyn Bucket, keep: Position) -> Result<(), CatalogError> {
    for position in positions(bucket).await?.into_iter().filter(|&position| position < keep) {
        bucket.delete(&name(position)).await?;
    }
    Ok(())
}

fn decode(content: &[u8], position: Position) -> Result<State, CatalogError> {
    let fault = |reason: String| CatalogError::Format { what: name(position), reason };
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
async fn positions(bucket: &dyn Bucket) -> Result<Vec<Position>, CatalogError> {
    let listed = bucket.list(PREFIX).await?;
    let number = |name: &str| name.strip_prefix(PREFIX)?.parse().ok().map(Position);
    Ok(listed.iter().filter_map(|object| number(&object.name)).collect())
}

fn name(position: Position) -> String {
    format!("{PREFIX}{:020}", position.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_a_cut_and_a_newer_version_are_all_noticed() {
        let content = encode(&State::default()).expect("plain data");
        assert_eq!(decode(&content, Position(1)).expect("whole"), State::default());
        for at in 0..content.len() {
            let mut damaged = content.to_vec();
            damaged[at] ^= 1;
            assert!(decode(&damaged, Position(1)).is_err(), "byte {at}");
            assert!(decode(&content[..at], Position(1)).is_err(), "cut at {at}");
        }
    }
}
