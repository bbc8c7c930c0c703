//! From a decompressed body to series.

use crate::labels::{Label, Labels};
use crate::remote_write::histogram_wire;
use crate::remote_write::labels_wire::{SeriesError, build_labels, label};
use crate::remote_write::wire::{Reader, WireError};
use crate::remote_write::{BodyError, Version};
use crate::sample::{Exemplar, Metadata, MetricType, Sample, TimeSeries};

/// What a body held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodedWrite {
    /// The valid series, in the order of the body.
    pub series: Vec<TimeSeries>,
    /// Why other series were refused.
    pub refused: Vec<SeriesError>,
    /// What 1.0 says of metric families, apart from series. 2.0 says it with the series.
    pub families: Vec<(String, Metadata)>,
}

/// Reads a decompressed body.
pub fn decode(message: &[u8], version: Version) -> Result<DecodedWrite, BodyError> {
    Ok(match version {
        Version::V1 => decode_v1(message)?,
        Version::V2 => decode_v2(message)?,
    })
}

fn decode_v1(message: &[u8]) -> Result<DecodedWrite, WireError> {
    let mut decoded = DecodedWrite::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => match read_series_v1(field.bytes()?)? {
                Ok(series) => decoded.series.push(series),
                Err(error) => decoded.refused.push(error),
            },
            3 => decoded.families.push(read_family(field.bytes()?)?),
            _ => {}
        }
    }
    Ok(decoded)
}

fn read_series_v1(message: &[u8]) -> Result<Result<TimeSeries, SeriesError>, WireError> {
    let mut labels = Vec::with_capacity(16);
    let mut series = TimeSeries::default();
    let mut exemplar_error = None;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => labels.push(read_label(field.bytes()?)?),
            2 => series.samples.push(read_sample(field.bytes()?)?),
            3 => match read_exemplar_v1(field.bytes()?)? {
                Ok(exemplar) => series.exemplars.push(exemplar),
                Err(error) => exemplar_error = Some(error),
            },
            4 => series.histograms.push(histogram_wire::read(field.bytes()?)?),
            _ => {}
        }
    }
    Ok(finish(series, build_labels(labels, true), exemplar_error))
}

fn decode_v2(message: &[u8]) -> Result<DecodedWrite, WireError> {
    // Symbols may come after the series that use them: gather them first.
    let mut symbols = Vec::new();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 4 {
            symbols.push(field.text()?);
        }
    }
    if symbols.first().is_some_and(|first| !first.is_empty()) {
        return Err(WireError::Shape("the first symbol is not the empty string"));
    }
    let mut decoded = DecodedWrite::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 5 {
            match read_series_v2(field.bytes()?, &symbols)? {
                Ok(series) => decoded.series.push(series),
                Err(error) => decoded.refused.push(error),
            }
        }
    }
    Ok(decoded)
}

fn read_series_v2(
    message: &[u8],
    symbols: &[&str],
) -> Result<Result<TimeSeries, SeriesError>, WireError> {
    let mut references = Vec::with_capacity(32);
    let mut series = TimeSeries::default();
    let mut exemplar_error = None;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => field.each_uint(|reference| references.push(reference as u32))?,
            2 => series.samples.push(read_sample(field.bytes()?)?),
            3 => series.histograms.push(histogram_wire::read(field.bytes()?)?),
            4 => match read_exemplar_v2(field.bytes()?, symbols)? {
                Ok(exemplar) => series.exemplars.push(exemplar),
                Err(error) => exemplar_error = Some(error),
            },
            // A sender that knows nothing of the family sends an empty message.
            5 => {
                let metadata = read_metadata_v2(field.bytes()?, symbols)?;
                series.metadata = Some(metadata).filter(|said| *said != Metadata::default());
            }
            _ => {}
        }
    }
    let labels = build_labels(resolve(&references, symbols)?, true);
    let finished = finish(series, labels, exemplar_error);
    Ok(finished.and_then(|series| match (series.samples.len(), series.histograms.len()) {
        (0, 0) => Err(SeriesError::NoSamples(series.labels.to_string())),
        (1.., 1..) => Err(SeriesError::MixedSamples(series.labels.to_string())),
        _ => Ok(series),
    }))
}

fn finish(
    mut series: TimeSeries,
    labels: Result<Labels, SeriesError>,
    exemplar_error: Option<SeriesError>,
) -> Result<TimeSeries, SeriesError> {
    series.labels = labels?;
    if let Some(error) = exemplar_error {
        return Err(error);
    }
    for sample in &series.histograms {
        histogram_wire::check(&sample.histogram).map_err(|reason| SeriesError::Histogram {
            series: series.labels.to_string(),
            reason,
        })?;
    }
    Ok(series)
}

fn resolve(references: &[u32], symbols: &[&str]) -> Result<Vec<Label>, WireError> {
    let symbol = |reference: u32| {
        symbols
            .get(reference as usize)
            .copied()
            .ok_or(WireError::Symbol { reference, symbols: symbols.len() })
    };
    let (pairs, rest) = references.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(WireError::Shape("odd number of label references"));
    }
    pairs.iter().map(|[name, value]| Ok(label(symbol(*name)?, symbol(*value)?))).collect()
}

fn read_label(message: &[u8]) -> Result<Label, WireError> {
    let (mut name, mut value) = ("", "");
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok(label(name, value))
}

fn read_sample(message: &[u8]) -> Result<Sample, WireError> {
    let mut sample = Sample { timestamp_ms: 0, value: 0.0 };
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => sample.value = field.double()?,
            2 => sample.timestamp_ms = field.int()?,
            _ => {}
        }
    }
    Ok(sample)
}

fn read_exemplar_v1(message: &[u8]) -> Result<Result<Exemplar, SeriesError>, WireError> {
    let mut labels = Vec::new();
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => labels.push(read_label(field.bytes()?)?),
            2 => value = field.double()?,
            3 => timestamp_ms = field.int()?,
            _ => {}
        }
    }
    Ok(build_labels(labels, false).map(|labels| Exemplar { labels, value, timestamp_ms }))
}

fn read_exemplar_v2(
    message: &[u8],
    symbols: &[&str],
) -> Result<Result<Exemplar, SeriesError>, WireError> {
    let mut references = Vec::new();
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => field.each_uint(|reference| references.push(reference as u32))?,
            2 => value = field.double()?,
            3 => timestamp_ms = field.int()?,
            _ => {}
        }
    }
    let labels = build_labels(resolve(&references, symbols)?, false);
    Ok(labels.map(|labels| Exemplar { labels, value, timestamp_ms }))
}

fn read_metadata_v2(message: &[u8], symbols: &[&str]) -> Result<Metadata, WireError> {
    let symbol = |reference: u64| {
        usize::try_from(reference)
            .ok()
            .and_then(|at| symbols.get(at))
            .map(|text| (*text).to_owned())
            .ok_or(WireError::Symbol { reference: reference as u32, symbols: symbols.len() })
    };
    let mut metadata = Metadata::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => metadata.metric_type = metric_type(field.uint()?),
            3 => metadata.help = symbol(field.uint()?)?,
            4 => metadata.unit = symbol(field.uint()?)?,
            _ => {}
        }
    }
    Ok(metadata)
}

fn read_family(message: &[u8]) -> Result<(String, Metadata), WireError> {
    let (mut name, mut metadata) = (String::new(), Metadata::default());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => metadata.metric_type = metric_type(field.uint()?),
            2 => field.text()?.clone_into(&mut name),
            4 => field.text()?.clone_into(&mut metadata.help),
            5 => field.text()?.clone_into(&mut metadata.unit),
            _ => {}
        }
    }
    Ok((name, metadata))
}

fn metric_type(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}
