//! A scrape job with every default filled in.

use std::collections::BTreeMap;

use crate::http_config::HttpClientConfig;
use crate::relabel::{RelabelConfig, RelabelRule};
use crate::scrape_config::{GlobalConfig, ScrapeConfig, ScrapeConfiguration};
use crate::scrape_config_discovery::{
    FileSdConfig, HttpSdConfig, KubernetesSdConfig, StaticConfig,
};
use crate::time::PromDuration;

/// Prometheus's own defaults.
const DEFAULT_INTERVAL: PromDuration = PromDuration::from_secs(60);
const DEFAULT_TIMEOUT: PromDuration = PromDuration::from_secs(10);

/// A format that a scrape can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// Protobuf.
    PrometheusProto,
    /// The classic text.
    PrometheusText0_0_4,
    /// The text with UTF-8 names.
    PrometheusText1_0_0,
    /// Early OpenMetrics.
    OpenMetricsText0_0_1,
    /// OpenMetrics.
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PrometheusProto,
        Self::PrometheusText0_0_4,
        Self::PrometheusText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::OpenMetricsText1_0_0,
    ];

    /// As it stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    /// From the name in files.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == text)
    }
}

/// How names outside the old alphabet are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EscapingScheme {
    /// As they are.
    #[default]
    AllowUtf8,
    /// Foreign characters become `_`.
    Underscores,
    /// `.` becomes `_dot_`, `_` becomes `__`.
    Dots,
    /// `U__` and code points.
    Values,
}

impl EscapingScheme {
    /// As it stands in files and in the Accept header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// From the name in files.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values]
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
    }
}

/// Limits of one scrape; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrapeLimits {
    /// Bytes of the uncompressed body.
    pub body_size: Option<u64>,
    /// Samples after relabelling.
    pub samples: Option<u64>,
    /// Labels of a series.
    pub labels: Option<u64>,
    /// Bytes of a label's name.
    pub label_name_length: Option<u64>,
    /// Bytes of a label's value.
    pub label_value_length: Option<u64>,
    /// Targets of the job.
    pub targets: Option<u64>,
    /// Dropped targets that are remembered.
    pub dropped_targets: Option<u64>,
}

/// One job, nothing left open.
#[derive(Clone, Debug)]
pub struct ResolvedJob {
    /// Unique.
    pub job_name: String,
    /// How often.
    pub interval: PromDuration,
    /// Never above the interval.
    pub timeout: PromDuration,
    /// What to ask for, best first.
    pub protocols: Vec<ScrapeProtocol>,
    /// For bodies without a usable content type.
    pub fallback_protocol: Option<ScrapeProtocol>,
    /// Of the request.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Query parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// Let exposed labels win.
    pub honor_labels: bool,
    /// Take exposed timestamps.
    pub honor_timestamps: bool,
    /// Track the end of series that carry timestamps.
    pub track_timestamps_staleness: bool,
    /// Ask for gzip.
    pub enable_compression: bool,
    /// Three more series a target.
    pub extra_scrape_metrics: bool,
    /// Native histograms are wanted.
    pub native_histograms: bool,
    /// Classic histograms become native ones with custom buckets.
    pub convert_classic_histograms: bool,
    /// Classic histograms are wanted beside native ones.
    pub always_classic_histograms: bool,
    /// Names are held to the old alphabet.
    pub legacy_names: bool,
    /// How foreign names are asked for.
    pub escaping: EscapingScheme,
    /// Of one scrape, and of the job.
    pub limits: ScrapeLimits,
    /// How requests are made.
    pub http: HttpClientConfig,
    /// Targets written down.
    pub static_configs: Vec<StaticConfig>,
    /// Targets in files.
    pub file_sd_configs: Vec<FileSdConfig>,
    /// Targets over HTTP.
    pub http_sd_configs: Vec<HttpSdConfig>,
    /// Targets from the Kubernetes API.
    pub kubernetes_sd_configs: Vec<KubernetesSdConfig>,
    /// From discovered to scraped.
    pub relabel: Vec<RelabelRule>,
    /// From exposed to stored.
    pub metric_relabel: Vec<RelabelRule>,
    /// What was written, so that a reload can see whether anything changed.
    pub source: ScrapeConfig,
}

impl ScrapeConfiguration {
    /// Every job with its defaults. Meant for a configuration that
    /// [`validate`](Self::validate) found no fault in: an unusable rule is left out.
    pub fn jobs(&self) -> Vec<ResolvedJob> {
        self.scrape_configs.iter().flatten().map(|job| job.resolve(&self.global)).collect()
    }
}

impl ScrapeConfig {
    /// This job with every default filled in from `global` and from Prometheus's own.
    pub fn resolve(&self, global: &GlobalConfig) -> ResolvedJob {
        let interval = self.effective_interval(global);
        let native = or(self.scrape_native_histograms, global.scrape_native_histograms);
        let legacy = self.is_legacy(global);
        ResolvedJob {
            job_name: self.job_name.clone(),
            interval,
            timeout: self.effective_timeout(global),
            protocols: self.effective_protocols(global, native),
            fallback_protocol: self
                .fallback_scrape_protocol
                .as_deref()
                .and_then(ScrapeProtocol::parse),
            metrics_path: self.metrics_path.clone().unwrap_or_else(|| "/metrics".to_owned()),
            scheme: self.scheme.clone().unwrap_or_else(|| "http".to_owned()),
            params: self.params.clone(),
            honor_labels: self.honor_labels.unwrap_or(false),
            honor_timestamps: self.honor_timestamps.unwrap_or(true),
            track_timestamps_staleness: self.track_timestamps_staleness.unwrap_or(false),
            enable_compression: self.enable_compression.unwrap_or(true),
            extra_scrape_metrics: or(self.extra_scrape_metrics, global.extra_scrape_metrics),
            native_histograms: native,
            convert_classic_histograms: or(
                self.convert_classic_histograms_to_nhcb,
                global.convert_classic_histograms_to_nhcb,
            ),
            always_classic_histograms: or(
                self.always_scrape_classic_histograms,
                global.always_scrape_classic_histograms,
            ),
            legacy_names: legacy,
            escaping: self.effective_escaping(global, legacy),
            limits: self.limits(global),
            http: self.http_client(),
            static_configs: self.static_configs.iter().flatten().cloned().collect(),
            file_sd_configs: self.file_sd_configs.clone(),
            http_sd_configs: self.http_sd_configs.clone(),
            kubernetes_sd_configs: self.kubernetes_sd_configs.clone(),
            relabel: compile(&self.relabel_configs, legacy),
            metric_relabel: compile(&self.metric_relabel_configs, legacy),
            source: self.clone(),
        }
    }

    /// The job's interval, else the global one, else a minute.
    pub fn effective_interval(&self, global: &GlobalConfig) -> PromDuration {
        let set = |interval: Option<PromDuration>| interval.filter(|i| !i.is_zero());
        set(self.scrape_interval).or(set(global.scrape_interval)).unwrap_or(DEFAULT_INTERVAL)
    }

    /// The job's timeout, else the lesser of the global one and the interval.
    pub fn effective_timeout(&self, global: &GlobalConfig) -> PromDuration {
        let set = |timeout: Option<PromDuration>| timeout.filter(|t| !t.is_zero());
        set(self.scrape_timeout).unwrap_or_else(|| {
            let global_timeout = global.effective_timeout();
            global_timeout.min(self.effective_interval(global))
        })
    }

    /// Whether names are held to the old alphabet.
    pub fn is_legacy(&self, global: &GlobalConfig) -> bool {
        let scheme = self.metric_name_validation_scheme.as_deref();
        scheme.or(global.metric_name_validation_scheme.as_deref()) == Some("legacy")
    }

    fn effective_protocols(&self, global: &GlobalConfig, native: bool) -> Vec<ScrapeProtocol> {
        use ScrapeProtocol as P;
        let written = self.scrape_protocols.as_ref().or(global.scrape_protocols.as_ref());
        if let Some(names) = written.filter(|names| !names.is_empty()) {
            return names.iter().filter_map(|name| P::parse(name)).collect();
        }
        let text = [
            P::OpenMetricsText1_0_0,
            P::OpenMetricsText0_0_1,
            P::PrometheusText1_0_0,
            P::PrometheusText0_0_4,
        ];
        native.then_some(P::PrometheusProto).into_iter().chain(text).collect()
    }

    fn effective_escaping(&self, global: &GlobalConfig, legacy: bool) -> EscapingScheme {
        let own = self.metric_name_escaping_scheme.as_deref();
        let inherited = match self.metric_name_validation_scheme {
            // A job that goes back to the old alphabet does not inherit allow-utf-8.
            Some(_) if legacy => None,
            _ => global.metric_name_escaping_scheme.as_deref(),
        };
        own.or(inherited).and_then(EscapingScheme::parse).unwrap_or(if legacy {
            EscapingScheme::Underscores
        } else {
            EscapingScheme::AllowUtf8
        })
    }

    fn limits(&self, global: &GlobalConfig) -> ScrapeLimits {
        let limit = |own: Option<u64>, global: Option<u64>| {
            own.filter(|limit| *limit > 0).or(global).filter(|limit| *limit > 0)
        };
        ScrapeLimits {
            body_size: limit(
                self.body_size_limit.map(|size| size.0),
                global.body_size_limit.map(|size| size.0),
            ),
            samples: limit(self.sample_limit, global.sample_limit),
            labels: limit(self.label_limit, global.label_limit),
            label_name_length: limit(self.label_name_length_limit, global.label_name_length_limit),
            label_value_length: limit(
                self.label_value_length_limit,
                global.label_value_length_limit,
            ),
            targets: limit(self.target_limit, global.target_limit),
            dropped_targets: limit(self.keep_dropped_targets, global.keep_dropped_targets),
        }
    }
}

impl GlobalConfig {
    /// The global timeout, else 10 seconds, but never above a global interval that was written.
    pub fn effective_timeout(&self) -> PromDuration {
        let set = |value: Option<PromDuration>| value.filter(|v| !v.is_zero());
        let interval = set(self.scrape_interval).unwrap_or(DEFAULT_INTERVAL);
        set(self.scrape_timeout).unwrap_or(DEFAULT_TIMEOUT.min(interval))
    }
}

fn or(own: Option<bool>, global: Option<bool>) -> bool {
    own.or(global).unwrap_or(false)
}

fn compile(rules: &[Option<RelabelConfig>], legacy: bool) -> Vec<RelabelRule> {
    rules.iter().flatten().filter_map(|rule| rule.compile(legacy)).collect()
}
