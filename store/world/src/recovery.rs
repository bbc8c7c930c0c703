//! Opens the log: reads every segment, checks every byte.
//!
//! What may be dropped is the torn end of the last write, and nothing else: bytes of the last
//! segment behind its last good batch header. It is cut off, and the log says how much it was. A
//! record that is missing anywhere else was acknowledged once: that is damage. It is named by file and
//! offset, the file is linked into a folder of evidence, everything else is read, and
//! [`crate::commit_log::CommitLog::replay`] tells those whose records are gone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::commit_log::{Position, StreamName};
use crate::disk::Disk;
use crate::log_index::{
    DAMAGED_DIR, Damage, Entry, LOG_DIR, LogIndex, SegmentIndex, segment_first, segment_path,
};
use crate::segment::{
    FRAME_HEADER_LEN, FrameKind, HEADER_LEN, HeaderFault, SegmentHeader, VERSION,
};
use crate::segment_scan::{Gap, Scan, scan};

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

/// Reads the log folder, which is made where it is missing.
pub fn recover(disk: &dyn Disk) -> Result<LogIndex, LogOpenError> {
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
    let mut index = LogIndex::default();
    for (nth, first) in firsts.iter().enumerate() {
        let path = segment_path(*first);
        let following = firsts.get(nth + 1).copied();
        if following.is_none() {
            // What an earlier process wrote and never synced must not be believed until it is.
            disk.open(&path).and_then(|mut file| file.sync()).map_err(at(&path))?;
            disk.sync_dir(log_dir).map_err(at(log_dir))?;
        }
        let bytes = disk.read(&path).map_err(at(&path))?;
        let file = SegmentFile { disk, path: &path, first: *first, bytes: &bytes, following };
        file.recover(&mut index)?;
    }
    Ok(index)
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
    fn recover(&self, index: &mut LogIndex) -> Result<(), LogOpenError> {
        if !index.segments.is_empty() && index.next < self.first {
            // Cannot be reached while each segment is checked against the next one's name.
            tracing::error!(segment = ?self.shown(), "commit log: positions before it are missing");
        }
        let header = match SegmentHeader::decode(self.bytes) {
            Ok(header) if header.first == self.first => header,
            Err(HeaderFault::Newer(found)) => {
                return Err(LogOpenError::Newer { path: self.shown(), found });
            }
            _ if self.following.is_none() && self.bytes.len() <= HEADER_LEN => {
                // Header and name are synced before the first batch: no record was ever here. A
                // file may have its length and not yet its bytes.
                index.next = self.first;
                return self.remove("its creation was cut short");
            }
            Ok(_) | Err(HeaderFault::Short | HeaderFault::Bad) => {
                self.lost(index);
                return Ok(());
            }
        };
        let found = scan(self.bytes, header);
        let end = self.following.unwrap_or(found.next);
        let tail = if self.following.is_none() { self.torn_tail(&found) } else { None };
        let kept = tail.map_or(self.bytes.len(), |tail| tail.offset);
        let mut segment = SegmentIndex::new(self.first, header.salt, kept as u64);
        let end = tail.map_or(end, |tail| Position(tail.positions.start));
        let trims = self.index_frames(&found, kept, end, &mut segment);
        self.note_damage(&found, kept, end, &mut segment);
        index.next = end;
        let is_empty = segment.streams.is_empty() && segment.damage.is_empty();
        if let Some(tail) = tail {
            self.cut(tail, end)?;
        }
        if is_empty && self.following.is_none() {
            self.remove("it holds no record")?;
        } else {
            index.segments.push_back(segment);
        }
        for (stream, upto) in trims {
            index.trim(&stream, upto);
            if !is_empty {
                index.unwritten_trims.remove(&stream);
            }
        }
        Ok(())
    }

    /// The first gap that no batch follows.
    fn torn_tail<'a>(&self, found: &'a Scan) -> Option<&'a Gap> {
        found.gaps.iter().find(|gap| gap.offset >= found.last_batch)
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
                    let lost = frame.position.0..frame.position.0 + 1;
                    let why = "the name of its stream is gone";
                    segment.damage.push(self.damage(frame.offset, lost, None, why));
                }
                // Given up by the writer, or the mark of a stream whose name is gone: replays are
                // then longer, nothing is lost.
                (FrameKind::Record | FrameKind::Trim, _) => {}
            }
        }
        for gap in &found.gaps {
            // Named now, while the names are at hand.
            if gap.offset < kept && gap.positions.start < end.0 && !gap.positions.is_empty() {
                let lost = gap.positions.start..gap.positions.end.min(end.0);
                let stream = gap.stream.and_then(|number| names.get(&number).cloned());
                segment.damage.push(self.damage(gap.offset, lost, stream, "checksums do not hold"));
            }
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
            "{} at byte {offset}: {why}; records {}..={}{of} are lost; the file stays in {DAMAGED_DIR} \
             for inspection",
            self.shown().display(),
            lost.start,
            lost.end - 1,
        );
        Damage { message, stream, upto: Position(lost.end - 1) }
    }

    fn keep_evidence(&self, damage: &[Damage]) {
        for damage in damage {
            tracing::error!("commit log is damaged: {}", damage.message);
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

    fn cut(&self, tail: &Gap, end: Position) -> Result<(), LogOpenError> {
        let dropped = self.bytes.len() - tail.offset;
        tracing::warn!(
            segment = ?self.shown(),
            offset = tail.offset,
            dropped_bytes = dropped,
            next_position = end.0,
            "commit log: dropped the torn end of a write that was never acknowledged"
        );
        let cut = self.disk.open(self.path).and_then(|mut file| {
            file.truncate(tail.offset as u64)?;
            file.sync()
        });
        cut.map_err(|source| LogOpenError::Disk { path: self.shown(), source })
    }

    /// Removes the last segment, which holds no record.
    fn remove(&self, why: &'static str) -> Result<(), LogOpenError> {
        tracing::debug!(segment = ?self.shown(), "commit log: removed a segment: {why}");
        assert!(self.following.is_none(), "only the last segment may go");
        let removed = self.disk.remove(self.path);
        let removed = removed.and_then(|()| self.disk.sync_dir(Path::new(LOG_DIR)));
        removed.map_err(|source| LogOpenError::Disk { path: self.shown(), source })
    }

    fn shown(&self) -> PathBuf {
        self.disk.describe(self.path)
    }
}
