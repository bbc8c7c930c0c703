//! Reads a whole segment back: good frames, and gaps.
//!
//! Pure. Never fails: whatever the bytes are, it gives the frames whose checksums hold and says
//! where others must have been. What a gap means - a torn end or damage - is for
//! [`crate::recovery`] to say, which also knows whether another segment follows.

use std::ops::Range;

use crate::commit_log::Position;
use crate::segment::{
    BATCH_HEADER_LEN, BatchHeader, FRAME_HEADER_LEN, Frame, FrameHeader, FrameKind, HEADER_LEN,
    SegmentHeader,
};

/// Bytes that should be frames and are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first bad byte, from the start of the file.
    pub offset: usize,
    /// The records that are missing. Empty where it is not known that there were any.
    pub positions: Range<u64>,
    /// The stream of the missing record, where its frame header is still good.
    pub stream: Option<u32>,
}

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Good frames in file order.
    pub frames: Vec<Frame>,
    /// Gaps in file order.
    pub gaps: Vec<Gap>,
    /// Where the last good batch header stands; the header's end where there is none. Gaps from
    /// here on may be a torn write, gaps before it cannot.
    pub last_batch: usize,
    /// The position after the last record that is there or known to be missing.
    pub next: Position,
}

/// Scans a segment whose header was read.
pub fn scan(segment: &[u8], header: SegmentHeader) -> Scan {
    let mut scanner = Scanner {
        segment,
        salt: header.salt,
        found: Scan { last_batch: HEADER_LEN, next: header.first, ..Scan::default() },
    };
    let mut offset = HEADER_LEN;
    while offset < segment.len() {
        offset = match scanner.batch_at(offset) {
            Some(batch) => scanner.batch(offset, batch),
            None => scanner.lost_batch(offset),
        };
    }
    scanner.found
}

struct Scanner<'a> {
    segment: &'a [u8],
    salt: u64,
    found: Scan,
}

impl Scanner<'_> {
    /// A batch header that can stand here: good, and not of positions that were already passed.
    fn batch_at(&self, offset: usize) -> Option<BatchHeader> {
        BatchHeader::decode(&self.segment[offset..], self.salt)
            .filter(|batch| batch.first >= self.found.next)
    }

    /// Reads a batch; gives the offset after it.
    fn batch(&mut self, offset: usize, batch: BatchHeader) -> usize {
        if batch.first > self.found.next {
            self.gap(offset, self.found.next.0..batch.first.0, None);
        }
        self.found.last_batch = offset;
        self.found.next = batch.first;
        let end = batch.first.0.saturating_add(u64::from(batch.records));
        let body_end = offset.saturating_add(BATCH_HEADER_LEN).saturating_add(batch.body_len);
        let mut at = offset + BATCH_HEADER_LEN;
        while at < body_end {
            let limit = body_end.min(self.segment.len());
            match self.frame(at, limit, end) {
                Some(next) => at = next,
                None => break,
            }
        }
        if at < body_end || self.found.next.0 < end {
            // The rest of the batch cannot be told apart, or was never written.
            self.gap(at.min(self.segment.len()), self.found.next.0..end, None);
        }
        self.found.next = Position(end.max(self.found.next.0));
        body_end.max(offset + BATCH_HEADER_LEN)
    }

    /// Reads the frame at `at`; the offset of the next, or nothing where the thread is lost.
    fn frame(&mut self, at: usize, limit: usize, end: u64) -> Option<usize> {
        let header = FrameHeader::decode(self.segment.get(at..limit)?, self.salt)?;
        let is_record = header.kind == FrameKind::Record;
        if is_record && self.found.next.0 >= end {
            return None;
        }
        let position = self.found.next;
        let start = at + FRAME_HEADER_LEN;
        let payload = self.segment.get(start..(start + header.len).min(limit)).unwrap_or_default();
        if header.payload_is_good(self.salt, payload) {
            self.push(at, header, position);
        } else {
            let lost = u64::from(is_record);
            self.gap(at, position.0..position.0 + lost, Some(header.stream));
        }
        self.found.next = Position(position.0 + u64::from(is_record));
        Some(start + header.len)
    }

    fn push(&mut self, offset: usize, header: FrameHeader, position: Position) {
        let FrameHeader { len, kind, stream, .. } = header;
        self.found.frames.push(Frame { offset, len, stream, kind, position });
    }

    /// No batch header where one should be: looks for the next one.
    fn lost_batch(&mut self, offset: usize) -> usize {
        let found = (offset + 1..self.segment.len()).find_map(|at| {
            // Checked byte by byte only where the first letter fits: this is the rare path.
            (self.segment[at] == b'B').then(|| self.batch_at(at)).flatten().map(|b| (at, b.first))
        });
        let (at, first) = found.unwrap_or((self.segment.len(), self.found.next));
        self.gap(offset, self.found.next.0..first.0, None);
        self.found.next = first;
        at
    }

    fn gap(&mut self, offset: usize, positions: Range<u64>, stream: Option<u32>) {
        self.found.gaps.push(Gap { offset, positions, stream });
    }
}
