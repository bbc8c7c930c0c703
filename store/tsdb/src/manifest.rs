//! Which blocks are true: numbered objects, put if absent.
//!
//! The manifest of the highest number names the blocks that count, and how far the log was flushed
//! into them. A change is a new number: whoever comes second finds it taken and has changed
//! nothing.
//! docs/formats/manifest.md draws the bytes.

use bytes::Bytes;
use protocol::sample::Metadata;
use world::bucket::{Bucket, Put};

use crate::error::TsdbError;
use crate::record::{put_metadata, read_metadata};
use crate::wire::{Malformed, Reader, put_signed, put_text, put_varint};

/// First bytes of a manifest.
pub const MAGIC: [u8; 8] = *b"HEARTHMF";
/// The version written here; older ones are read, newer ones refused.
pub const VERSION: u32 = 1;
/// Magic, version, length once decompressed, checksum.
const HEADER_BYTES: usize = 8 + 4 + 4 + 4;
/// Largest body; 100,000 metric families with long help texts stay below.
const BODY_BYTES_MAX: u32 = 256 << 20;

/// One true block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockEntry {
    /// The last part of the object's name.
    pub id: String,
    /// Oldest timestamp.
    pub min_ms: i64,
    /// Newest timestamp.
    pub max_ms: i64,
    /// Series in it.
    pub series: u64,
    /// Samples in it.
    pub samples: u64,
    /// Size of the object.
    pub bytes: u64,
}

/// A block that is true no more, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// The last part of the object's name.
    pub id: String,
    /// By the clock.
    pub since_ms: i64,
}

/// The state of a database outside its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Its number; 0 is the empty state that is never stored.
    pub number: u64,
    /// Which process wrote it.
    pub writer: u64,
    /// Records below this position are in the blocks.
    pub flushed: u64,
    /// The newest timestamp that was ever in a block.
    pub newest_ms: Option<i64>,
    /// The true blocks.
    pub blocks: Vec<BlockEntry>,
    /// Blocks to be deleted when nobody can be reading them.
    pub retired: Vec<Retired>,
    /// By metric family.
    pub metadata: Vec<(String, Metadata)>,
}

/// Object names of one workspace.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// `workspaces/<id>/`
    pub fn new(workspace_id: &str) -> Self {
        Self { prefix: format!("workspaces/{workspace_id}/") }
    }

    /// All objects of the workspace.
    pub fn all(&self) -> &str {
        &self.prefix
    }

    /// All manifests.
    pub fn manifests(&self) -> String {
        format!("{}manifest/", self.prefix)
    }

    /// One manifest; numbers sort as texts.
    pub fn manifest(&self, number: u64) -> String {
        format!("{}manifest/{number:020}", self.prefix)
    }

    /// All blocks.
    pub fn blocks(&self) -> String {
        format!("{}blocks/", self.prefix)
    }

    /// One block.
    pub fn block(&self, id: &str) -> String {
        format!("{}blocks/{id}", self.prefix)
    }
}

impl Manifest {
    /// As it is stored.
    pub fn encode(&self) -> Result<Bytes, TsdbError> {
        let Self { number, writer, flushed, newest_ms, blocks, retired, metadata } = self;
        let mut body = Vec::new();
        put_varint(&mut body, *number);
        put_varint(&mut body, *writer);
        put_varint(&mut body, *flushed);
        body.push(u8::from(newest_ms.is_some()));
        put_signed(&mut body, newest_ms.unwrap_or(0));
        put_varint(&mut body, blocks.len() as u64);
        for block in blocks {
            put_text(&mut body, &block.id);
            put_signed(&mut body, block.min_ms);
            put_signed(&mut body, block.max_ms);
            put_varint(&mut body, block.series);
            put_varint(&mut body, block.samples);
            put_varint(&mut body, block.bytes);
        }
        put_varint(&mut body, retired.len() as u64);
        for block in retired {
            put_text(&mut body, &block.id);
            put_signed(&mut body, block.since_ms);
        }
        put_varint(&mut body, metadata.len() as u64);
        for (family, metadata) in metadata {
            put_metadata(&mut body, family, metadata);
        }
        let compressed = zstd::bulk::compress(&body, 3)
            .map_err(|error| TsdbError::Unavailable(format!("compressing a manifest: {error}")))?;
        let mut out = Vec::with_capacity(HEADER_BYTES + compressed.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&compressed).to_le_bytes());
        out.extend_from_slice(&compressed);
        Ok(out.into())
    }

    /// Reads a manifest; `what` names it in errors.
    pub fn decode(bytes: &[u8], what: &str) -> Result<Self, TsdbError> {
        let malformed = |cause| TsdbError::malformed(what, cause);
        let Some((header, compressed)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(malformed(Malformed("it is shorter than a manifest can be")));
        };
        let number = |at: usize| {
            u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes of the header"))
        };
        if header[..8] != MAGIC {
            return Err(malformed(Malformed("it does not begin as a manifest does")));
        }
        let (version, raw_len, crc) = (number(8), number(12), number(16));
        if version > VERSION {
            return Err(TsdbError::TooNew { what: what.into(), found: version, known: VERSION });
        }
        if version == 0 || crc32fast::hash(compressed) != crc || raw_len > BODY_BYTES_MAX {
            return Err(malformed(Malformed("its checksum does not fit")));
        }
        let body = zstd::bulk::decompress(compressed, raw_len as usize)
            .map_err(|_| malformed(Malformed("it does not decompress")))?;
        if body.len() != raw_len as usize {
            return Err(malformed(Malformed("it decompresses to a wrong length")));
        }
        decode_body(&body).map_err(malformed)
    }
}

fn decode_body(body: &[u8]) -> Result<Manifest, Malformed> {
    let mut reader = Reader::new(body);
    let (number, writer, flushed) = (reader.varint()?, reader.varint()?, reader.varint()?);
    let has_newest = reader.byte()? != 0;
    let newest_ms = Some(reader.signed()?).filter(|_| has_newest);
    let mut blocks = Vec::new();
    for _ in 0..reader.count(6)? {
        blocks.push(BlockEntry {
            id: reader.text()?.to_owned(),
            min_ms: reader.signed()?,
            max_ms: reader.signed()?,
            series: reader.varint()?,
            samples: reader.varint()?,
            bytes: reader.varint()?,
        });
    }
    let mut retired = Vec::new();
    for _ in 0..reader.count(2)? {
        retired.push(Retired { id: reader.text()?.to_owned(), since_ms: reader.signed()? });
    }
    let count = reader.count(4)?;
    let metadata = (0..count).map(|_| read_metadata(&mut reader)).collect::<Result<_, _>>()?;
    if !reader.is_empty() {
        return Err(Malformed("bytes follow its end"));
    }
    Ok(Manifest { number, writer, flushed, newest_ms, blocks, retired, metadata })
}

/// The newest manifest in the bucket; the empty one where there is none.
pub async fn load_newest(bucket: &dyn Bucket, names: &Names) -> Result<Manifest, TsdbError> {
    let listed = bucket.list(&names.manifests()).await?;
    let Some(newest) = listed.last() else { return Ok(Manifest::default()) };
    let bytes = bucket.get(&newest.name).await?;
    Manifest::decode(&bytes, &format!("manifest {:?}", newest.name))
}

/// What became of a commit.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is the newest now.
    Done,
    /// An earlier try of ours, which seemed to fail, is the newest.
    Earlier(Box<Manifest>),
}

/// Stores a manifest under its number.
pub async fn commit(
    bucket: &dyn Bucket,
    names: &Names,
    manifest: &Manifest,
) -> Result<Commit, TsdbError> {
    let name = names.manifest(manifest.number);
    let bytes = manifest.encode()?;
    match bucket.put_new(&name, bytes.clone()).await? {
        Put::Created => Ok(Commit::Done),
        Put::Exists => {
            let found = bucket.get(&name).await?;
            if found == bytes {
                return Ok(Commit::Done);
            }
            let found = Manifest::decode(&found, &format!("manifest {name:?}"))?;
            if found.writer == manifest.writer {
                return Ok(Commit::Earlier(Box::new(found)));
            }
            Err(TsdbError::Superseded(name))
        }
    }
}

#[cfg(test)]
mod tests;
