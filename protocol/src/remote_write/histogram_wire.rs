//! Native histograms on the wire, alike in 1.0 and 2.0.
//!
//! Integer histograms carry deltas between buckets; they are read into absolute float counts, which
//! is what the store keeps and the query engine computes with.

use std::sync::Arc;

use crate::histogram::{FloatHistogram, ResetHint, Span};
use crate::remote_write::wire::{
    Reader, WireError, put_double, put_message, put_packed_doubles, put_sint, put_tag, put_uint,
    put_varint,
};
use crate::sample::HistogramSample;

/// Most buckets of one side: beyond any sane histogram, small enough to bound memory.
pub const BUCKETS_MAX: usize = 65_536;

/// Reads one histogram; spans and buckets are compared by the caller with [`check`].
pub fn read(message: &[u8]) -> Result<HistogramSample, WireError> {
    let mut histogram = FloatHistogram::default();
    let mut timestamp_ms = 0;
    let (mut negative_deltas, mut positive_deltas) = (Vec::new(), Vec::new());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => histogram.count = field.uint()? as f64,
            2 => histogram.count = field.double()?,
            3 => histogram.sum = field.double()?,
            4 => histogram.schema = field.sint()? as i32,
            5 => histogram.zero_threshold = field.double()?,
            6 => histogram.zero_count = field.uint()? as f64,
            7 => histogram.zero_count = field.double()?,
            8 => histogram.negative_spans.push(read_span(field.bytes()?)?),
            9 => field.each_uint(|raw| negative_deltas.push(raw))?,
            10 => field.each_double(|count| histogram.negative_buckets.push(count))?,
            11 => histogram.positive_spans.push(read_span(field.bytes()?)?),
            12 => field.each_uint(|raw| positive_deltas.push(raw))?,
            13 => field.each_double(|count| histogram.positive_buckets.push(count))?,
            14 => histogram.reset_hint = reset_hint(field.uint()?),
            15 => timestamp_ms = field.int()?,
            16 => field.each_double(|bound| histogram.custom_values.push(bound))?,
            _ => {}
        }
    }
    add_deltas(&negative_deltas, &mut histogram.negative_buckets);
    add_deltas(&positive_deltas, &mut histogram.positive_buckets);
    Ok(HistogramSample { timestamp_ms, histogram: Arc::new(histogram) })
}

fn add_deltas(deltas: &[u64], buckets: &mut Vec<f64>) {
    let mut count = 0i64;
    buckets.extend(deltas.iter().map(|&raw| {
        let delta = (raw >> 1) as i64 ^ -((raw & 1) as i64);
        count = count.wrapping_add(delta);
        count as f64
    }));
}

fn read_span(message: &[u8]) -> Result<Span, WireError> {
    let mut span = Span::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span.offset = field.sint()? as i32,
            2 => span.length = field.uint()? as u32,
            _ => {}
        }
    }
    Ok(span)
}

fn reset_hint(number: u64) -> ResetHint {
    match number {
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

/// Whether spans and buckets agree; `Err` says what does not.
pub fn check(histogram: &FloatHistogram) -> Result<(), String> {
    for (side, spans, buckets) in [
        ("positive", &histogram.positive_spans, &histogram.positive_buckets),
        ("negative", &histogram.negative_spans, &histogram.negative_buckets),
    ] {
        let named: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
        if buckets.len() > BUCKETS_MAX || named > BUCKETS_MAX as u64 {
            return Err(format!("{side} side has more than {BUCKETS_MAX} buckets"));
        }
        if named != buckets.len() as u64 {
            return Err(format!("{side} spans name {named} buckets, there are {}", buckets.len()));
        }
    }
    Ok(())
}

/// Appends one histogram as field `number`, with float counts.
pub fn put(out: &mut Vec<u8>, number: u32, sample: &HistogramSample) {
    let histogram = &sample.histogram;
    put_message(out, number, |out| {
        // A one-of is written even where it is zero: its presence says "float histogram".
        put_tag(out, 2, 1);
        out.extend_from_slice(&histogram.count.to_le_bytes());
        put_double(out, 3, histogram.sum);
        put_sint(out, 4, i64::from(histogram.schema));
        put_double(out, 5, histogram.zero_threshold);
        put_tag(out, 7, 1);
        out.extend_from_slice(&histogram.zero_count.to_le_bytes());
        histogram.negative_spans.iter().for_each(|span| put_span(out, 8, *span));
        put_packed_doubles(out, 10, &histogram.negative_buckets);
        histogram.positive_spans.iter().for_each(|span| put_span(out, 11, *span));
        put_packed_doubles(out, 13, &histogram.positive_buckets);
        let hint = match histogram.reset_hint {
            ResetHint::Unknown => 0,
            ResetHint::Reset => 1,
            ResetHint::NotReset => 2,
            ResetHint::Gauge => 3,
        };
        put_uint(out, 14, hint);
        if sample.timestamp_ms != 0 {
            put_tag(out, 15, 0);
            put_varint(out, sample.timestamp_ms as u64);
        }
        put_packed_doubles(out, 16, &histogram.custom_values);
    });
}

fn put_span(out: &mut Vec<u8>, number: u32, span: Span) {
    put_message(out, number, |out| {
        put_sint(out, 1, i64::from(span.offset));
        put_uint(out, 2, u64::from(span.length));
    });
}
