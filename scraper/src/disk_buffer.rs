//! Samples that wait on disk: one lane, in order.
//!
//! A lane is a folder of numbered segment files. Batches are added to the newest and taken from the
//! oldest; a segment whose batches are all delivered is deleted. When the lane is full its oldest
//! segment goes, and what was in it is counted. Blocking: call it where that does no harm.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::disk_buffer_segment::{
    HEADER_BYTES, Record, check_header, decode, encode, header, scan,
};

/// A segment is closed at this size: small enough to be read as a whole, and to be sent a second
/// time after a crash.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;
/// Segments that a full lane has at least, so that making room never empties it.
const SEGMENTS_MIN: u64 = 4;
/// What segment files end in.
const SUFFIX: &str = ".seg";

/// Figures of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneFigures {
    /// Samples that wait.
    pub waiting: u64,
    /// Samples dropped because the lane was full.
    pub dropped: u64,
    /// Files that ended in the middle of a record, since the start.
    pub torn: u64,
}

/// Where a batch lies: the number of its file, and its first byte there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    number: u64,
    at: usize,
}

/// One lane.
pub struct Lane {
    folder: PathBuf,
    bytes_max: u64,
    segments: VecDeque<Segment>,
    writer: Option<File>,
    /// The oldest segment, and where its first undelivered record is.
    reader: Option<Reader>,
    next_number: u64,
    unsynced: bool,
    figures: LaneFigures,
}

struct Segment {
    number: u64,
    bytes: u64,
    /// Undelivered ones.
    samples: u64,
}

struct Reader {
    number: u64,
    content: Bytes,
    at: usize,
}

impl Lane {
    /// Opens a folder, makes it where it is missing. What a crash left half written is cut off.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(told)?;
        let mut lane = Self {
            folder: folder.to_owned(),
            bytes_max,
            segments: VecDeque::new(),
            writer: None,
            reader: None,
            next_number: 0,
            unsynced: false,
            figures: LaneFigures::default(),
        };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder).map_err(told)? {
            let name = entry.map_err(told)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        for number in numbers {
            lane.admit(number)?;
            lane.next_number = number + 1;
        }
        Ok(lane)
    }

    /// Takes a segment of an earlier process in.
    fn admit(&mut self, number: u64) -> Result<(), String> {
        let path = self.path(number);
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        let content = Bytes::from(fs::read(&path).map_err(told)?);
        if content.len() < HEADER_BYTES {
            self.figures.torn += 1;
            return fs::remove_file(&path).map_err(told);
        }
        check_header(&content).map_err(|reason| format!("{}: {reason}", path.display()))?;
        let found = scan(&content);
        if found.torn {
            self.figures.torn += 1;
            let cut = OpenOptions::new().write(true).open(&path);
            cut.and_then(|file| file.set_len(found.good_bytes)).map_err(told)?;
        }
        if found.samples == 0 {
            return fs::remove_file(&path).map_err(told);
        }
        self.figures.waiting += found.samples;
        let (bytes, samples) = (found.good_bytes, found.samples);
        self.segments.push_back(Segment { number, bytes, samples });
        Ok(())
    }

    /// Figures as of now.
    pub fn figures(&self) -> LaneFigures {
        self.figures
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.figures.waiting == 0
    }

    /// Adds a batch at the end; `sync` makes it last.
    pub fn append(&mut self, record: &Record) -> Result<Place, String> {
        let bytes = encode(record);
        self.make_room(bytes.len() as u64)?;
        let segment_max = segment_bytes(self.bytes_max);
        let is_full = |segment: &Segment| segment.bytes >= segment_max;
        if self.writer.is_none() || self.segments.back().is_none_or(is_full) {
            self.begin_segment()?;
        }
        let path = self.segments.back().map(|segment| self.path(segment.number));
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
            return Err("the lane has no segment to write to".to_owned());
        };
        if let Err(error) = writer.write_all(&bytes) {
            // What is half written must not be followed by anything good.
            let _ = writer.set_len(segment.bytes);
            self.writer = None;
            let path = path.unwrap_or_default();
            return Err(format!("{}: {error}", path.display()));
        }
        let place = Place { number: segment.number, at: segment.bytes as usize };
        segment.bytes += bytes.len() as u64;
        segment.samples += u64::from(record.samples);
        self.figures.waiting += u64::from(record.samples);
        self.unsynced = true;
        Ok(place)
    }

    /// Returns once all that was added survives a crash.
    pub fn sync(&mut self) -> Result<(), String> {
        if let Some(writer) = self.writer.as_ref().filter(|_| self.unsynced) {
            writer.sync_data().map_err(|error| format!("{}: {error}", self.folder.display()))?;
        }
        self.unsynced = false;
        Ok(())
    }

    /// The oldest batch; it stays until `pop`.
    pub fn first(&mut self) -> Result<Option<(Record, Place)>, String> {
        while let Some(number) = self.segments.front().map(|segment| segment.number) {
            if self.reader.as_ref().is_none_or(|reader| reader.number != number) {
                self.reader = Some(self.read(number, HEADER_BYTES)?);
            }
            if let Some(record) = self.peek() {
                return Ok(Some(record));
            }
            // The newest segment may have grown since it was read.
            let at = self.reader.as_ref().map_or(HEADER_BYTES, |reader| reader.at);
            self.reader = Some(self.read(number, at)?);
            if let Some(record) = self.peek() {
                return Ok(Some(record));
            }
            // What does not read any more cannot be delivered.
            self.figures.dropped += self.segments.front().map_or(0, |segment| segment.samples);
            self.remove_first()?;
        }
        Ok(None)
    }

    /// The batch at a place is delivered. Nothing happens where it is not the oldest any more: then
    /// it had to make room.
    pub fn pop(&mut self, place: Place) -> Result<(), String> {
        if self.first()?.is_none_or(|(_, first)| first != place) {
            return Ok(());
        }
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let Some((record, next)) = decode(&reader.content, reader.at) else { return Ok(()) };
        reader.at = next;
        let samples = u64::from(record.samples);
        self.figures.waiting = self.figures.waiting.saturating_sub(samples);
        if let Some(segment) = self.segments.front_mut() {
            segment.samples = segment.samples.saturating_sub(samples);
            if segment.samples == 0 && segment.bytes <= next as u64 {
                return self.remove_first();
            }
        }
        Ok(())
    }

    fn peek(&self) -> Option<(Record, Place)> {
        let reader = self.reader.as_ref()?;
        let place = Place { number: reader.number, at: reader.at };
        decode(&reader.content, reader.at).map(|(record, _)| (record, place))
    }

    fn read(&self, number: u64, at: usize) -> Result<Reader, String> {
        let path = self.path(number);
        let content = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Reader { number, content: Bytes::from(content), at })
    }

    fn remove_first(&mut self) -> Result<(), String> {
        let Some(segment) = self.segments.pop_front() else { return Ok(()) };
        self.reader = None;
        if self.segments.is_empty() {
            self.writer = None;
        }
        self.figures.waiting = self.figures.waiting.saturating_sub(segment.samples);
        let path = self.path(segment.number);
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// New data is worth more than old: the oldest segments go.
    fn make_room(&mut self, wanted: u64) -> Result<(), String> {
        let used = |lane: &Self| lane.segments.iter().map(|segment| segment.bytes).sum::<u64>();
        while used(self) + wanted > self.bytes_max {
            let Some(first) = self.segments.front() else { break };
            self.figures.dropped += first.samples;
            self.remove_first()?;
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), String> {
        self.sync()?;
        let number = self.next_number;
        let path = self.path(number);
        let begun = || {
            let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
            file.write_all(&header())?;
            // The name has to last, too.
            File::open(&self.folder)?.sync_all()?;
            Ok(file)
        };
        let file =
            begun().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))?;
        self.writer = Some(file);
        self.next_number += 1;
        let bytes = HEADER_BYTES as u64;
        self.segments.push_back(Segment { number, bytes, samples: 0 });
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016}{SUFFIX}"))
    }
}

/// The size of a lane's share that is still useful.
pub fn lane_bytes(bytes_max: u64, lanes: usize) -> u64 {
    (bytes_max / lanes.max(1) as u64).max(1 << 20)
}

/// At what size a segment is closed in a lane of this size.
fn segment_bytes(bytes_max: u64) -> u64 {
    SEGMENT_BYTES_MAX.min(bytes_max / SEGMENTS_MIN)
}

#[cfg(test)]
mod tests;
