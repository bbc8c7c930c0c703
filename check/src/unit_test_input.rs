//! The input of a unit test: series that a person wrote down.

use std::collections::BTreeMap;

use promql::series_description::{SequenceValue, parse_metric, parse_series};
use protocol::fault::Fault;
use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample, TimeSeries};
use rules::memory::MemoryStore;

use crate::unit_tests::TestCase;

/// Samples of one test: a hundred series over a week, minute by minute.
pub const INPUT_SAMPLES_MAX: usize = 1_000_000;

/// The series of one test; samples are handed out as time goes on.
#[derive(Debug, Default)]
pub struct Input {
    series: BTreeMap<Labels, Written>,
}

/// One series.
#[derive(Debug)]
struct Written {
    values: std::vec::IntoIter<SequenceValue>,
    /// The time of the next value.
    next_ms: i64,
}

impl Input {
    /// Reads the input; a series that stands twice is the last one, as in promtool.
    pub fn read(test: &TestCase, start_ms: i64) -> Result<Self, Vec<Fault>> {
        let (mut input, mut faults, mut samples) = (Self::default(), Vec::new(), 0);
        for (number, one) in test.input_series.iter().flatten().enumerate() {
            let at = |field: &str, message: String| {
                Fault::at_path(format!("input_series[{number}].{field}"), message)
            };
            if let Err(error) = parse_metric(&one.series) {
                faults.push(at("series", format!("{:?}: {error}", one.series)));
                continue;
            }
            let (labels, values) = match parse_series(&format!("{} {}", one.series, one.values)) {
                Ok(read) => read,
                Err(error) => {
                    faults.push(at("values", format!("{:?}: {}", one.values, error.message)));
                    continue;
                }
            };
            samples += values.len();
            if samples > INPUT_SAMPLES_MAX {
                let limit = format!("more than the limit of {INPUT_SAMPLES_MAX} samples in a test");
                faults.push(at("values", limit));
                break;
            }
            let written = Written { values: values.into_iter(), next_ms: start_ms };
            input.series.insert(labels, written);
        }
        if faults.is_empty() { Ok(input) } else { Err(faults) }
    }

    /// Writes every sample that is due by `until_ms`.
    pub fn write_until(&mut self, until_ms: i64, interval_ms: i64, store: &MemoryStore) {
        let due = self.series.iter_mut().filter(|(_, written)| written.next_ms <= until_ms);
        for (labels, written) in due {
            let mut series = TimeSeries { labels: labels.clone(), ..TimeSeries::default() };
            while written.next_ms <= until_ms {
                let timestamp_ms = written.next_ms;
                written.next_ms += interval_ms;
                match written.values.next() {
                    None => written.next_ms = i64::MAX,
                    Some(SequenceValue::Omitted) => {}
                    Some(SequenceValue::Float(value)) => {
                        series.samples.push(Sample { timestamp_ms, value });
                    }
                    Some(SequenceValue::Histogram { histogram, .. }) => {
                        series.histograms.push(HistogramSample { timestamp_ms, histogram });
                    }
                }
            }
            store.write([series]);
        }
    }
}
