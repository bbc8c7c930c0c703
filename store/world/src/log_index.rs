//! Where each record of the log lies, and what may go.
//!
//! In memory only, made by recovery and kept up by the writer: sixteen bytes or fewer a record.
//! With it a replay reads what belongs to its stream and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::commit_log::{Position, StreamName};
use crate::log_layout::Entry;
use crate::segment_writer::{Batch, Written};

/// Records that can no longer be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File, offset and positions, for people.
    pub message: String,
    /// Whose records are gone; nothing where that cannot be told.
    pub stream: Option<StreamName>,
    /// The last position that is gone.
    pub upto: Position,
}

/// One segment.
#[derive(Clone, Debug)]
pub struct SegmentIndex {
    /// The first position, also the name of the file.
    pub first: Position,
    /// Goes into the checksums.
    pub salt: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The records by stream, oldest first.
    pub streams: BTreeMap<StreamName, Vec<Entry>>,
    /// What is missing.
    pub damage: Vec<Damage>,
}

impl SegmentIndex {
    /// A segment without records.
    pub fn new(first: Position, salt: u64, bytes: u64) -> Self {
        Self { first, salt, bytes, streams: BTreeMap::new(), damage: Vec::new() }
    }

    fn concerns(&self, stream: &StreamName) -> bool {
        self.streams.contains_key(stream)
            || self.damage.iter().any(|damage| damage.stream.as_ref() == Some(stream))
    }

    fn last_of(&self, stream: &StreamName) -> Option<Position> {
        let last = self.streams.get(stream)?.last()?;
        Some(Position(self.first.0 + u64::from(last.ordinal)))
    }
}

/// All segments, oldest first, and the trim marks.
#[derive(Clone, Debug, Default)]
pub struct LogIndex {
    /// Oldest first.
    pub segments: VecDeque<SegmentIndex>,
    /// Up to and including which position each stream is trimmed.
    pub trims: BTreeMap<StreamName, Position>,
    /// Streams whose mark is not yet in the log.
    pub unwritten_trims: BTreeSet<StreamName>,
    /// The position of the next record.
    pub next: Position,
}

impl LogIndex {
    /// Enters a batch that is durable now.
    pub fn enter(&mut self, batch: &Batch, written: Written) {
        if let Some(header) = written.begun {
            self.segments.push_back(SegmentIndex::new(header.first, header.salt, 0));
        }
        let segment = self.segments.back_mut().expect("a batch went into a segment");
        segment.bytes = written.segment_bytes;
        for (record, entry) in batch.records.iter().zip(written.entries) {
            segment.streams.entry(record.stream.clone()).or_default().push(entry);
        }
        self.next = Position(batch.first.0 + batch.records.len() as u64);
    }

    /// Forgets the records from `first` on, which lie in the newest segment: they are written
    /// again.
    pub fn cut(&mut self, first: Position) {
        let newest = self.segments.back_mut().expect("there are records to be forgotten");
        let ordinal = first.0 - newest.first.0;
        for entries in newest.streams.values_mut() {
            entries.retain(|entry| u64::from(entry.ordinal) < ordinal);
        }
        newest.streams.retain(|_, entries| !entries.is_empty());
        if ordinal == 0 {
            // The new segment took its name.
            self.segments.pop_back();
        }
    }

    /// Notes a trim; never goes back, never beyond what was appended.
    pub fn trim(&mut self, stream: &StreamName, upto: Position) {
        let Some(last) = self.next.0.checked_sub(1) else { return };
        if !self.segments.iter().any(|segment| segment.concerns(stream)) {
            return;
        }
        let upto = upto.min(Position(last));
        if self.trims.get(stream).is_none_or(|old| *old < upto) {
            self.trims.insert(stream.clone(), upto);
            self.unwritten_trims.insert(stream.clone());
        }
    }

    /// The marks that are to go into the next batch.
    pub fn take_trims(&mut self) -> Vec<(StreamName, Position)> {
        let names = std::mem::take(&mut self.unwritten_trims);
        let marks = names.into_iter().filter_map(|name| {
            let upto = *self.trims.get(&name)?;
            Some((name, upto))
        });
        marks.collect()
    }

    /// The oldest segment, where no stream needs it and it is not the one being written.
    pub fn removable(&self) -> Option<Position> {
        let oldest = self.segments.front()?;
        (self.segments.len() > 1 && !self.is_needed(oldest)).then_some(oldest.first)
    }

    /// Forgets the oldest segment, whose file is gone. Forgets the marks of streams that hold
    /// nothing any more, so that deleted workspaces leave no trace.
    pub fn forget(&mut self, first: Position) {
        let oldest = self.segments.pop_front().expect("a segment was removed from the front");
        assert_eq!(oldest.first, first, "segments go oldest first");
        let segments = &self.segments;
        let is_held = |stream: &StreamName| segments.iter().any(|segment| segment.concerns(stream));
        self.trims.retain(|stream, _| is_held(stream));
        self.unwritten_trims.retain(is_held);
    }

    /// Bytes from the oldest segment that a stream needs to the end of the log.
    pub fn pinned_bytes(&self) -> u64 {
        let needed = self.segments.iter().position(|segment| self.is_needed(segment));
        needed.map_or(0, |from| self.segments.range(from..).map(|segment| segment.bytes).sum())
    }

    /// Streams with records that are not trimmed.
    pub fn streams(&self) -> Vec<StreamName> {
        let mut found = BTreeSet::new();
        for segment in &self.segments {
            found.extend(segment.streams.keys().filter(|stream| self.needs(stream, segment)));
        }
        found.into_iter().cloned().collect()
    }

    /// For each stream the oldest position it still needs, oldest first.
    pub fn pins(&self) -> Vec<(Position, StreamName)> {
        let mut pins: BTreeMap<StreamName, Position> = BTreeMap::new();
        for segment in &self.segments {
            for (stream, entries) in &segment.streams {
                let at = |entry: &Entry| Position(segment.first.0 + u64::from(entry.ordinal));
                let trim = self.trims.get(stream);
                let trimmed = entries.partition_point(|e| trim.is_some_and(|trim| at(e) <= *trim));
                if let Some(oldest) = entries.get(trimmed) {
                    pins.entry(stream.clone()).or_insert(at(oldest));
                }
            }
        }
        let mut pins: Vec<_> = pins.into_iter().map(|(stream, at)| (at, stream)).collect();
        pins.sort_unstable();
        pins
    }

    fn is_needed(&self, segment: &SegmentIndex) -> bool {
        segment.streams.keys().any(|stream| self.needs(stream, segment))
            || segment.damage.iter().any(|damage| self.may_matter(damage))
    }

    /// Whether somebody may still have to be told of this damage.
    fn may_matter(&self, damage: &Damage) -> bool {
        let is_behind = |stream| self.trims.get(stream).is_some_and(|trim| *trim >= damage.upto);
        if let Some(stream) = &damage.stream {
            return !is_behind(stream);
        }
        let mut streams =
            self.segments.iter().flat_map(|segment| segment.streams.keys()).peekable();
        // Where nothing but damage is left, nobody had a chance to hear of it.
        streams.peek().is_none() || !streams.all(is_behind)
    }

    fn needs(&self, stream: &StreamName, segment: &SegmentIndex) -> bool {
        segment.last_of(stream).is_some_and(|last| self.trims.get(stream).is_none_or(|t| *t < last))
    }
}
