//! A run of samples as bytes, appended one by one.
//!
//! `signed(first timestamp)`, then one token a sample. Most tokens are one byte: the timestamp
//! keeps
//! its distance and the value, read as a decimal integer, moves a little. Unchanged samples are
//! counted, not written. Lossless: a decimal is used only where it comes back bit for bit, else the
//! changed bytes of the float are written.

use protocol::sample::Sample;

use crate::decimal::{self, EXPONENT_MAX};
use crate::wire::{Malformed, Reader, put_signed, put_varint, unzigzag, zigzag};

const WIDE: u8 = 0x80;
const KIND_SHIFT: u8 = 4;
const HAS_TIME: u8 = 0x08;
const KIND_SAME: u8 = 0;
const KIND_DELTA: u8 = 1;
const KIND_XOR_LOW: u8 = 2;
const KIND_XOR_HIGH: u8 = 3;
const KIND_REPEAT: u8 = 4;
const KIND_DECIMAL: u8 = 5;

/// After so many values that are no short decimals, only the current exponent is tried.
const MISSES_MAX: u8 = 8;

/// What both sides remember between two tokens.
#[derive(Clone, Debug, Default)]
struct State {
    timestamp: i64,
    distance: i64,
    bits: u64,
    mantissa: i64,
    exponent: u8,
}

/// Writes samples whose timestamps grow.
#[derive(Clone, Debug, Default)]
pub struct SampleEncoder {
    bytes: Vec<u8>,
    state: State,
    first_timestamp: i64,
    count: u32,
    repeats: u32,
    misses: u8,
}

impl SampleEncoder {
    /// How many samples were pushed.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The newest sample.
    pub fn last(&self) -> Option<Sample> {
        (self.count > 0).then(|| Sample {
            timestamp_ms: self.state.timestamp,
            value: f64::from_bits(self.state.bits),
        })
    }

    /// The oldest timestamp.
    pub fn first_timestamp(&self) -> Option<i64> {
        (self.count > 0).then_some(self.first_timestamp)
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of memory behind it.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether nothing was pushed.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends a sample that is newer than the last one.
    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        if self.count == 0 {
            self.first_timestamp = timestamp_ms;
            self.state.timestamp = timestamp_ms;
            self.reserve();
            put_signed(&mut self.bytes, timestamp_ms);
        }
        debug_assert!(self.count == 0 || timestamp_ms > self.state.timestamp);
        self.count += 1;
        let distance = timestamp_ms.wrapping_sub(self.state.timestamp);
        let change = distance.wrapping_sub(self.state.distance);
        self.state.timestamp = timestamp_ms;
        self.state.distance = distance;
        if change == 0 && value.to_bits() == self.state.bits {
            self.repeats += 1;
            return;
        }
        self.flush_repeats();
        self.reserve();
        self.put_token(change, value);
    }

    /// Everything pushed so far; more may follow.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 6);
        bytes.extend_from_slice(&self.bytes);
        put_repeats(&mut bytes, self.repeats);
        bytes
    }

    /// Everything pushed; starts anew.
    pub fn take(&mut self) -> Vec<u8> {
        self.flush_repeats();
        std::mem::take(self).bytes
    }

    // Small steps instead of doubling: a million open buffers must not be half empty.
    fn reserve(&mut self) {
        const STEP: usize = 48;
        const TOKEN_BYTES_MAX: usize = 32;
        if self.bytes.capacity() - self.bytes.len() < TOKEN_BYTES_MAX {
            self.bytes.reserve_exact(STEP + self.bytes.len() / 4);
        }
    }

    fn flush_repeats(&mut self) {
        put_repeats(&mut self.bytes, std::mem::take(&mut self.repeats));
    }

    fn put_token(&mut self, change: i64, value: f64) {
        let bits = value.to_bits();
        let xor = bits ^ self.state.bits;
        self.state.bits = bits;
        if xor == 0 {
            return self.put_head(KIND_SAME, 0, change);
        }
        if let Some(whole) = decimal::to_whole(value, self.state.exponent) {
            self.misses = 0;
            return self.put_delta(change, whole);
        }
        if let Some(exponent) = self.search_exponent(value) {
            let whole = decimal::to_whole(value, exponent).expect("the search tried it");
            self.state.exponent = exponent;
            self.state.mantissa = whole;
            self.put_head(KIND_DECIMAL, 0, change);
            self.bytes.push(exponent);
            return put_signed(&mut self.bytes, whole);
        }
        let (low, high) = (xor.leading_zeros() / 8, xor.trailing_zeros() / 8);
        let len = 8 - low.max(high) as usize;
        let little = xor.to_le_bytes();
        if low >= high {
            self.put_head(KIND_XOR_LOW, len as u8 - 1, change);
            self.bytes.extend_from_slice(&little[..len]);
        } else {
            self.put_head(KIND_XOR_HIGH, len as u8 - 1, change);
            self.bytes.extend_from_slice(&little[8 - len..]);
        }
    }

    fn search_exponent(&mut self, value: f64) -> Option<u8> {
        if self.misses >= MISSES_MAX {
            return None;
        }
        let found = decimal::find_exponent(value, 0);
        self.misses = if found.is_some() { 0 } else { self.misses + 1 };
        found
    }

    fn put_delta(&mut self, change: i64, whole: i64) {
        let delta = zigzag(whole - self.state.mantissa);
        self.state.mantissa = whole;
        if change == 0 && delta < u64::from(WIDE) {
            return self.bytes.push(delta as u8);
        }
        self.put_head(KIND_DELTA, 0, change);
        put_varint(&mut self.bytes, delta);
    }

    fn put_head(&mut self, kind: u8, extra: u8, change: i64) {
        let has_time = if change == 0 { 0 } else { HAS_TIME };
        self.bytes.push(WIDE | kind << KIND_SHIFT | has_time | extra);
        if change != 0 {
            put_signed(&mut self.bytes, change);
        }
    }
}

fn put_repeats(bytes: &mut Vec<u8>, repeats: u32) {
    match repeats {
        0 => {}
        1 => bytes.push(WIDE | KIND_SAME << KIND_SHIFT),
        _ => {
            bytes.push(WIDE | KIND_REPEAT << KIND_SHIFT);
            put_varint(bytes, repeats.into());
        }
    }
}

/// Reads what [`SampleEncoder`] wrote, to the end of the bytes.
#[derive(Clone, Debug)]
pub struct SampleDecoder<'a> {
    reader: Reader<'a>,
    state: State,
    repeats: u64,
}

impl<'a> SampleDecoder<'a> {
    /// Reads the first timestamp.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let timestamp = reader.signed()?;
        Ok(Self { reader, state: State { timestamp, ..State::default() }, repeats: 0 })
    }

    /// The next sample; `None` at the end.
    #[inline]
    pub fn next_sample(&mut self) -> Result<Option<Sample>, Malformed> {
        if self.repeats > 0 {
            self.repeats -= 1;
        } else if self.reader.is_empty() {
            return Ok(None);
        } else {
            self.read_token()?;
        }
        self.state.timestamp = self.state.timestamp.wrapping_add(self.state.distance);
        Ok(Some(Sample {
            timestamp_ms: self.state.timestamp,
            value: f64::from_bits(self.state.bits),
        }))
    }

    fn read_token(&mut self) -> Result<(), Malformed> {
        let head = self.reader.byte()?;
        if head < WIDE {
            self.set_whole(self.state.mantissa.wrapping_add(unzigzag(head.into())));
            return Ok(());
        }
        let (kind, extra) = (head >> KIND_SHIFT & 7, usize::from(head & 7));
        if head & HAS_TIME != 0 {
            let change = self.reader.signed()?;
            self.state.distance = self.state.distance.wrapping_add(change);
        }
        match kind {
            KIND_SAME => {}
            KIND_DELTA => {
                let delta = self.reader.signed()?;
                self.set_whole(self.state.mantissa.wrapping_add(delta));
            }
            KIND_XOR_LOW | KIND_XOR_HIGH => {
                let mut little = [0; 8];
                let at = if kind == KIND_XOR_LOW { 0 } else { 7 - extra };
                little[at..=at + extra].copy_from_slice(self.reader.take(extra + 1)?);
                self.state.bits ^= u64::from_le_bytes(little);
            }
            KIND_REPEAT => {
                // A run is at most what one encoder counts; damaged bytes must not make us spin.
                let repeats = u64::from(self.reader.u32()?);
                self.repeats = repeats.checked_sub(1).ok_or(Malformed("a run repeats nothing"))?;
            }
            KIND_DECIMAL => {
                self.state.exponent = self.reader.byte()?;
                if self.state.exponent > EXPONENT_MAX {
                    return Err(Malformed("a decimal exponent is out of range"));
                }
                let whole = self.reader.signed()?;
                self.set_whole(whole);
            }
            _ => return Err(Malformed("a sample token is of no known kind")),
        }
        Ok(())
    }

    #[inline]
    fn set_whole(&mut self, whole: i64) {
        self.state.mantissa = whole;
        self.state.bits = decimal::from_whole(whole, self.state.exponent).to_bits();
    }
}

/// Appends the samples of `from_ms..=to_ms` to `out`.
///
/// `count` is how many samples the bytes hold by what stands beside them; other numbers are damage.
pub fn decode(
    bytes: &[u8],
    count: u32,
    from_ms: i64,
    to_ms: i64,
    out: &mut Vec<Sample>,
) -> Result<(), Malformed> {
    let mut decoder = SampleDecoder::new(bytes)?;
    for _ in 0..count {
        let sample = decoder.next_sample()?.ok_or(Malformed("it holds too few samples"))?;
        if sample.timestamp_ms > to_ms {
            return Ok(());
        }
        if sample.timestamp_ms >= from_ms {
            out.push(sample);
        }
    }
    match decoder.next_sample()? {
        None => Ok(()),
        Some(_) => Err(Malformed("it holds too many samples")),
    }
}

#[cfg(test)]
mod tests;
