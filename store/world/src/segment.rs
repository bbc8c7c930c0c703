//! How a segment of the commit log lies on disk.
//!
//! Pure framing: bytes in, frames out, and the other way round. Every number is little-endian.
//!
//! ```text
//! segment = header batch*                one batch = one write and one sync
//! header  = "HEARTHCL" version:u32 first:u64 salt:u64 crc:u32
//! batch   = "BTCH" body_len:u32 first:u64 records:u32 crc:u32 frame*
//! frame   = len:u32 tag:u32 payload_crc:u32 crc:u32 payload      tag = kind << 24 | stream
//! ```
//!
//! A batch is written only after the one before it was synced. So a valid batch header *behind* bad
//! bytes proves that the bad bytes were once durable: damage. Bad bytes with no batch behind them
//! are the torn end of the last write. The salt, random for each segment, goes into every checksum,
//! so that bytes which a tenant sent can never look like a batch header of ours.
//! `docs/formats/commit_log.md` draws the bytes.

use crate::commit_log::{Position, RECORD_BYTES_MAX, STREAM_NAME_BYTES_MAX};

/// The first bytes of a segment.
pub const MAGIC: [u8; 8] = *b"HEARTHCL";
/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;
/// Bytes of the segment header.
pub const HEADER_LEN: usize = 32;
/// Bytes of a batch header.
pub const BATCH_HEADER_LEN: usize = 24;
/// Bytes of a frame header.
pub const FRAME_HEADER_LEN: usize = 16;
/// Streams in one segment: what 24 bits can number. A segment is far too small to hold as many.
pub const STREAMS_MAX: u32 = 1 << 24;

const BATCH_MAGIC: [u8; 4] = *b"BTCH";

/// What stands at the head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The position of the first record, also in the file's name.
    pub first: Position,
    /// Random; goes into every checksum.
    pub salt: u64,
}

/// Why a segment header was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// Shorter than a header.
    Short,
    /// Not the magic, or a wrong checksum.
    Bad,
    /// Of a version that this program does not know.
    Newer(u32),
}

impl SegmentHeader {
    /// As bytes.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..20].copy_from_slice(&self.first.0.to_le_bytes());
        out[20..28].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32fast::hash(&out[..28]);
        out[28..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// From the first bytes of a file. The version is looked at before the checksum, since a newer
    /// version may have its checksum elsewhere.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        if bytes.len() < HEADER_LEN {
            return Err(HeaderFault::Short);
        }
        if bytes[..8] != MAGIC {
            return Err(HeaderFault::Bad);
        }
        let version = u32_at(bytes, 8);
        if version > VERSION {
            return Err(HeaderFault::Newer(version));
        }
        if version == 0 || crc32fast::hash(&bytes[..28]) != u32_at(bytes, 28) {
            return Err(HeaderFault::Bad);
        }
        Ok(Self { first: Position(u64_at(bytes, 12)), salt: u64_at(bytes, 20) })
    }
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// What somebody appended; the only kind that takes a position.
    Record,
    /// The name of a stream number, before its first use in the segment.
    Name,
    /// All records of a stream up to and including a position are no longer needed.
    Trim,
}

impl FrameKind {
    fn code(self) -> u32 {
        match self {
            Self::Record => 1,
            Self::Name => 2,
            Self::Trim => 3,
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Record),
            2 => Some(Self::Name),
            3 => Some(Self::Trim),
            _ => None,
        }
    }
}

/// Where a good frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Of the frame header, from the start of the file.
    pub offset: usize,
    /// Bytes of the payload.
    pub len: usize,
    /// Number of the stream within this segment.
    pub stream: u32,
    /// What the payload is.
    pub kind: FrameKind,
    /// The position; for other kinds than records that of the next record.
    pub position: Position,
}

impl Frame {
    /// The payload within the segment that was scanned.
    pub fn payload<'a>(&self, segment: &'a [u8]) -> &'a [u8] {
        let start = self.offset + FRAME_HEADER_LEN;
        &segment[start..start + self.len]
    }
}

/// Builds the bytes of one batch.
#[derive(Debug)]
pub struct BatchEncoder {
    buffer: Vec<u8>,
    salt: u64,
    records: u32,
}

impl BatchEncoder {
    /// An empty batch whose first record will have the position `first`. `buffer` is overwritten.
    pub fn new(mut buffer: Vec<u8>, salt: u64, first: Position) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&BATCH_MAGIC);
        buffer.extend_from_slice(&[0; 4]);
        buffer.extend_from_slice(&first.0.to_le_bytes());
        buffer.extend_from_slice(&[0; 8]);
        Self { buffer, salt, records: 0 }
    }

    /// Names a stream number.
    pub fn name(&mut self, stream: u32, name: &str) {
        self.frame(FrameKind::Name, stream, name.as_bytes());
    }

    /// Adds a record; gives the offset of its frame within the batch.
    pub fn record(&mut self, stream: u32, payload: &[u8]) -> usize {
        self.records += 1;
        self.frame(FrameKind::Record, stream, payload)
    }

    /// Adds a trim mark.
    pub fn trim(&mut self, stream: u32, upto: Position) {
        self.frame(FrameKind::Trim, stream, &upto.0.to_le_bytes());
    }

    /// The whole batch, its header filled in.
    pub fn finish(mut self) -> Vec<u8> {
        let body = (self.buffer.len() - BATCH_HEADER_LEN) as u32;
        self.buffer[4..8].copy_from_slice(&body.to_le_bytes());
        self.buffer[16..20].copy_from_slice(&self.records.to_le_bytes());
        let crc = salted_crc(self.salt, &self.buffer[..20]);
        self.buffer[20..24].copy_from_slice(&crc.to_le_bytes());
        self.buffer
    }

    fn frame(&mut self, kind: FrameKind, stream: u32, payload: &[u8]) -> usize {
        assert!(stream < STREAMS_MAX && payload.len() <= RECORD_BYTES_MAX);
        let offset = self.buffer.len();
        let mut header = [0; FRAME_HEADER_LEN];
        header[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[4..8].copy_from_slice(&(kind.code() << 24 | stream).to_le_bytes());
        header[8..12].copy_from_slice(&salted_crc(self.salt, payload).to_le_bytes());
        let crc = salted_crc(self.salt, &header[..12]);
        header[12..].copy_from_slice(&crc.to_le_bytes());
        self.buffer.extend_from_slice(&header);
        self.buffer.extend_from_slice(payload);
        offset
    }
}

/// A frame header that passed its checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHeader {
    pub(crate) len: usize,
    pub(crate) kind: FrameKind,
    pub(crate) stream: u32,
    payload_crc: u32,
}

impl FrameHeader {
    pub(crate) fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let header = bytes.get(..FRAME_HEADER_LEN)?;
        if salted_crc(salt, &header[..12]) != u32_at(header, 12) {
            return None;
        }
        let tag = u32_at(header, 4);
        let len = u32_at(header, 0) as usize;
        let kind = FrameKind::from_code(tag >> 24)?;
        let fits = match kind {
            FrameKind::Record => len <= RECORD_BYTES_MAX,
            FrameKind::Name => (1..=STREAM_NAME_BYTES_MAX).contains(&len),
            FrameKind::Trim => len == 8,
        };
        let stream = tag & (STREAMS_MAX - 1);
        fits.then_some(Self { len, kind, stream, payload_crc: u32_at(header, 8) })
    }

    pub(crate) fn payload_is_good(&self, salt: u64, payload: &[u8]) -> bool {
        payload.len() == self.len && salted_crc(salt, payload) == self.payload_crc
    }
}

/// A batch header that passed its checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchHeader {
    pub(crate) body_len: usize,
    pub(crate) first: Position,
    pub(crate) records: u32,
}

impl BatchHeader {
    pub(crate) fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let header = bytes.get(..BATCH_HEADER_LEN)?;
        if header[..4] != BATCH_MAGIC || salted_crc(salt, &header[..20]) != u32_at(header, 20) {
            return None;
        }
        Some(Self {
            body_len: u32_at(header, 4) as usize,
            first: Position(u64_at(header, 8)),
            records: u32_at(header, 16),
        })
    }
}

/// Checks one frame that was read on its own, and gives its payload.
pub fn read_frame(bytes: &[u8], salt: u64) -> Option<&[u8]> {
    let header = FrameHeader::decode(bytes, salt)?;
    let payload = bytes.get(FRAME_HEADER_LEN..)?;
    header.payload_is_good(salt, payload).then_some(payload)
}

fn salted_crc(salt: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
