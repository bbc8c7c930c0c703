//! Native histograms as bytes, each a change of the one before.
//!
//! A run is: per histogram `signed(time change)`, one byte of flags, the layout (schema, zero
//! threshold, spans, custom bounds) where it differs from the last one, then the numbers: counts as
//! signed integer changes where all are whole, as floats else.

use std::sync::Arc;

use protocol::histogram::{FloatHistogram, ResetHint, Span};
use protocol::sample::HistogramSample;

use crate::wire::{Malformed, Reader, put_f64, put_signed, put_varint};

const HINT_MASK: u8 = 0x03;
const NEW_LAYOUT: u8 = 0x04;
const WHOLE_COUNTS: u8 = 0x08;
const FLAGS_KNOWN: u8 = 0x0f;

/// Integers up to here are exact in a float.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// More buckets than any client library makes; bounds what damaged or hostile bytes can allocate.
pub const BUCKETS_MAX: usize = 65_536;

/// Appends a run.
pub fn encode(histograms: &[HistogramSample], out: &mut Vec<u8>) {
    let mut last: Option<&HistogramSample> = None;
    for sample in histograms {
        encode_one(last, sample, out);
        last = Some(sample);
    }
}

/// Reads `count` histograms.
pub fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    mut visit: impl FnMut(HistogramSample),
) -> Result<(), Malformed> {
    let mut last: Option<HistogramSample> = None;
    for _ in 0..count {
        let sample = decode_one(last.as_ref(), reader)?;
        last = Some(sample.clone());
        visit(sample);
    }
    Ok(())
}

/// Bytes that are equal exactly where two histograms are, bit for bit; their order is arbitrary but
/// the same everywhere.
pub fn canonical(sample: &HistogramSample) -> Vec<u8> {
    let mut out = Vec::new();
    encode_one(None, sample, &mut out);
    out
}

/// What contradicts itself in a histogram; `None` where nothing does.
pub fn fault(histogram: &FloatHistogram) -> Option<&'static str> {
    let buckets = |spans: &[Span]| spans.iter().map(|span| u64::from(span.length)).sum::<u64>();
    if buckets(&histogram.positive_spans) != histogram.positive_buckets.len() as u64 {
        return Some("positive spans and buckets differ in number");
    }
    if buckets(&histogram.negative_spans) != histogram.negative_buckets.len() as u64 {
        return Some("negative spans and buckets differ in number");
    }
    let lists = [
        histogram.positive_buckets.len(),
        histogram.negative_buckets.len(),
        histogram.positive_spans.len(),
        histogram.negative_spans.len(),
        histogram.custom_values.len(),
    ];
    lists.iter().any(|&len| len > BUCKETS_MAX).then_some("more than 65536 buckets")
}

fn encode_one(last: Option<&HistogramSample>, sample: &HistogramSample, out: &mut Vec<u8>) {
    let histogram = &*sample.histogram;
    let before = last.map(|last| &*last.histogram);
    let new_layout = before.is_none_or(|before| !same_layout(before, histogram));
    let base = if new_layout { None } else { before };
    let whole = numbers(histogram).all(is_whole) && base.is_none_or(|b| numbers(b).all(is_whole));
    put_signed(out, sample.timestamp_ms.wrapping_sub(last.map_or(0, |last| last.timestamp_ms)));
    let mut flags = hint_code(histogram.reset_hint);
    flags |= if new_layout { NEW_LAYOUT } else { 0 };
    flags |= if whole { WHOLE_COUNTS } else { 0 };
    out.push(flags);
    if new_layout {
        put_layout(out, histogram);
    }
    put_f64(out, histogram.sum);
    if whole {
        let mut bases = base.into_iter().flat_map(numbers);
        for number in numbers(histogram) {
            put_signed(out, number as i64 - bases.next().map_or(0, |base| base as i64));
        }
    } else {
        numbers(histogram).for_each(|number| put_f64(out, number));
    }
}

fn decode_one(
    last: Option<&HistogramSample>,
    reader: &mut Reader<'_>,
) -> Result<HistogramSample, Malformed> {
    let timestamp_ms = last.map_or(0, |last| last.timestamp_ms).wrapping_add(reader.signed()?);
    let flags = reader.byte()?;
    if flags & !FLAGS_KNOWN != 0 {
        return Err(Malformed("a histogram has unknown flags"));
    }
    let before = last.map(|last| &*last.histogram);
    let base = if flags & NEW_LAYOUT == 0 { before } else { None };
    let mut histogram = match (flags & NEW_LAYOUT != 0, before) {
        (true, _) => read_layout(reader)?,
        (false, Some(before)) => before.clone(),
        (false, None) => return Err(Malformed("the first histogram has no layout")),
    };
    histogram.reset_hint = hint(flags & HINT_MASK);
    histogram.sum = reader.f64()?;
    let whole = flags & WHOLE_COUNTS != 0;
    let mut bases = base.into_iter().flat_map(numbers);
    for number in numbers_mut(&mut histogram) {
        *number = if whole {
            let base = bases.next().map_or(0, |base| base as i64);
            base.wrapping_add(reader.signed()?) as f64
        } else {
            reader.f64()?
        };
    }
    Ok(HistogramSample { timestamp_ms, histogram: Arc::new(histogram) })
}

fn numbers(histogram: &FloatHistogram) -> impl Iterator<Item = f64> {
    [histogram.count, histogram.zero_count]
        .into_iter()
        .chain(histogram.positive_buckets.iter().copied())
        .chain(histogram.negative_buckets.iter().copied())
}

fn numbers_mut(histogram: &mut FloatHistogram) -> impl Iterator<Item = &mut f64> {
    [&mut histogram.count, &mut histogram.zero_count]
        .into_iter()
        .chain(histogram.positive_buckets.iter_mut())
        .chain(histogram.negative_buckets.iter_mut())
}

fn is_whole(number: f64) -> bool {
    number.abs() < WHOLE_MAX && (number as i64 as f64).to_bits() == number.to_bits()
}

fn same_layout(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    let same_floats = |a: &[f64], b: &[f64]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
    };
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && same_floats(&a.custom_values, &b.custom_values)
}

fn put_layout(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    put_signed(out, histogram.schema.into());
    put_f64(out, histogram.zero_threshold);
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        put_varint(out, spans.len() as u64);
        for span in spans {
            put_signed(out, span.offset.into());
            put_varint(out, span.length.into());
        }
    }
    put_varint(out, histogram.custom_values.len() as u64);
    histogram.custom_values.iter().for_each(|value| put_f64(out, *value));
}

fn read_layout(reader: &mut Reader<'_>) -> Result<FloatHistogram, Malformed> {
    let schema = reader.i32()?;
    let zero_threshold = reader.f64()?;
    let (positive_spans, positive) = read_spans(reader)?;
    let (negative_spans, negative) = read_spans(reader)?;
    let custom = reader.count(8)?;
    let custom_values = (0..custom).map(|_| reader.f64()).collect::<Result<_, _>>()?;
    Ok(FloatHistogram {
        schema,
        zero_threshold,
        positive_spans,
        negative_spans,
        positive_buckets: vec![0.0; positive],
        negative_buckets: vec![0.0; negative],
        custom_values,
        ..FloatHistogram::default()
    })
}

fn read_spans(reader: &mut Reader<'_>) -> Result<(Vec<Span>, usize), Malformed> {
    let count = reader.count(2)?;
    let mut buckets = 0usize;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let span = Span { offset: reader.i32()?, length: reader.u32()? };
        buckets = buckets.saturating_add(span.length as usize);
        spans.push(span);
    }
    if buckets > BUCKETS_MAX {
        return Err(Malformed("a histogram has more than 65536 buckets"));
    }
    Ok((spans, buckets))
}

const fn hint_code(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    }
}

const fn hint(code: u8) -> ResetHint {
    match code & HINT_MASK {
        0 => ResetHint::Unknown,
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        _ => ResetHint::Gauge,
    }
}

#[cfg(test)]
mod tests;
