//! Writes batches to segments, the only place that does.
//!
//! A segment is begun as a draft and gets its name once its first batch is synced, so that a
//! segment always holds records. A batch that fails leaves no trace: the segment is cut back as far
//! as the disk allows and given up, for after a failed sync nobody knows what it holds. The next
//! batch begins a segment whose name is the next position, which says that anything from there on
//! in an older segment was never acknowledged. Calls block.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::append_queue::Pending;
use crate::commit_log::{LogError, Position, StreamName};
use crate::disk::{Disk, DiskFile};
use crate::log_layout::{DRAFT, Entry, LOG_DIR, segment_path};
use crate::random::Random;
use crate::segment::{BATCH_HEADER_LEN, BatchEncoder, FRAME_HEADER_LEN, HEADER_LEN, SegmentHeader};

/// A new segment is begun beyond this: small enough that trimmed space comes back soon, large
/// enough that its two extra syncs do not count.
pub const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A stream is named again after so many bytes: a name that cannot be read any more takes no more
/// than that of its stream with it.
const NAMED_AGAIN_BYTES: u64 = 1024 * 1024;

/// Kept between batches; a larger buffer is given back.
const BUFFER_BYTES_KEPT: usize = 4 * 1024 * 1024;

/// What one write is to hold.
#[derive(Debug)]
pub struct Batch {
    /// The position of the first record.
    pub first: Position,
    /// In order.
    pub records: Vec<Pending>,
    /// Marks to note.
    pub trims: Vec<(StreamName, Position)>,
}

/// What is durable now.
#[derive(Debug)]
pub struct Written {
    /// The segment that was begun for this batch, if one was.
    pub begun: Option<SegmentHeader>,
    /// Where each record of the batch lies, in order.
    pub entries: Vec<Entry>,
    /// Bytes of the segment now.
    pub segment_bytes: u64,
}

/// The segment being written.
struct Open {
    file: Box<dyn DiskFile>,
    header: SegmentHeader,
    len: u64,
    /// The number of each stream, and the length of the file when it was last named.
    numbers: BTreeMap<StreamName, (u32, u64)>,
    /// Not named yet.
    is_draft: bool,
}

/// Writes batches.
pub struct SegmentWriter {
    disk: Arc<dyn Disk>,
    random: Arc<dyn Random>,
    segment_bytes_max: u64,
    open: Option<Open>,
    buffer: Vec<u8>,
}

impl SegmentWriter {
    /// A writer that begins a segment of its own at the first batch.
    pub fn new(disk: Arc<dyn Disk>, random: Arc<dyn Random>, segment_bytes_max: u64) -> Self {
        // Offsets within a segment are kept in 32 bits; a batch may come on top.
        let segment_bytes_max = segment_bytes_max.min(1 << 30);
        Self { disk, random, segment_bytes_max, open: None, buffer: Vec::new() }
    }

    /// Returns once the batch is durable. After an error nothing of it is.
    pub fn write(&mut self, batch: &Batch) -> Result<Written, LogError> {
        let estimate: usize =
            batch.records.iter().map(|r| r.payload.len() + FRAME_HEADER_LEN).sum();
        if self.is_full(batch.first, estimate as u64) {
            self.open = None;
        }
        let mut begun = None;
        if self.open.is_none() {
            let open = self.begin(batch.first).map_err(|e| self.unavailable(batch.first, &e))?;
            begun = Some(open.header);
            self.open = Some(open);
        }
        let open = self.open.as_mut().expect("a segment was just begun");
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = open.write(batch, &mut buffer).and_then(|entries| {
            open.name(self.disk.as_ref())?;
            Ok(entries)
        });
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.buffer = buffer;
        match outcome {
            Ok(entries) => Ok(Written { begun, entries, segment_bytes: open.len }),
            Err(error) => {
                let first = open.header.first;
                self.give_up();
                Err(self.unavailable(first, &error))
            }
        }
    }

    /// Removes the oldest segment, durably: the next oldest must never vanish before it.
    pub fn remove(&self, first: Position) -> io::Result<()> {
        match self.disk.remove(&segment_path(first)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.disk.sync_dir(Path::new(LOG_DIR)),
        }
    }

    fn is_full(&self, first: Position, more: u64) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let has_records = first > open.header.first;
            has_records && open.len + more > self.segment_bytes_max
        })
    }

    fn begin(&self, first: Position) -> io::Result<Open> {
        let draft = Path::new(DRAFT);
        let mut file = match self.disk.create_new(draft) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(draft)?;
                self.disk.create_new(draft)?
            }
            other => other?,
        };
        let header = SegmentHeader { first, salt: self.random.next_u64() };
        file.append(&header.encode())?;
        let len = HEADER_LEN as u64;
        Ok(Open { file, header, len, numbers: BTreeMap::new(), is_draft: true })
    }

    /// Cuts off what was not acknowledged, as well as the disk allows. If it does not, the name of
    /// the next segment says the same.
    fn give_up(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let outcome = if open.is_draft {
            self.disk.remove(Path::new(DRAFT))
        } else {
            open.file.truncate(open.len).and_then(|()| open.file.sync())
        };
        if let Err(error) = outcome {
            let segment = self.disk.describe(&open.path());
            tracing::warn!(?segment, %error, "a log segment that failed could not be cut back");
        }
    }

    fn unavailable(&self, segment: Position, error: &io::Error) -> LogError {
        let path = self.disk.describe(&segment_path(segment));
        LogError::Unavailable(format!("{}: {error}", path.display()))
    }
}

impl Open {
    fn path(&self) -> PathBuf {
        if self.is_draft { PathBuf::from(DRAFT) } else { segment_path(self.header.first) }
    }

    /// Names the draft, whose first batch is durable now. What may stand under the name is what a
    /// failed batch left, or the same batch as it was found at the start.
    fn name(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.is_draft {
            disk.rename(Path::new(DRAFT), &segment_path(self.header.first))?;
            // From here on it is cut back, not removed: its name may hold what was acknowledged.
            self.is_draft = false;
            disk.sync_dir(Path::new(LOG_DIR))?;
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, buffer: &mut Vec<u8>) -> io::Result<Vec<Entry>> {
        let mut encoder = BatchEncoder::new(std::mem::take(buffer), self.header.salt, batch.first);
        let mut entries = Vec::with_capacity(batch.records.len());
        for (stream, upto) in &batch.trims {
            let number = self.number(stream, &mut encoder);
            encoder.trim(number, *upto);
        }
        for (index, record) in batch.records.iter().enumerate() {
            let number = self.number(&record.stream, &mut encoder);
            let offset = self.len as usize + encoder.record(number, &record.payload);
            entries.push(Entry {
                ordinal: (batch.first.0 - self.header.first.0) as u32 + index as u32,
                offset: u32::try_from(offset).expect("a segment is far below 4 GiB"),
                len: record.payload.len() as u32,
            });
        }
        let bytes = encoder.finish();
        debug_assert!(bytes.len() >= BATCH_HEADER_LEN);
        self.file.append(&bytes)?;
        self.file.sync()?;
        self.len += bytes.len() as u64;
        *buffer = bytes;
        Ok(entries)
    }

    /// The number of a stream, named in the batch at its first use and now and then again. A failed
    /// batch takes the whole segment with it, so no number is used without its name being durable.
    fn number(&mut self, stream: &StreamName, encoder: &mut BatchEncoder) -> u32 {
        let (number, is_named) = match self.numbers.get(stream) {
            Some((number, at)) => (*number, self.len - at < NAMED_AGAIN_BYTES),
            None => (self.numbers.len() as u32, false),
        };
        if !is_named {
            self.numbers.insert(stream.clone(), (number, self.len));
            encoder.name(number, stream.as_str());
        }
        number
    }
}
