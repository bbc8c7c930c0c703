//! One batch as a record of the commit log.
//!
//! Series are numbers that the record which first uses them in an epoch spells out, so a sample
//! costs a few bytes. An epoch begins when the head is cut or the process starts; what a reader has
//! not skipped is always self-contained. docs/formats/samples_record.md draws the bytes.

use bytes::Bytes;
use protocol::labels::Labels;
use protocol::sample::{Exemplar, HistogramSample, Metadata, MetricType, Sample};

use crate::error::TsdbError;
use crate::histogram_codec;
use crate::label_codec::{LabelReader, LabelWriter};
use crate::wire::{Malformed, Reader, put_f64, put_signed, put_text, put_varint, unzigzag, zigzag};

/// The first bytes of every record.
pub const MAGIC: [u8; 4] = *b"HSMP";
/// The version written here; older ones are read, newer ones refused.
pub const VERSION: u8 = 1;

/// The number of series that are not in the head: exemplars stand with it, and nothing else.
pub const NO_SERIES: u32 = u32::MAX;

const DEFINED: u64 = 1;
const HAS_HISTOGRAMS: u64 = 2;
const HAS_EXEMPLARS: u64 = 4;
const FLAG_BITS: u32 = 3;

/// Integers up to here are exact in a float, and leave room for the two tag bits.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
const TAG_WHOLE: u64 = 0;
const TAG_BITS: u64 = 1;
const TAG_STALE: u64 = 2;

/// What one series gets from a record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSeries {
    /// Its number in the record's epoch.
    pub reference: u32,
    /// Its labels, where the record spells them out.
    pub labels: Option<Labels>,
    /// Numbers.
    pub samples: Vec<Sample>,
    /// Native histograms.
    pub histograms: Vec<HistogramSample>,
    /// Exemplars.
    pub exemplars: Vec<Exemplar>,
}

/// A record as it comes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// References mean the same only within one epoch.
    pub epoch: u64,
    /// In the order they were written.
    pub series: Vec<RecordSeries>,
    /// By metric family.
    pub metadata: Vec<(String, Metadata)>,
}

/// Writes one record.
pub struct RecordWriter {
    bytes: Vec<u8>,
    labels: LabelWriter,
    reference: u32,
    timestamp: i64,
}

impl RecordWriter {
    /// A record with room for `size` bytes.
    pub fn new(epoch: u64, series: usize, size: usize) -> Self {
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        put_varint(&mut bytes, epoch);
        put_varint(&mut bytes, series as u64);
        Self { bytes, labels: LabelWriter::default(), reference: 0, timestamp: 0 }
    }

    /// Appends one series, as many times as [`Self::new`] was told.
    pub fn series(
        &mut self,
        reference: u32,
        labels: Option<&Labels>,
        samples: &[Sample],
        histograms: &[HistogramSample],
        exemplars: &[Exemplar],
    ) {
        put_signed(&mut self.bytes, i64::from(reference) - i64::from(self.reference));
        self.reference = reference;
        let mut head = (samples.len() as u64) << FLAG_BITS;
        head |= if labels.is_some() { DEFINED } else { 0 };
        head |= if histograms.is_empty() { 0 } else { HAS_HISTOGRAMS };
        head |= if exemplars.is_empty() { 0 } else { HAS_EXEMPLARS };
        put_varint(&mut self.bytes, head);
        if let Some(labels) = labels {
            self.labels.put(&mut self.bytes, labels);
        }
        for sample in samples {
            self.timestamp(sample.timestamp_ms);
            put_value(&mut self.bytes, sample.value);
        }
        if !histograms.is_empty() {
            put_varint(&mut self.bytes, histograms.len() as u64);
            histogram_codec::encode(histograms, &mut self.bytes);
        }
        if !exemplars.is_empty() {
            put_varint(&mut self.bytes, exemplars.len() as u64);
        }
        for exemplar in exemplars {
            self.timestamp(exemplar.timestamp_ms);
            put_f64(&mut self.bytes, exemplar.value);
            self.labels.put(&mut self.bytes, &exemplar.labels);
        }
    }

    /// Appends the metadata and ends the record.
    pub fn finish(mut self, metadata: &[(String, Metadata)]) -> Bytes {
        put_varint(&mut self.bytes, metadata.len() as u64);
        for (family, metadata) in metadata {
            put_metadata(&mut self.bytes, family, metadata);
        }
        self.bytes.into()
    }

    fn timestamp(&mut self, timestamp: i64) {
        put_signed(&mut self.bytes, timestamp.wrapping_sub(self.timestamp));
        self.timestamp = timestamp;
    }
}

/// Metadata of one family, as records and blocks hold it.
pub fn put_metadata(out: &mut Vec<u8>, family: &str, metadata: &Metadata) {
    put_text(out, family);
    out.push(type_code(metadata.metric_type));
    put_text(out, &metadata.help);
    put_text(out, &metadata.unit);
}

/// The inverse of [`put_metadata`].
pub fn read_metadata(reader: &mut Reader<'_>) -> Result<(String, Metadata), Malformed> {
    let family = reader.text()?.to_owned();
    let metric_type = metric_type(reader.byte()?)?;
    let help = reader.text()?.to_owned();
    let unit = reader.text()?.to_owned();
    Ok((family, Metadata { metric_type, help, unit }))
}

/// Reads a record. `what` names it in errors.
pub fn decode(bytes: &[u8], what: &str) -> Result<Record, TsdbError> {
    let malformed = |cause| TsdbError::malformed(what, cause);
    let mut reader = Reader::new(bytes);
    if reader.take(MAGIC.len()).map_err(malformed)? != MAGIC {
        return Err(malformed(Malformed("it is no record of samples")));
    }
    let version = reader.byte().map_err(malformed)?;
    if version > VERSION {
        let (found, known) = (version.into(), VERSION.into());
        return Err(TsdbError::TooNew { what: what.into(), found, known });
    }
    if version == 0 {
        return Err(malformed(Malformed("there is no format version 0")));
    }
    RecordReader { reader, labels: LabelReader::default(), reference: 0, timestamp: 0 }
        .record()
        .map_err(malformed)
}

struct RecordReader<'a> {
    reader: Reader<'a>,
    labels: LabelReader<'a>,
    reference: u32,
    timestamp: i64,
}

impl RecordReader<'_> {
    fn record(mut self) -> Result<Record, Malformed> {
        let epoch = self.reader.varint()?;
        let count = self.reader.count(2)?;
        let mut series = Vec::with_capacity(count);
        for _ in 0..count {
            series.push(self.series()?);
        }
        let count = self.reader.count(4)?;
        let metadata =
            (0..count).map(|_| read_metadata(&mut self.reader)).collect::<Result<_, _>>()?;
        if !self.reader.is_empty() {
            return Err(Malformed("bytes follow its end"));
        }
        Ok(Record { epoch, series, metadata })
    }

    fn series(&mut self) -> Result<RecordSeries, Malformed> {
        let reference = i64::from(self.reference).wrapping_add(self.reader.signed()?);
        self.reference =
            reference.try_into().map_err(|_| Malformed("a series number is out of range"))?;
        let head = self.reader.varint()?;
        let labels =
            if head & DEFINED == 0 { None } else { Some(self.labels.read(&mut self.reader)?) };
        let count = head >> FLAG_BITS;
        if count > self.reader.rest().len() as u64 {
            return Err(Malformed("a count is larger than what follows"));
        }
        let mut samples = Vec::with_capacity(count as usize / 2);
        for _ in 0..count {
            let timestamp_ms = self.timestamp()?;
            samples.push(Sample { timestamp_ms, value: read_value(&mut self.reader)? });
        }
        let mut histograms = Vec::new();
        if head & HAS_HISTOGRAMS != 0 {
            let count = self.reader.count(2)?;
            histogram_codec::decode(&mut self.reader, count, |sample| histograms.push(sample))?;
        }
        let mut exemplars = Vec::new();
        if head & HAS_EXEMPLARS != 0 {
            for _ in 0..self.reader.count(10)? {
                exemplars.push(self.exemplar()?);
            }
        }
        Ok(RecordSeries { reference: self.reference, labels, samples, histograms, exemplars })
    }

    fn exemplar(&mut self) -> Result<Exemplar, Malformed> {
        let timestamp_ms = self.timestamp()?;
        let value = self.reader.f64()?;
        Ok(Exemplar { labels: self.labels.read(&mut self.reader)?, value, timestamp_ms })
    }

    fn timestamp(&mut self) -> Result<i64, Malformed> {
        self.timestamp = self.timestamp.wrapping_add(self.reader.signed()?);
        Ok(self.timestamp)
    }
}

fn put_value(out: &mut Vec<u8>, value: f64) {
    let whole = value as i64;
    if value.abs() < WHOLE_MAX && (whole as f64).to_bits() == value.to_bits() {
        put_varint(out, zigzag(whole) << 2 | TAG_WHOLE);
    } else if protocol::sample::is_stale_nan(value) {
        put_varint(out, TAG_STALE);
    } else {
        put_varint(out, TAG_BITS);
        put_f64(out, value);
    }
}

fn read_value(reader: &mut Reader<'_>) -> Result<f64, Malformed> {
    let head = reader.varint()?;
    match (head & 3, head >> 2) {
        (TAG_WHOLE, whole) => Ok(unzigzag(whole) as f64),
        (TAG_BITS, 0) => reader.f64(),
        (TAG_STALE, 0) => Ok(protocol::sample::stale_nan()),
        _ => Err(Malformed("a value is of no known kind")),
    }
}

const TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

fn type_code(metric_type: MetricType) -> u8 {
    TYPES.iter().position(|t| *t == metric_type).expect("TYPES lists every metric type") as u8
}

fn metric_type(code: u8) -> Result<MetricType, Malformed> {
    TYPES.get(usize::from(code)).copied().ok_or(Malformed("a metric type is not known"))
}

#[cfg(test)]
mod tests;
