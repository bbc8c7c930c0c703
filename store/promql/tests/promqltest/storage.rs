//! The series of a script, in memory.
//!
//! Reset hints of native histograms become what a database would answer: within a run of
//! histograms it knows that there was no reset.

use std::collections::BTreeMap;
use std::sync::Arc;

use promql::series_description::SequenceValue;
use promql::source::{Points, ReadError, Selection, SeriesData};
use protocol::histogram::{FloatHistogram, ResetHint};
use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample, is_stale_nan};

use crate::nhcb::native_from_classic;
use crate::script::Load;

/// All series.
#[derive(Debug, Default)]
pub struct Storage {
    series: BTreeMap<Labels, BTreeMap<i64, Point>>,
}

/// One sample.
#[derive(Clone, Debug)]
pub struct Point {
    pub value: SequenceValue,
    /// When its counter began; 0: unknown.
    pub start_ms: i64,
}

impl Storage {
    /// Adds the samples of a `load`.
    pub fn load(&mut self, load: &Load) {
        let mut loaded = Vec::new();
        for series in &load.series {
            let mut points = BTreeMap::new();
            for (at, value) in series.values.iter().enumerate() {
                if *value == SequenceValue::Omitted {
                    continue;
                }
                let time = at as i64 * load.step_ms;
                let start = series.starts_ms.get(at).copied().flatten();
                let start_ms = start.map_or(0, |start| time + start);
                points.insert(time, Point { value: value.clone(), start_ms });
            }
            loaded.push((series.labels.clone(), points));
        }
        if load.with_nhcb {
            let native = native_from_classic(&loaded);
            loaded.extend(native);
        }
        for (labels, points) in loaded {
            self.series.entry(labels).or_default().extend(points);
        }
    }

    /// The series that fit a selection and have samples in its time.
    pub fn select(&self, selection: &Selection) -> Vec<Arc<dyn SeriesData>> {
        let fits = |labels: &Labels| {
            selection.matchers.iter().all(|matcher| matcher.matches_labels(labels))
        };
        let range = selection.from_ms..=selection.to_ms.max(selection.from_ms);
        self.series
            .iter()
            .filter(|(labels, points)| fits(labels) && points.range(range.clone()).next().is_some())
            .map(|(labels, points)| Arc::new(Stored::new(labels, points)) as Arc<dyn SeriesData>)
            .collect()
    }
}

struct Stored {
    labels: Labels,
    points: Points,
}

impl Stored {
    fn new(labels: &Labels, loaded: &BTreeMap<i64, Point>) -> Self {
        let mut points = Points::default();
        let mut run = Run::default();
        for (&timestamp_ms, point) in loaded {
            match &point.value {
                SequenceValue::Omitted => {}
                SequenceValue::Float(value) => {
                    run.break_off(*value);
                    points.floats.push(Sample { timestamp_ms, value: *value });
                    points.float_starts_ms.push(point.start_ms);
                }
                SequenceValue::Histogram { histogram, .. } => {
                    let histogram = run.hinted(histogram);
                    points.histograms.push(HistogramSample { timestamp_ms, histogram });
                    points.histogram_starts_ms.push(point.start_ms);
                }
            }
        }
        Self { labels: labels.clone(), points }
    }
}

/// The histograms since the last float or change of layout.
#[derive(Default)]
struct Run {
    previous: Option<Arc<FloatHistogram>>,
    /// After a staleness marker a new run begins, without relation to the one before.
    stale: bool,
}

impl Run {
    fn break_off(&mut self, value: f64) {
        self.stale = is_stale_nan(value);
        if !self.stale {
            self.previous = None;
        }
    }

    fn hinted(&mut self, histogram: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
        let hint = self.hint(histogram);
        let mut stored = FloatHistogram::clone(histogram);
        stored.reset_hint = hint;
        self.stale = false;
        let stored = Arc::new(stored);
        self.previous = Some(Arc::clone(&stored));
        stored
    }

    /// A database says "surely no reset" within a run, but never "reset": where a run begins it
    /// does not know what came before.
    fn hint(&self, histogram: &FloatHistogram) -> ResetHint {
        match histogram.reset_hint {
            ResetHint::Gauge => return ResetHint::Gauge,
            ResetHint::Reset => return ResetHint::Unknown,
            ResetHint::Unknown | ResetHint::NotReset => {}
        }
        let gauge = |previous: &&Arc<FloatHistogram>| previous.reset_hint == ResetHint::Gauge;
        let Some(previous) = self.previous.as_ref().filter(|previous| !gauge(previous)) else {
            return ResetHint::Unknown;
        };
        let unhinted = FloatHistogram { reset_hint: ResetHint::Unknown, ..histogram.clone() };
        let continues = !self.stale
            && histogram.schema == previous.schema
            && histogram.zero_threshold == previous.zero_threshold
            && histogram.custom_values == previous.custom_values
            && !unhinted.is_reset_after(previous);
        if continues { ResetHint::NotReset } else { ResetHint::Unknown }
    }
}

impl SeriesData for Stored {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn read(&self, from_ms: i64, to_ms: i64, out: &mut Points) -> Result<(), ReadError> {
        for (at, sample) in self.points.floats.iter().enumerate() {
            if (from_ms..=to_ms).contains(&sample.timestamp_ms) {
                out.floats.push(*sample);
                out.float_starts_ms.push(self.points.float_starts_ms[at]);
            }
        }
        for (at, sample) in self.points.histograms.iter().enumerate() {
            if (from_ms..=to_ms).contains(&sample.timestamp_ms) {
                out.histograms.push(sample.clone());
                out.histogram_starts_ms.push(self.points.histogram_starts_ms[at]);
            }
        }
        Ok(())
    }
}
