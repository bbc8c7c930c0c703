//! From series to a body, not yet compressed.

use std::collections::HashMap;

use crate::labels::Labels;
use crate::remote_write::Version;
use crate::remote_write::histogram_wire;
use crate::remote_write::wire::{
    put_bytes, put_double, put_message, put_packed, put_tag, put_uint, put_varint,
};
use crate::sample::{Exemplar, MetricType, Sample, TimeSeries};

/// Writes the message of one request.
///
/// 1.0 has no place for custom bucket histograms: the caller leaves those out before.
pub fn encode(series: &[TimeSeries], version: Version) -> Vec<u8> {
    match version {
        Version::V1 => encode_v1(series),
        Version::V2 => encode_v2(series),
    }
}

fn encode_v1(series: &[TimeSeries]) -> Vec<u8> {
    let mut out = Vec::new();
    for one in series {
        put_message(&mut out, 1, |out| {
            put_labels(out, &one.labels);
            one.samples.iter().for_each(|sample| put_sample(out, sample));
            for exemplar in &one.exemplars {
                put_message(out, 3, |out| {
                    put_labels(out, &exemplar.labels);
                    put_exemplar_value(out, exemplar);
                });
            }
            one.histograms.iter().for_each(|sample| histogram_wire::put(out, 4, sample));
        });
    }
    for one in series {
        if let Some(metadata) = &one.metadata {
            put_message(&mut out, 3, |out| {
                put_uint(out, 1, type_number(metadata.metric_type));
                put_bytes(out, 2, one.labels.metric_name().as_bytes());
                put_bytes(out, 4, metadata.help.as_bytes());
                put_bytes(out, 5, metadata.unit.as_bytes());
            });
        }
    }
    out
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    for (name, value) in labels.iter() {
        put_message(out, 1, |out| {
            put_bytes(out, 1, name.as_bytes());
            put_bytes(out, 2, value.as_bytes());
        });
    }
}

fn put_sample(out: &mut Vec<u8>, sample: &Sample) {
    put_message(out, 2, |out| {
        put_double(out, 1, sample.value);
        put_timestamp(out, 2, sample.timestamp_ms);
    });
}

fn put_exemplar_value(out: &mut Vec<u8>, exemplar: &Exemplar) {
    put_double(out, 2, exemplar.value);
    put_timestamp(out, 3, exemplar.timestamp_ms);
}

fn put_timestamp(out: &mut Vec<u8>, number: u32, timestamp_ms: i64) {
    if timestamp_ms != 0 {
        put_tag(out, number, 0);
        put_varint(out, timestamp_ms as u64);
    }
}

/// The symbols of one 2.0 request, each once, the empty string first.
struct Symbols<'a> {
    order: Vec<&'a str>,
    numbers: HashMap<&'a str, u64>,
}

impl<'a> Symbols<'a> {
    fn new() -> Self {
        Self { order: vec![""], numbers: HashMap::from([("", 0)]) }
    }

    fn number(&mut self, text: &'a str) -> u64 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.order.push(text);
            self.order.len() as u64 - 1
        })
    }

    fn references(&mut self, labels: &'a Labels) -> Vec<u64> {
        labels.iter().flat_map(|(name, value)| [self.number(name), self.number(value)]).collect()
    }
}

fn encode_v2(series: &[TimeSeries]) -> Vec<u8> {
    let mut symbols = Symbols::new();
    let mut body = Vec::new();
    for one in series {
        put_message(&mut body, 5, |out| {
            put_packed(out, 1, symbols.references(&one.labels).into_iter());
            one.samples.iter().for_each(|sample| put_sample(out, sample));
            one.histograms.iter().for_each(|sample| histogram_wire::put(out, 3, sample));
            for exemplar in &one.exemplars {
                let references = symbols.references(&exemplar.labels);
                put_message(out, 4, |out| {
                    put_packed(out, 1, references.into_iter());
                    put_exemplar_value(out, exemplar);
                });
            }
            if let Some(metadata) = &one.metadata {
                let (help, unit) = (symbols.number(&metadata.help), symbols.number(&metadata.unit));
                put_message(out, 5, |out| {
                    put_uint(out, 1, type_number(metadata.metric_type));
                    put_uint(out, 3, help);
                    put_uint(out, 4, unit);
                });
            }
        });
    }
    let mut out = Vec::with_capacity(body.len() + symbols.order.len() * 16);
    symbols.order.iter().for_each(|text| put_bytes(&mut out, 4, text.as_bytes()));
    out.extend_from_slice(&body);
    out
}

fn type_number(metric_type: MetricType) -> u64 {
    match metric_type {
        MetricType::Unknown => 0,
        MetricType::Counter => 1,
        MetricType::Gauge => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}
