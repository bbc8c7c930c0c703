//! The store's own metrics, in the text format.

use std::fmt::Write as _;

use alertmanager::alertmanager::DeliveryHealth;
use protocol::labels::write_quoted;
use rules::status::GroupMetrics;
use tsdb::tsdb::TsdbStats;

use crate::http::access::decisions::ReviewCounts;
use crate::http::request_metrics::BUCKETS;
use crate::process_figures::ProcessFigures;
use crate::store::Store;

/// The text format's media type.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics.
pub async fn text(store: &Store) -> String {
    let figures = store.process_figures().await;
    let mut page = Page::default();
    if let Some(figures) = figures {
        system(&figures, &mut page);
    }
    process(store, &mut page);
    requests(store, &mut page);
    reviews(store, &mut page);
    ingest(store, &mut page);
    databases(store, &mut page);
    rules(store, &mut page);
    alerts(store, &mut page);
    page.text
}

/// Writes families one after another.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            self.text.push(if at == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=");
            let _ = write_quoted(&mut self.text, value);
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// Under the names of Prometheus's client libraries, which dashboards and alerts know.
fn system(figures: &ProcessFigures, page: &mut Page) {
    let mut measure = |name: &str, kind: &str, help: &str, value: f64| {
        page.family(name, kind, help);
        page.sample(name, &[], value);
    };
    let help = "Processor time, user and system.";
    measure("process_cpu_seconds_total", "counter", help, figures.cpu_seconds);
    let bytes = figures.resident_bytes as f64;
    measure("process_resident_memory_bytes", "gauge", "Memory in use.", bytes);
    let bytes = figures.virtual_bytes as f64;
    measure("process_virtual_memory_bytes", "gauge", "Address space in use.", bytes);
    let start = figures.start_time_seconds;
    measure("process_start_time_seconds", "gauge", "When the process began.", start);
    measure("process_open_fds", "gauge", "Open files and sockets.", figures.open_fds as f64);
    if let Some(max) = figures.max_fds {
        measure("process_max_fds", "gauge", "As many may be open.", max as f64);
    }
}

fn process(store: &Store, page: &mut Page) {
    page.family("hearth_build_info", "gauge", "Version of the program.");
    page.sample("hearth_build_info", &[("version", &store.settings.version)], 1.0);
    page.family("hearth_start_time_seconds", "gauge", "When the store was opened.");
    page.sample("hearth_start_time_seconds", &[], store.started_ms as f64 / 1000.0);
    page.family("hearth_ready", "gauge", "Whether all workspaces were opened.");
    page.sample("hearth_ready", &[], f64::from(u8::from(store.is_ready())));
    page.family("hearth_workspaces", "gauge", "Workspaces that are defined.");
    let workspaces = store.catalog.read(|state| state.workspaces.len());
    page.sample("hearth_workspaces", &[], workspaces as f64);
    page.family("hearth_log_pinned_bytes", "gauge", "Bytes of the commit log still needed.");
    page.sample("hearth_log_pinned_bytes", &[], store.world.log.pinned_bytes() as f64);
}

fn requests(store: &Store, page: &mut Page) {
    let name = "hearth_http_request_duration_seconds";
    page.family(name, "histogram", "Time from the head of a request to its answer.");
    for ((action, status), tally) in store.request_metrics.snapshot() {
        let status = status.to_string();
        let labels = [("action", action.as_str()), ("status", status.as_str())];
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(tally.buckets) {
            below += count;
            let bound = bound.to_string();
            let labels = [labels[0], labels[1], ("le", bound.as_str())];
            page.sample(&format!("{name}_bucket"), &labels, below as f64);
        }
        let infinite = [labels[0], labels[1], ("le", "+Inf")];
        page.sample(&format!("{name}_bucket"), &infinite, tally.count as f64);
        page.sample(&format!("{name}_sum"), &labels, tally.seconds);
        page.sample(&format!("{name}_count"), &labels, tally.count as f64);
    }
}

fn reviews(store: &Store, page: &mut Page) {
    let counts = store.access.review_counts();
    if counts.is_empty() {
        return;
    }
    let name = "hearth_access_reviews_total";
    page.family(name, "counter", "Questions to the Kubernetes API server about tokens and rights.");
    for (review, ReviewCounts { yes, no, unknown }) in counts {
        for (verdict, count) in [("yes", yes), ("no", no), ("unknown", unknown)] {
            page.sample(name, &[("review", review), ("verdict", verdict)], count as f64);
        }
    }
}

fn ingest(store: &Store, page: &mut Page) {
    let counts: Vec<_> = store
        .workspaces
        .open()
        .iter()
        .map(|workspace| (workspace.id().clone(), workspace.data.ingest_metrics.snapshot()))
        .collect();
    page.family("hearth_ingested_samples_total", "counter", "Samples made durable.");
    for (id, counts) in &counts {
        for (kind, value) in [("float", counts.samples), ("histogram", counts.histograms)] {
            let labels = [("workspace", id.as_str()), ("type", kind)];
            page.sample("hearth_ingested_samples_total", &labels, value as f64);
        }
    }
    page.family("hearth_ingested_exemplars_total", "counter", "Exemplars kept.");
    for (id, counts) in &counts {
        let labels = [("workspace", id.as_str())];
        page.sample("hearth_ingested_exemplars_total", &labels, counts.exemplars as f64);
    }
    page.family("hearth_write_requests_total", "counter", "Remote writes worked on.");
    for (id, counts) in &counts {
        let labels = [("workspace", id.as_str())];
        page.sample("hearth_write_requests_total", &labels, counts.requests as f64);
    }
    page.family("hearth_discarded_samples_total", "counter", "Samples refused, by reason.");
    for (id, counts) in &counts {
        for (reason, value) in &counts.refused {
            let labels = [("workspace", id.as_str()), ("reason", *reason)];
            page.sample("hearth_discarded_samples_total", &labels, *value as f64);
        }
    }
}

/// One gauge or counter a workspace.
type Measure<T> = (&'static str, &'static str, &'static str, fn(&T) -> f64);

fn databases(store: &Store, page: &mut Page) {
    const MEASURES: &[Measure<TsdbStats>] = &[
        ("hearth_active_series", "gauge", "Series in memory.", |s| s.head_series as f64),
        ("hearth_head_samples", "gauge", "Samples in memory.", |s| s.head_samples as f64),
        ("hearth_head_bytes", "gauge", "Memory of series and samples.", |s| s.head_bytes as f64),
        ("hearth_unflushed_log_bytes", "gauge", "Log not yet in blocks.", |s| s.log_bytes as f64),
        ("hearth_blocks", "gauge", "Blocks in use.", |s| s.blocks as f64),
        ("hearth_damaged_blocks", "gauge", "Blocks that do not open.", |s| s.damaged_blocks as f64),
        ("hearth_block_bytes", "gauge", "Bytes of the blocks in use.", |s| s.block_bytes as f64),
    ];
    let stats: Vec<_> = store
        .workspaces
        .open()
        .iter()
        .map(|workspace| (workspace.id().to_string(), workspace.data.tsdb.stats()))
        .collect();
    measured(page, MEASURES, &stats);
}

fn rules(store: &Store, page: &mut Page) {
    const MEASURES: &[Measure<GroupMetrics>] = &[
        ("hearth_rule_evaluations_total", "counter", "Rules evaluated.", |m| m.evaluations as f64),
        ("hearth_rule_evaluation_failures_total", "counter", "Rules that failed.", |m| {
            m.evaluation_failures as f64
        }),
        ("hearth_rule_group_iterations_missed_total", "counter", "Slots missed.", |m| {
            m.iterations_missed as f64
        }),
        ("hearth_rule_alerts_sent_total", "counter", "Alerts to the alert manager.", |m| {
            m.alerts_sent as f64
        }),
    ];
    let groups: Vec<_> = store
        .workspaces
        .open()
        .iter()
        .map(|workspace| {
            let mut sum = GroupMetrics::default();
            for group in workspace.rules().snapshot() {
                sum.evaluations += group.metrics.evaluations;
                sum.evaluation_failures += group.metrics.evaluation_failures;
                sum.iterations_missed += group.metrics.iterations_missed;
                sum.alerts_sent += group.metrics.alerts_sent;
            }
            (workspace.id().to_string(), sum)
        })
        .collect();
    measured(page, MEASURES, &groups);
}

fn measured<T>(page: &mut Page, measures: &[Measure<T>], values: &[(String, T)]) {
    for (name, kind, help, measure) in measures {
        page.family(name, kind, help);
        for (id, value) in values {
            page.sample(name, &[("workspace", id)], measure(value));
        }
    }
}

fn alerts(store: &Store, page: &mut Page) {
    const MEASURES: &[Measure<DeliveryHealth>] = &[
        ("hearth_notifications_total", "counter", "Messages that receivers took.", |h| {
            h.delivered as f64
        }),
        ("hearth_notifications_failed_total", "counter", "Messages given up.", |h| h.failed as f64),
    ];
    let open = store.workspaces.open();
    for (name, kind, help, measure) in MEASURES {
        page.family(name, kind, help);
        for workspace in &open {
            for (destination, health) in workspace.alerts.delivery_health() {
                let labels = [
                    ("workspace", workspace.id().as_str()),
                    ("receiver", destination.receiver.as_str()),
                    ("integration", destination.integration),
                ];
                page.sample(name, &labels, measure(&health));
            }
        }
    }
}
