//! One series of the head: its newest samples, compressed.
//!
//! Samples in order of time grow in one open buffer and are sealed into chunks; those out of order
//! wait in a short sorted list. A cut freezes what is there, so that a flush can write it out while
//! new samples arrive; the frozen part stays readable until the flush is over.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use protocol::sample::{HistogramSample, Sample};

use crate::histogram_codec;
use crate::sample_codec::{self, SampleEncoder};
use crate::wire::{Malformed, Reader};

/// Samples of a sealed chunk: an hour at 15 s. Longer chunks cost short queries, shorter ones
/// memory.
const CHUNK_SAMPLES_MAX: u32 = 240;
/// Late samples that wait uncompressed: inserting moves at most half of 8 KiB.
const LATE_MAX: usize = 512;
/// Histograms that wait uncompressed.
const HISTOGRAMS_OPEN_MAX: usize = 16;

/// Compressed samples that change no more.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Oldest timestamp.
    pub min_ms: i64,
    /// Newest timestamp.
    pub max_ms: i64,
    /// How many.
    pub count: u32,
    /// By [`sample_codec`], or by [`histogram_codec`].
    pub bytes: Arc<[u8]>,
}

impl Chunk {
    fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        self.min_ms <= to_ms && from_ms <= self.max_ms
    }
}

/// What a reader takes from a series: it never changes.
#[derive(Clone, Debug, Default)]
pub struct HeadPart {
    /// Numbers; chunks may overlap.
    pub chunks: Vec<Chunk>,
    /// Native histograms; chunks may overlap.
    pub histogram_chunks: Vec<Chunk>,
}

impl HeadPart {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.histogram_chunks.is_empty()
    }

    /// Bytes of the compressed chunks.
    pub fn bytes(&self) -> u64 {
        let all = self.chunks.iter().chain(&self.histogram_chunks);
        all.map(|chunk| chunk.bytes.len() as u64).sum()
    }

    /// Appends the samples of the range, in no order and with repetitions.
    pub fn read(
        &self,
        from_ms: i64,
        to_ms: i64,
        samples: &mut Vec<Sample>,
        histograms: &mut Vec<HistogramSample>,
    ) -> Result<(), Malformed> {
        for chunk in self.chunks.iter().filter(|chunk| chunk.overlaps(from_ms, to_ms)) {
            sample_codec::decode(&chunk.bytes, chunk.count, from_ms, to_ms, samples)?;
        }
        for chunk in self.histogram_chunks.iter().filter(|chunk| chunk.overlaps(from_ms, to_ms)) {
            let mut reader = Reader::new(&chunk.bytes);
            histogram_codec::decode(&mut reader, chunk.count as usize, |sample| {
                if (from_ms..=to_ms).contains(&sample.timestamp_ms) {
                    histograms.push(sample);
                }
            })?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Buffer {
    open: SampleEncoder,
    sealed: Vec<Chunk>,
    late: Vec<Sample>,
    histograms: Option<Box<HistogramBuffer>>,
}

#[derive(Debug, Default)]
struct HistogramBuffer {
    open: Vec<HistogramSample>,
    sealed: Vec<Chunk>,
}

#[derive(Debug, Default)]
struct State {
    cut: u32,
    /// The cut in which it last got a sample.
    touched: u32,
    newest: Option<Sample>,
    buffer: Buffer,
    frozen: Option<Box<Buffer>>,
}

/// One series.
#[derive(Debug)]
pub struct Series {
    /// Its number in the head, and in the log of this epoch.
    pub id: u32,
    /// Symbols of its labels: name, value, name, value, in order of the names.
    pub symbols: Box<[u32]>,
    logged_epoch: AtomicU32,
    state: Mutex<State>,
}

/// What a series holds at a timestamp.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// A number.
    Number(f64),
    /// A native histogram.
    Histogram(HistogramSample),
}

impl Series {
    /// A series without samples.
    pub fn new(id: u32, symbols: Box<[u32]>) -> Self {
        Self { id, symbols, logged_epoch: AtomicU32::new(0), state: Mutex::default() }
    }

    /// Whether the log of this epoch spells out the labels. Epochs count from 1.
    pub fn is_logged(&self, epoch: u32) -> bool {
        self.logged_epoch.load(Ordering::Relaxed) == epoch
    }

    /// A record of this epoch with the labels is durable.
    pub fn set_logged(&self, epoch: u32) {
        self.logged_epoch.store(epoch, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds a series")
    }

    /// The newest timestamp ever put here.
    pub fn newest_ms(&self) -> Option<i64> {
        self.state().newest.map(|sample| sample.timestamp_ms)
    }

    /// What the head holds at a timestamp.
    pub fn held_at(&self, timestamp_ms: i64) -> Held {
        let state = self.state();
        match state.newest {
            None => return Held::Nothing,
            Some(newest) if timestamp_ms > newest.timestamp_ms => return Held::Nothing,
            Some(newest) if timestamp_ms == newest.timestamp_ms && !state.has_histograms() => {
                return Held::Number(newest.value);
            }
            Some(_) => {}
        }
        let part = state.part(timestamp_ms, timestamp_ms);
        drop(state);
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        part.read(timestamp_ms, timestamp_ms, &mut samples, &mut histograms)
            .expect("the head's own chunks decode");
        if let Some(histogram) = histograms.pop() {
            return Held::Histogram(histogram);
        }
        let greatest =
            samples.iter().max_by(|a, b| crate::precedence::compare_values(a.value, b.value));
        greatest.map_or(Held::Nothing, |sample| Held::Number(sample.value))
    }

    /// Puts samples in; gives by how many bytes the series grew (or shrank, where a chunk was
    /// sealed).
    pub fn push(&self, samples: &[Sample], histograms: &[HistogramSample], cut: u32) -> i64 {
        let mut state = self.state();
        state.freeze(cut);
        state.touched = cut;
        let before = state.buffer.bytes();
        for sample in samples {
            state.buffer.push(*sample);
            if state.newest.is_none_or(|newest| newest.timestamp_ms < sample.timestamp_ms) {
                state.newest = Some(*sample);
            }
        }
        for sample in histograms {
            state.buffer.push_histogram(sample.clone());
            if state.newest.is_none_or(|newest| newest.timestamp_ms < sample.timestamp_ms) {
                let value = sample.histogram.sum;
                state.newest = Some(Sample { timestamp_ms: sample.timestamp_ms, value });
            }
        }
        state.buffer.bytes() as i64 - before as i64
    }

    /// Everything of a range, frozen parts included.
    pub fn part(&self, from_ms: i64, to_ms: i64) -> HeadPart {
        self.state().part(from_ms, to_ms)
    }

    /// Whether it holds a sample of the range.
    pub fn has_samples(&self, from_ms: i64, to_ms: i64) -> bool {
        let state = self.state();
        let frozen = state.frozen.as_ref();
        state.buffer.overlaps(from_ms, to_ms)
            || frozen.is_some_and(|frozen| frozen.overlaps(from_ms, to_ms))
    }

    /// Freezes what was put in before `cut` and gives it.
    pub fn freeze(&self, cut: u32) -> HeadPart {
        let mut state = self.state();
        state.freeze(cut);
        let mut part = HeadPart::default();
        if let Some(frozen) = &state.frozen {
            frozen.add_to(&mut part, i64::MIN, i64::MAX);
        }
        part
    }

    /// Forgets what is frozen: blocks hold it now. Gives the bytes that remain.
    pub fn forget_frozen(&self) -> usize {
        let mut state = self.state();
        state.frozen = None;
        state.buffer.bytes()
    }

    /// Whether it holds nothing and got no sample in this cut nor in the one before.
    pub fn is_idle(&self, cut: u32) -> bool {
        let state = self.state();
        state.frozen.is_none() && state.buffer.is_empty() && state.touched + 1 < cut
    }

    /// Takes over what another holds that is about to be dropped.
    pub fn take_over(&self, other: &Self) {
        *self.state() = std::mem::take(&mut other.state());
    }

    /// The oldest timestamp that is held.
    pub fn oldest_ms(&self) -> Option<i64> {
        let state = self.state();
        let frozen = state.frozen.as_ref().and_then(|frozen| frozen.oldest_ms());
        frozen.into_iter().chain(state.buffer.oldest_ms()).min()
    }
}

impl State {
    fn freeze(&mut self, cut: u32) {
        if self.cut == cut {
            return;
        }
        self.cut = cut;
        if self.buffer.is_empty() {
            return;
        }
        let buffer = std::mem::take(&mut self.buffer);
        match &mut self.frozen {
            None => self.frozen = Some(Box::new(buffer)),
            // A flush failed and is tried again.
            Some(frozen) => frozen.absorb(buffer),
        }
    }

    fn has_histograms(&self) -> bool {
        self.buffer.histograms.is_some()
            || self.frozen.as_ref().is_some_and(|frozen| frozen.histograms.is_some())
    }

    fn part(&self, from_ms: i64, to_ms: i64) -> HeadPart {
        let mut part = HeadPart::default();
        if let Some(frozen) = &self.frozen {
            frozen.add_to(&mut part, from_ms, to_ms);
        }
        self.buffer.add_to(&mut part, from_ms, to_ms);
        part
    }
}

impl Buffer {
    fn is_empty(&self) -> bool {
        self.open.is_empty()
            && self.sealed.is_empty()
            && self.late.is_empty()
            && self.histograms.is_none()
    }

    fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        let open = match (self.open.first_timestamp(), self.open.last()) {
            (Some(first), Some(last)) => first <= to_ms && from_ms <= last.timestamp_ms,
            _ => false,
        };
        let histograms = self.histograms.iter();
        open || self.sealed.iter().any(|chunk| chunk.overlaps(from_ms, to_ms))
            || self.late.iter().any(|s| (from_ms..=to_ms).contains(&s.timestamp_ms))
            || histograms.clone().flat_map(|h| &h.sealed).any(|c| c.overlaps(from_ms, to_ms))
            || histograms.flat_map(|h| &h.open).any(|s| (from_ms..=to_ms).contains(&s.timestamp_ms))
    }

    fn oldest_ms(&self) -> Option<i64> {
        let histograms = self.histograms.iter();
        let sealed = self.sealed.iter().chain(histograms.clone().flat_map(|h| &h.sealed));
        sealed
            .map(|chunk| chunk.min_ms)
            .chain(self.open.first_timestamp())
            .chain(self.late.first().map(|sample| sample.timestamp_ms))
            .chain(histograms.flat_map(|h| &h.open).map(|sample| sample.timestamp_ms))
            .min()
    }

    fn bytes(&self) -> usize {
        let chunks = |chunks: &[Chunk]| {
            chunks.iter().map(|chunk| chunk.bytes.len() + size_of::<Chunk>()).sum::<usize>()
        };
        let histograms = self.histograms.as_ref().map_or(0, |histograms| {
            // An uncompressed histogram: the struct, some spans, a few dozen buckets.
            chunks(&histograms.sealed) + histograms.open.len() * 600
        });
        self.open.capacity()
            + chunks(&self.sealed)
            + self.late.len() * size_of::<Sample>()
            + histograms
    }

    fn push(&mut self, sample: Sample) {
        let last = self.open.last().map(|last| last.timestamp_ms);
        let sealed = self.sealed.last().map(|chunk| chunk.max_ms);
        if last.or(sealed).is_none_or(|newest| newest < sample.timestamp_ms) {
            self.open.push(sample.timestamp_ms, sample.value);
            if self.open.count() >= CHUNK_SAMPLES_MAX {
                self.seal();
            }
        } else {
            self.push_late(sample);
        }
    }

    // Takes the samples of a later buffer; it gets no further ones itself.
    fn absorb(&mut self, later: Self) {
        let mut part = HeadPart::default();
        later.add_to(&mut part, i64::MIN, i64::MAX);
        self.sealed.extend(part.chunks);
        if !part.histogram_chunks.is_empty() {
            self.histograms.get_or_insert_default().sealed.extend(part.histogram_chunks);
        }
    }

    fn seal(&mut self) {
        let chunk = chunk_of(&mut self.open);
        self.sealed.push(chunk);
    }

    fn push_late(&mut self, sample: Sample) {
        match self.late.binary_search_by_key(&sample.timestamp_ms, |held| held.timestamp_ms) {
            Ok(at) => {
                if crate::precedence::compare_values(self.late[at].value, sample.value).is_lt() {
                    self.late[at] = sample;
                }
            }
            Err(at) => self.late.insert(at, sample),
        }
        if self.late.len() >= LATE_MAX {
            // In front, so that the newest sealed chunk of the ordered ones stays the last.
            self.sealed.insert(0, chunk_of_sorted(&self.late));
            self.late = Vec::new();
        }
    }

    fn push_histogram(&mut self, sample: HistogramSample) {
        let buffer = self.histograms.get_or_insert_default();
        buffer.open.push(sample);
        if buffer.open.len() >= HISTOGRAMS_OPEN_MAX {
            let open = std::mem::take(&mut buffer.open);
            buffer.sealed.push(histogram_chunk(open));
        }
    }

    fn add_to(&self, part: &mut HeadPart, from_ms: i64, to_ms: i64) {
        let in_range = |chunk: &&Chunk| chunk.overlaps(from_ms, to_ms);
        part.chunks.extend(self.sealed.iter().filter(in_range).cloned());
        if let (Some(min_ms), Some(last)) = (self.open.first_timestamp(), self.open.last())
            && min_ms <= to_ms
            && from_ms <= last.timestamp_ms
        {
            part.chunks.push(Chunk {
                min_ms,
                max_ms: last.timestamp_ms,
                count: self.open.count(),
                bytes: self.open.snapshot().into(),
            });
        }
        if !self.late.is_empty() {
            part.chunks.extend(Some(chunk_of_sorted(&self.late)).filter(|c| in_range(&c)));
        }
        if let Some(histograms) = &self.histograms {
            part.histogram_chunks.extend(histograms.sealed.iter().filter(in_range).cloned());
            if !histograms.open.is_empty() {
                let open = histogram_chunk(histograms.open.clone());
                part.histogram_chunks.extend(Some(open).filter(|c| in_range(&c)));
            }
        }
    }
}

fn chunk_of(encoder: &mut SampleEncoder) -> Chunk {
    let min_ms = encoder.first_timestamp().expect("a chunk holds a sample");
    let max_ms = encoder.last().expect("a chunk holds a sample").timestamp_ms;
    let count = encoder.count();
    Chunk { min_ms, max_ms, count, bytes: encoder.take().into() }
}

fn chunk_of_sorted(samples: &[Sample]) -> Chunk {
    let mut encoder = SampleEncoder::default();
    for sample in samples {
        encoder.push(sample.timestamp_ms, sample.value);
    }
    chunk_of(&mut encoder)
}

fn histogram_chunk(mut histograms: Vec<HistogramSample>) -> Chunk {
    histograms.sort_by_key(|sample| sample.timestamp_ms);
    let mut bytes = Vec::new();
    histogram_codec::encode(&histograms, &mut bytes);
    Chunk {
        min_ms: histograms.first().expect("a chunk holds a histogram").timestamp_ms,
        max_ms: histograms.last().expect("a chunk holds a histogram").timestamp_ms,
        count: histograms.len() as u32,
        bytes: bytes.into(),
    }
}
