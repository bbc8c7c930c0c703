//! What one scrape of a target amounts to.
//!
//! Pure: the answer of the exporter and the time go in, samples to send come out. A scrape counts
//! as a whole or not at all: what fails in its middle leaves only staleness markers and `up` = 0.

use protocol::labels::LabelsBuilder;
use protocol::sample::Exemplar;

use crate::exposition::{Dialect, Entry, ExemplarText, ExpositionError, SampleLine, body_text};
use crate::exposition_parser::Parser;
use crate::metric_family::MetricFamily;
use crate::report_series::{Report, ReportSeries};
use crate::sample_labels::{LabelError, LabelRules};
use crate::scrape_cache::{ScrapeCache, StoredSeries};
use crate::scraped::ScrapedSample;
use crate::series_labels::{SeriesError, parse_series};

/// How far ahead of the collector's clock an exposed timestamp may lie, as in Prometheus.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;
/// Characters of an exemplar's labels, names and values together, by the OpenMetrics specification.
const EXEMPLAR_CHARS_MAX: usize = 128;

/// What of the job concerns the samples of one target.
#[derive(Clone, Debug, Default)]
pub struct ScrapeRules {
    /// Of the series' labels.
    pub labels: LabelRules,
    /// Take exposed timestamps.
    pub honor_timestamps: bool,
    /// Mark the end of series with exposed timestamps, too.
    pub track_timestamps_staleness: bool,
    /// Three more report series.
    pub extra_metrics: bool,
    /// As reported by `scrape_timeout_seconds`.
    pub timeout_seconds: f64,
}

/// What the exporter answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A body, uncompressed.
    Body(Vec<u8>, Dialect),
    /// No body: the reason, in words.
    Failed(String),
    /// The body reached `body_size_limit`, in bytes.
    TooLarge(u64),
}

/// What the rest of the collector needs to know of a scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// To be sent, in order.
    pub samples: Vec<ScrapedSample>,
    /// Why the scrape failed; `None`: the target is up.
    pub error: Option<String>,
    /// Samples in the body.
    pub scraped: usize,
    /// Samples after relabelling.
    pub kept: usize,
    /// The same series twice in one body.
    pub duplicates: usize,
    /// Too far in the future.
    pub out_of_bounds: usize,
}

/// Everything about one target that lasts from scrape to scrape.
#[derive(Debug)]
pub struct TargetState {
    rules: ScrapeRules,
    cache: ScrapeCache,
    report: ReportSeries,
}

/// Why a body makes the whole scrape fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum BodyError {
    #[error(transparent)]
    Exposition(#[from] ExpositionError),
    #[error(transparent)]
    Series(#[from] SeriesError),
    #[error(transparent)]
    Label(#[from] LabelError),
    #[error("sample_limit exceeded: {kept} samples after relabelling, the limit is {limit}")]
    SampleLimit { kept: usize, limit: u64 },
}

#[derive(Default)]
struct Tally {
    samples: Vec<ScrapedSample>,
    scraped: usize,
    kept: usize,
    counted: u64,
    added: usize,
    duplicates: usize,
    out_of_bounds: usize,
}

impl TargetState {
    /// A target that was never scraped.
    pub fn new(rules: ScrapeRules) -> Self {
        let report = ReportSeries::new(&rules.labels, rules.extra_metrics);
        Self { rules, cache: ScrapeCache::default(), report }
    }

    /// Concludes a scrape that began at `time_ms` and took `seconds`.
    pub fn conclude(&mut self, answer: Answer, time_ms: i64, seconds: f64) -> Outcome {
        let mut tally = Tally::default();
        let (body_size, error) = match answer {
            Answer::Body(body, dialect) => {
                let size = body.len() as f64;
                (size, self.take_body(&body, dialect, time_ms, &mut tally).err())
            }
            Answer::Failed(reason) => {
                self.mark_all_ended(time_ms, &mut tally);
                (0.0, Some(reason))
            }
            Answer::TooLarge(limit) => {
                self.mark_all_ended(time_ms, &mut tally);
                (-1.0, Some(format!("body_size_limit exceeded: the limit is {limit} bytes")))
            }
        };
        let report = Report {
            up: error.is_none(),
            duration_seconds: seconds,
            scraped: tally.scraped,
            kept: tally.kept,
            added: tally.added,
            timeout_seconds: self.rules.timeout_seconds,
            sample_limit: self.rules.labels.limits.samples.unwrap_or(0),
            body_size,
        };
        self.report.push(&report, time_ms, &mut tally.samples);
        Outcome {
            samples: tally.samples,
            error,
            scraped: tally.scraped,
            kept: tally.kept,
            duplicates: tally.duplicates,
            out_of_bounds: tally.out_of_bounds,
        }
    }

    /// The markers that end every series of a target that is no longer scraped.
    pub fn end(&mut self, time_ms: i64) -> Vec<ScrapedSample> {
        let mut samples = Vec::new();
        mark_ended(self.cache.end_failed(), time_ms, &mut samples);
        self.report.push_ended(time_ms, &mut samples);
        samples
    }

    /// Goes on under other rules. Series that the new rules no longer yield end at the next scrape.
    pub fn replace_rules(&mut self, rules: ScrapeRules) {
        self.cache.supersede();
        self.report.replace(ReportSeries::new(&rules.labels, rules.extra_metrics));
        self.rules = rules;
    }

    /// How many series the cache knows.
    pub fn series_count(&self) -> usize {
        self.cache.len()
    }

    fn take_body(
        &mut self,
        body: &[u8],
        dialect: Dialect,
        time_ms: i64,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if body.is_empty() {
            self.mark_all_ended(time_ms, tally);
            return Ok(());
        }
        self.cache.begin();
        let taken = self.take_entries(body, dialect, time_ms, tally);
        if let Err(error) = taken {
            tally.samples.clear();
            self.mark_all_ended(time_ms, tally);
            return Err(error.to_string());
        }
        mark_ended(self.cache.end_good(), time_ms, &mut tally.samples);
        Ok(())
    }

    fn take_entries(
        &mut self,
        body: &[u8],
        dialect: Dialect,
        time_ms: i64,
        tally: &mut Tally,
    ) -> Result<(), BodyError> {
        let text = body_text(body)?;
        let mut parser = Parser::new(dialect, &text);
        let mut family = MetricFamily::default();
        tally.samples.reserve(self.cache.len());
        while let Some(entry) = parser.next_entry()? {
            match entry {
                Entry::Type(name, metric_type) => family.set_type(&name, metric_type),
                Entry::Help(name, help) => family.set_help(&name, &help),
                Entry::Unit(name, unit) => family.set_unit(&name, unit),
                Entry::Sample(line) => {
                    self.take_sample(&line, dialect, time_ms, &mut family, tally)?;
                }
            }
        }
        match self.rules.labels.limits.samples {
            Some(limit) if tally.counted > limit => {
                Err(BodyError::SampleLimit { kept: tally.kept, limit })
            }
            _ => Ok(()),
        }
    }

    fn take_sample(
        &mut self,
        line: &SampleLine<'_>,
        dialect: Dialect,
        time_ms: i64,
        family: &mut MetricFamily,
        tally: &mut Tally,
    ) -> Result<(), BodyError> {
        tally.scraped += 1;
        let (at, is_new) = match self.cache.find(line.series) {
            Some(at) => (at, false),
            None => (self.admit(line.series, dialect, family)?, true),
        };
        let repeated = self.cache.mark_seen(at);
        let exposed_ms = line.timestamp_ms.filter(|_| self.rules.honor_timestamps);
        let Some(stored) = &mut self.cache.series_mut(at).stored else { return Ok(()) };
        tally.kept += 1;
        if repeated && exposed_ms.is_none() {
            tally.duplicates += 1;
            return Ok(());
        }
        let timestamp_ms = exposed_ms.unwrap_or(time_ms);
        if timestamp_ms > time_ms.saturating_add(AHEAD_MS_MAX) {
            tally.out_of_bounds += 1;
            return Ok(());
        }
        tally.counted += 1;
        tally.added += usize::from(is_new);
        if !is_new {
            family.refresh(&mut stored.metadata);
        }
        tally.samples.push(ScrapedSample {
            labels: stored.labels.clone(),
            hash: stored.hash,
            timestamp_ms,
            value: line.value,
            exemplar: line.exemplar.and_then(|text| new_exemplar(&text, timestamp_ms, stored)),
            metadata: stored.metadata.clone(),
        });
        if exposed_ms.is_none() || self.rules.track_timestamps_staleness {
            self.cache.mark_tracked(at);
        }
        Ok(())
    }

    /// Parses and relabels a series that the cache does not know, once.
    fn admit(
        &mut self,
        series: &str,
        dialect: Dialect,
        family: &mut MetricFamily,
    ) -> Result<usize, BodyError> {
        let exposed = parse_series(series, dialect)?;
        let labels = self.rules.labels.apply(&exposed)?;
        let stored = labels.map(|labels| StoredSeries {
            hash: labels.stable_hash(),
            metadata: family.metadata_of(&exposed),
            exemplar_sent: None,
            labels,
        });
        Ok(self.cache.insert(series, stored))
    }

    fn mark_all_ended(&mut self, time_ms: i64, tally: &mut Tally) {
        mark_ended(self.cache.end_failed(), time_ms, &mut tally.samples);
    }
}

fn mark_ended(ended: Vec<StoredSeries>, time_ms: i64, samples: &mut Vec<ScrapedSample>) {
    samples.extend(
        ended.into_iter().map(|series| ScrapedSample::end_of(series.labels, series.hash, time_ms)),
    );
}

/// The exemplar of a line, unless it was sent before, is malformed or too long.
fn new_exemplar(
    text: &ExemplarText<'_>,
    sample_ms: i64,
    stored: &mut StoredSeries,
) -> Option<Box<Exemplar>> {
    let timestamp_ms = text.timestamp_ms.unwrap_or(sample_ms);
    let key = (timestamp_ms, text.value.to_bits());
    if stored.exemplar_sent == Some(key) {
        return None;
    }
    let pairs = parse_series(text.labels, Dialect::OpenMetrics).ok()?;
    let chars: usize =
        pairs.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if chars > EXEMPLAR_CHARS_MAX {
        return None;
    }
    stored.exemplar_sent = Some(key);
    let mut labels = LabelsBuilder::default();
    for (name, value) in &pairs {
        labels.set(name.as_ref(), value.as_ref());
    }
    Some(Box::new(Exemplar { labels: labels.build(), value: text.value, timestamp_ms }))
}

#[cfg(test)]
mod tests;
