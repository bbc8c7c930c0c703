//! Opens the log: reads every segment, checks every byte.
//!
//! What may be dropped is the torn end of the last write, and nothing else: bytes of the last
//! segment behind its last good batch header. The log says how much it was. A record that is
//! missing anywhere else was acknowledged once: that is damage. It is named by file and offset, the
//! file is linked into a folder of evidence, everything else is read, and
//! [`crate::commit_log::CommitLog::replay`] tells those whose records are gone.
//!
//! Reads only. Whether the *last* batch is on the disk or just in the kernel's memory cannot be
//! told: the process that wrote it may have died before its sync, or after a failed one, which no
//! later sync makes good. So it is handed out as [`LastBatch`], to be written once more.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::commit_log::{Position, StreamName};
use crate::disk::Disk;
use crate::log_index::{Damage, LogIndex, SegmentIndex};
use crate::log_layout::{DAMAGED_DIR, Entry, LOG_DIR, segment_first, segment_path};
use crate::segment::{FRAME_HEADER_LEN, FrameKind, HeaderFault, SegmentHeader, VERSION};
use crate::segment_scan::{Gap, Scan, scan};

/// A bad segment can be bad in thousands of places; the first few tell where to look.
const DAMAGE_LOGGED_MAX: usize = 8;

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogOpenError {
    /// The disk refused.
    #[error("commit log: {}: {source}", path.display())]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Written by a newer program.
    #[error(
        "commit log: {} has version {found}, this program reads up to {VERSION}; start the newer \
         program that wrote it",
        path.display()
    )]
    Newer {
        /// The segment.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// The records that were written last.
#[derive(Debug)]
pub struct LastBatch {
    /// The position of the first.
    pub first: Position,
    /// In order.
    pub records: Vec<(StreamName, Bytes)>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// All that can be read, the last batch included.
    pub index: LogIndex,
    /// To be written once more; nothing where there is no record.
    pub last_batch: Option<LastBatch>,
}

/// Reads the log folder, which is made where it is missing.
pub fn recover(disk: &dyn Disk) -> Result<Recovered, LogOpenError> {
    let log_dir = Path::new(LOG_DIR);
    let at = |path: &Path| {
        let path = disk.describe(path);
        move |source| LogOpenError::Disk { path, source }
    };
    disk.create_dir_all(log_dir).map_err(at(log_dir))?;
    let entries = disk.list(log_dir).map_err(at(log_dir))?;
    let mut firsts: Vec<Position> =
        entries.iter().filter(|e| !e.is_dir).filter_map(|e| segment_first(&e.name)).collect();
    firsts.sort_unstable();
    let mut recovered = Recovered::default();
    for (nth, first) in firsts.iter().enumerate() {
        let path = segment_path(*first);
        let following = firsts.get(nth + 1).copied();
        let bytes = disk.read(&path).map_err(at(&path))?;
        let file = SegmentFile { disk, path: &path, first: *first, bytes: &bytes, following };
        file.recover(&mut recovered)?;
    }
    Ok(recovered)
}

/// One segment on its way into the index.
struct SegmentFile<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    first: Position,
    bytes: &'a [u8],
    /// The first position of the next segment: anything from there on in this one was given up.
    following: Option<Position>,
}

impl SegmentFile<'_> {
    fn recover(&self, recovered: &mut Recovered) -> Result<(), LogOpenError> {
        let index = &mut recovered.index;
        let header = match SegmentHeader::decode(self.bytes) {
            Ok(header) if header.first == self.first => header,
            Err(HeaderFault::Newer(found)) => {
                return Err(LogOpenError::Newer { path: self.shown(), found });
            }
            // A segment gets its name after its first batch is durable: it was whole once.
            Ok(_) | Err(HeaderFault::Short | HeaderFault::Bad) => {
                self.lost(index);
                return Ok(());
            }
        };
        let found = scan(self.bytes, header);
        let tail = if self.following.is_none() { torn_tail(&found) } else { None };
        let kept = tail.map_or(self.bytes.len(), |tail| tail.offset);
        let end = tail.map_or(found.next, |tail| Position(tail.positions.start));
        let end = self.following.unwrap_or(end);
        let mut segment = SegmentIndex::new(self.first, header.salt, kept as u64);
        let trims = self.index_frames(&found, kept, end, &mut segment);
        self.note_damage(&found, kept, end, &mut segment);
        if let Some(tail) = tail {
            self.tell_of_tail(tail, end);
        }
        index.next = end;
        if self.following.is_none() {
            recovered.last_batch = self.last_batch(&segment, found.last_batch, end);
        }
        if !segment.streams.is_empty() || !segment.damage.is_empty() {
            index.segments.push_back(segment);
        }
        for (stream, upto) in trims {
            index.trim(&stream, upto);
            if self.following.is_some() {
                index.unwritten_trims.remove(&stream);
            }
        }
        Ok(())
    }

    /// The records behind the last batch header, in order; none where one of them is damaged, for
    /// then they cannot be written again under their positions.
    fn last_batch(
        &self,
        segment: &SegmentIndex,
        offset: usize,
        end: Position,
    ) -> Option<LastBatch> {
        let mut found: Vec<(Entry, StreamName)> = Vec::new();
        for (stream, entries) in &segment.streams {
            let last = entries.iter().filter(|entry| entry.offset as usize >= offset);
            found.extend(last.map(|entry| (*entry, stream.clone())));
        }
        found.sort_unstable_by_key(|(entry, _)| entry.ordinal);
        let first = Position(self.first.0 + u64::from(found.first()?.0.ordinal));
        if first.0 + found.len() as u64 != end.0 {
            return None;
        }
        let records = found.into_iter().map(|(entry, stream)| {
            let start = entry.offset as usize + FRAME_HEADER_LEN;
            let payload = &self.bytes[start..start + entry.len as usize];
            (stream, Bytes::copy_from_slice(payload))
        });
        Some(LastBatch { first, records: records.collect() })
    }

    /// Takes the good frames before `kept` and `end`; gives the trim marks.
    fn index_frames(
        &self,
        found: &Scan,
        kept: usize,
        end: Position,
        segment: &mut SegmentIndex,
    ) -> Vec<(StreamName, Position)> {
        let mut names: BTreeMap<u32, StreamName> = BTreeMap::new();
        let mut nameless: BTreeMap<u32, Gap> = BTreeMap::new();
        let mut trims = Vec::new();
        for frame in found.frames.iter().take_while(|f| f.offset < kept) {
            let payload = frame.payload(self.bytes);
            let name = names.get(&frame.stream).cloned();
            match (frame.kind, name) {
                (FrameKind::Name, _) => {
                    if let Ok(name) = std::str::from_utf8(payload) {
                        names.insert(frame.stream, StreamName::new(name));
                    }
                }
                (FrameKind::Trim, Some(name)) => {
                    let upto = u64::from_le_bytes(payload.try_into().expect("eight bytes"));
                    trims.push((name, Position(upto)));
                }
                (FrameKind::Record, Some(name)) if frame.position < end => {
                    let entry = Entry {
                        ordinal: (frame.position.0 - self.first.0) as u32,
                        offset: frame.offset as u32,
                        len: frame.len as u32,
                    };
                    segment.streams.entry(name).or_default().push(entry);
                }
                (FrameKind::Record, None) if frame.position < end => {
                    let (offset, at) = (frame.offset, frame.position.0);
                    let gap = Gap { offset, positions: at..at, stream: None };
                    nameless.entry(frame.stream).or_insert(gap).positions.end = at + 1;
                }
                // Given up by the writer, or the mark of a stream whose name is gone: replays are
                // then longer, nothing is lost.
                (FrameKind::Record | FrameKind::Trim, _) => {}
            }
        }
        let bad = |gap: &&Gap| {
            gap.offset < kept && gap.positions.start < end.0 && !gap.positions.is_empty()
        };
        for gap in found.gaps.iter().filter(bad) {
            let lost = gap.positions.start..gap.positions.end.min(end.0);
            let stream = gap.stream.and_then(|number| names.get(&number).cloned());
            segment.damage.push(self.damage(gap.offset, lost, stream, "checksums do not hold"));
        }
        for gap in nameless.into_values() {
            let why = "the name of a stream is gone, and with it some or all records";
            segment.damage.push(self.damage(gap.offset, gap.positions, None, why));
        }
        trims
    }

    /// Records that should follow and do not; and the evidence, where anything is missing at all.
    fn note_damage(&self, found: &Scan, kept: usize, end: Position, segment: &mut SegmentIndex) {
        if found.next < end {
            let lost = found.next.0..end.0;
            segment.damage.push(self.damage(kept, lost, None, "the file ends too early"));
        }
        if !segment.damage.is_empty() {
            self.keep_evidence(&segment.damage);
        }
    }

    /// A segment whose header is gone: without its salt nothing in it can be checked.
    fn lost(&self, index: &mut LogIndex) {
        // A frame is never smaller than its header, so this is beyond any position it can hold.
        let beyond = self.first.0 + (self.bytes.len() / FRAME_HEADER_LEN) as u64 + 1;
        let end = self.following.unwrap_or(Position(beyond));
        let mut segment = SegmentIndex::new(self.first, 0, self.bytes.len() as u64);
        segment.damage.push(self.damage(0, self.first.0..end.0, None, "the header is not valid"));
        self.keep_evidence(&segment.damage);
        index.segments.push_back(segment);
        index.next = end;
    }

    fn damage(
        &self,
        offset: usize,
        lost: std::ops::Range<u64>,
        stream: Option<StreamName>,
        why: &str,
    ) -> Damage {
        let of = stream.as_ref().map_or(String::new(), |stream| format!(" of {stream}"));
        let message = format!(
            "{} at byte {offset}: {why}; records {}..={}{of} are lost; the file \
             stays in {DAMAGED_DIR} for inspection",
            self.shown().display(),
            lost.start,
            lost.end - 1,
        );
        Damage { message, stream, upto: Position(lost.end - 1) }
    }

    fn keep_evidence(&self, all: &[Damage]) {
        for damage in all.iter().take(DAMAGE_LOGGED_MAX) {
            tracing::error!(places = all.len(), "commit log is damaged: {}", damage.message);
        }
        let name = self.path.file_name().expect("segments have names");
        let second = Path::new(DAMAGED_DIR).join(name);
        let linked = self
            .disk
            .create_dir_all(Path::new(DAMAGED_DIR))
            .and_then(|()| self.disk.link_new(self.path, &second))
            .and_then(|()| self.disk.sync_dir(Path::new(DAMAGED_DIR)));
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                tracing::warn!(%error, segment = ?self.shown(), "could not keep a damaged segment");
            }
            _ => {}
        }
    }

    fn tell_of_tail(&self, tail: &Gap, end: Position) {
        tracing::warn!(
            segment = ?self.shown(),
            offset = tail.offset,
            dropped_bytes = self.bytes.len() - tail.offset,
            next_position = end.0,
            "commit log: dropped the torn end of a write that was never acknowledged"
        );
    }

    fn shown(&self) -> PathBuf {
        self.disk.describe(self.path)
    }
}

/// The first gap that no batch follows.
fn torn_tail(found: &Scan) -> Option<&Gap> {
    found.gaps.iter().find(|gap| gap.offset >= found.last_batch)
}
