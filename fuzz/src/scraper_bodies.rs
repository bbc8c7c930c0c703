//! Hostile bytes for `scraper`.

use std::sync::Arc;

use bytes::Bytes;
use kube::api::DynamicObject;
use protocol::http_config::HttpClientConfig;
use protocol::scrape_config::{GlobalConfig, ScrapeConfiguration};
use protocol::scrape_config_discovery::AttachMetadata;
use scraper::discovery_document::parse_groups;
use scraper::disk_buffer_segment::{HEADER_BYTES, check_header, decode, encode, scan};
use scraper::exposition::{Dialect, Entry, body_text};
use scraper::exposition_parser::Parser;
use scraper::http_date::parse_ms;
use scraper::kubernetes::cluster_access::ClusterAccess;
use scraper::kubernetes::dependency::TargetObject;
use scraper::kubernetes::object::{Job, Namespace, Node, Pod, ReplicaSet};
use scraper::kubernetes::object_meta::ObjectKey;
use scraper::kubernetes::object_network::{EndpointSlice, Endpoints, Ingress, Service};
use scraper::kubernetes::related::Related;
use scraper::kubernetes::watched::Watched;
use scraper::monitors::values::{ValueObject, Values};
use scraper::monitors::{MonitorKind, jobs};
use scraper::negotiation::dialect_of;
use scraper::own_scraper::Seen;
use scraper::series_labels::parse_series;
use scraper::target_labels::targets_of;

/// Prometheus text.
pub fn exposition_text(bytes: &[u8]) {
    walk(bytes, Dialect::Text);
}

/// OpenMetrics text.
pub fn openmetrics(bytes: &[u8]) {
    walk(bytes, Dialect::OpenMetrics);
}

// A parser that gives more entries than the body has bytes does not move on.
fn walk(bytes: &[u8], dialect: Dialect) {
    let Ok(body) = body_text(bytes) else { return };
    let mut parser = Parser::new(dialect, &body);
    let mut entries = 0;
    while let Ok(Some(entry)) = parser.next_entry() {
        entries += 1;
        assert!(entries <= body.len());
        let Entry::Sample(sample) = entry else { continue };
        drop(parse_series(sample.series, dialect));
        if let Some(exemplar) = sample.exemplar {
            drop(parse_series(exemplar.labels, dialect));
        }
    }
}

/// Headers of a scraped or written-to server, a line each.
pub fn response_headers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.split('\n') {
        drop(dialect_of(line, None));
        if let Some(at_ms) = parse_ms(line) {
            assert!(at_ms >= 0, "{line:?} is before 1970");
        }
    }
}

/// Groups of targets from a file or over HTTP. The first byte says: JSON or YAML.
pub fn target_groups(bytes: &[u8]) {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(groups) = parse_groups(text, form % 2 == 0, "a source", "__meta_url") else { return };
    let job = "scrape_configs: [{job_name: a, params: {a: [b]}}]";
    let job = ScrapeConfiguration::parse(job).expect("a good configuration");
    for job in job.jobs() {
        let found = targets_of(&job, &groups);
        let told: usize = groups.iter().map(|group| group.targets.len()).sum();
        assert!(found.active.len() + found.dropped_count <= told);
    }
}

/// A kubeconfig from a Secret: whatever it says, no file of ours is read.
pub fn kubeconfig(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(access) = ClusterAccess::from_kubeconfig(text) else { return };
    let HttpClientConfig { basic_auth, authorization, bearer_token_file, tls_config, .. } =
        access.http;
    let basic = basic_auth.unwrap_or_default();
    let tls = tls_config.unwrap_or_default();
    let files = [
        basic.username_file,
        basic.password_file,
        authorization.unwrap_or_default().credentials_file,
        bearer_token_file,
        tls.ca_file,
        tls.cert_file,
        tls.key_file,
    ];
    assert_eq!(files.into_iter().flatten().next(), None);
}

/// What an API server says of objects that lead to targets. The first byte says of which kind.
pub fn kubernetes_objects(bytes: &[u8]) {
    let Some((kind, json)) = bytes.split_first() else { return };
    match kind % 9 {
        0 => group_of::<Node>(json),
        1 => group_of::<Pod>(json),
        2 => group_of::<Service>(json),
        3 => group_of::<Endpoints>(json),
        4 => group_of::<EndpointSlice>(json),
        5 => group_of::<Ingress>(json),
        6 => drop(serde_json::from_slice::<Watched<Namespace>>(json)),
        7 => drop(serde_json::from_slice::<Watched<ReplicaSet>>(json)),
        _ => drop(serde_json::from_slice::<Watched<Job>>(json)),
    }
}

// The group of an object that is gone must be the one that it had.
fn group_of<T: TargetObject>(json: &[u8]) {
    let Ok(watched) = serde_json::from_slice::<Watched<T>>(json) else { return };
    let object = watched.object;
    let group = object.group(&Unrelated);
    assert_eq!(group.source, T::no_group(&object.meta().key()).source);
}

/// Knows no other object, though all may lend their labels.
struct Unrelated;

impl Related for Unrelated {
    fn attach(&self) -> AttachMetadata {
        let (deployment, job, cronjob) = (true, true, true);
        AttachMetadata { deployment, job, cronjob, ..AttachMetadata::default() }
    }

    fn pod(&self, _: &ObjectKey) -> Option<Arc<Pod>> {
        None
    }

    fn service(&self, _: &ObjectKey) -> Option<Arc<Service>> {
        None
    }

    fn node(&self, _: &str) -> Option<Arc<Node>> {
        None
    }

    fn namespace(&self, _: &str) -> Option<Arc<Namespace>> {
        None
    }

    fn replica_set(&self, _: &ObjectKey) -> Option<Arc<ReplicaSet>> {
        None
    }

    fn job(&self, _: &ObjectKey) -> Option<Arc<Job>> {
        None
    }
}

/// Monitors of other operators, and our own Scraper. The first byte says of which kind. The jobs
/// that come of a monitor are such as a written configuration may hold.
pub fn monitors(bytes: &[u8]) {
    let Some((kind, json)) = bytes.split_first() else { return };
    let Ok(object) = serde_json::from_slice::<DynamicObject>(json) else { return };
    let Some(kind) = MonitorKind::ALL.get(usize::from(*kind) % (MonitorKind::ALL.len() + 1)) else {
        return Seen::default().take(Some(&object));
    };
    let Ok(jobs) = jobs(*kind, &object, &GlobalConfig::default(), &OneValue) else { return };
    for job in jobs {
        let resolved = job.resolve(&GlobalConfig::default());
        assert_eq!(resolved.relabel.len(), job.relabel_configs.len(), "a rule of {job:?} is lost");
    }
}

/// Every Secret holds the same.
struct OneValue;

impl Values for OneValue {
    fn value(&self, _: &ValueObject, _: &str) -> Result<String, String> {
        Ok("value".to_owned())
    }
}

/// A file of the buffer: its good records are the file again.
pub fn collector_buffer(bytes: &[u8]) {
    if check_header(bytes).is_err() {
        return;
    }
    let bytes = Bytes::copy_from_slice(bytes);
    let found = scan(&bytes);
    let mut again = bytes[..HEADER_BYTES].to_vec();
    while let Some((record, next)) = decode(&bytes, again.len()) {
        again.extend(encode(&record));
        assert_eq!(again.len(), next);
    }
    assert_eq!(again, bytes[..found.good_bytes as usize]);
    assert_eq!(found.torn, again.len() < bytes.len());
}
