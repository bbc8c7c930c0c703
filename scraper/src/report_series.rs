//! The series that the collector writes of each target.

use protocol::labels::Labels;

use crate::sample_labels::LabelRules;
use crate::scraped::ScrapedSample;

const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];
const EXTRA_NAMES: [&str; 3] =
    ["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"];

/// The figures of one scrape.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whether it was good.
    pub up: bool,
    /// How long it took.
    pub duration_seconds: f64,
    /// Samples in the body.
    pub scraped: usize,
    /// Samples after relabelling.
    pub kept: usize,
    /// Series that the cache did not know.
    pub added: usize,
    /// The target's timeout.
    pub timeout_seconds: f64,
    /// 0: no limit.
    pub sample_limit: u64,
    /// Bytes, uncompressed; -1 above the limit; 0 where there was no body.
    pub body_size: f64,
}

/// Their labels, made once a target.
#[derive(Debug)]
pub struct ReportSeries {
    series: Vec<(Labels, u64)>,
    written: bool,
    /// Written under other labels before; they end with the next scrape.
    replaced: Vec<(Labels, u64)>,
}

impl ReportSeries {
    /// For a target with these labels.
    pub fn new(rules: &LabelRules, extra: bool) -> Self {
        let extra: &[&str] = if extra { &EXTRA_NAMES } else { &[] };
        let with_hash = |name: &&str| {
            let labels = rules.report(name);
            let hash = labels.stable_hash();
            (labels, hash)
        };
        let series = NAMES.iter().chain(extra).map(with_hash).collect();
        Self { series, written: false, replaced: Vec::new() }
    }

    /// Goes on under other labels.
    pub fn replace(&mut self, new: Self) {
        let old = std::mem::replace(self, new);
        self.replaced = old.replaced;
        if old.written {
            let gone = old.series.into_iter().filter(|one| !self.series.contains(one));
            self.replaced.extend(gone);
            self.written = true;
        }
    }

    /// Adds the samples of one scrape.
    pub fn push(&mut self, report: &Report, timestamp_ms: i64, samples: &mut Vec<ScrapedSample>) {
        self.written = true;
        let replaced = self.replaced.drain(..);
        samples.extend(
            replaced.map(|(labels, hash)| ScrapedSample::end_of(labels, hash, timestamp_ms)),
        );
        let values = [
            f64::from(u8::from(report.up)),
            report.duration_seconds,
            report.scraped as f64,
            report.kept as f64,
            report.added as f64,
            report.timeout_seconds,
            report.sample_limit as f64,
            report.body_size,
        ];
        for ((labels, hash), value) in self.series.iter().zip(values) {
            samples.push(ScrapedSample {
                labels: labels.clone(),
                hash: *hash,
                timestamp_ms,
                value,
                exemplar: None,
                metadata: None,
            });
        }
    }

    /// Adds the markers that end them.
    pub fn push_ended(&mut self, timestamp_ms: i64, samples: &mut Vec<ScrapedSample>) {
        if std::mem::take(&mut self.written) {
            let ended = self.series.iter();
            samples.extend(
                ended.map(|(labels, hash)| {
                    ScrapedSample::end_of(labels.clone(), *hash, timestamp_ms)
                }),
            );
        }
    }
}
