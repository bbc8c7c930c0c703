//! Hostile bytes for `protocol`.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use protocol::alertmanager_config::AlertmanagerConfig;
use protocol::alertmanager_config::definition::{AmpDefinition, Origin};
use protocol::alertmanager_config::masked::masked;
use protocol::alertmanager_config::matchers::{matchers_text, parse_matchers};
use protocol::alertmanager_config::secret::SecretText;
use protocol::amp_api::arn::Arn;
use protocol::byte_size::ByteSize;
use protocol::collector_report::CollectorReport;
use protocol::go_regex::GoRegex;
use protocol::labels::{Labels, LabelsBuilder};
use protocol::relabel::relabel_in_place;
use protocol::remote_write::decode::decode;
use protocol::remote_write::{DECODED_BYTES_MAX, Version, decompress};
use protocol::rule_file::RuleFile;
use protocol::scrape_config::ScrapeConfiguration;
use protocol::sigv4::{Credentials, Request, Scope, body_hash, sign, verify};
use protocol::time::PromDuration;
use protocol::workspace::WorkspaceId;

/// Remote write 1.0, decompressed already.
pub fn remote_write_v1(bytes: &[u8]) {
    let _ = decode(bytes, Version::V1);
}

/// Remote write 2.0, decompressed already.
pub fn remote_write_v2(bytes: &[u8]) {
    let _ = decode(bytes, Version::V2);
}

/// Remote write as it comes from the network. The limit holds whatever the header announces.
pub fn remote_write_snappy(bytes: &[u8]) {
    if let Ok(message) = decompress(bytes, DECODED_BYTES_MAX) {
        assert!(message.len() <= DECODED_BYTES_MAX);
        let _ = decode(&message, Version::V1);
        let _ = decode(&message, Version::V2);
    }
}

/// A pattern; what is promised of its literals must hold.
pub fn go_regex(bytes: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(bytes) else { return };
    if let Ok(regex) = GoRegex::anchored(pattern) {
        let _ = regex.is_match(pattern);
        for literal in regex.literal_alternatives().unwrap_or_default() {
            assert!(regex.is_match(literal), "{pattern:?} does not match its own {literal:?}");
        }
    }
    if let Ok(regex) = GoRegex::unanchored(pattern) {
        let _ = regex.is_match(pattern);
    }
}

/// Matchers of the alert manager; what is printed is read as the same.
pub fn matchers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(matchers) = parse_matchers(text) {
        let printed = matchers_text(&matchers);
        let again = parse_matchers(&printed).expect("what is printed can be read");
        assert_eq!(matchers_text(&again), printed);
    }
}

/// A scrape configuration; its rules are applied to one target.
pub fn scrape_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(configuration) = ScrapeConfiguration::parse(text) else { return };
    let target = Labels::from_pairs([
        ("__address__", "10.0.0.7:9100"),
        ("__meta_kubernetes_pod_label_app", "shop"),
        ("job", "node"),
    ]);
    for job in configuration.jobs() {
        relabel_in_place(&mut LabelsBuilder::new(&target), &job.relabel);
        relabel_in_place(&mut LabelsBuilder::new(&target), &job.metric_relabel);
    }
}

/// A rule file.
pub fn rule_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = RuleFile::parse(text);
}

/// An alert manager definition, and a plain configuration.
pub fn definition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = AlertmanagerConfig::parse(text);
    if AmpDefinition::parse(text, Origin::Api).is_ok() {
        let _ = masked(text);
    }
}

/// What a collector says of itself, as the operator reads it.
pub fn collector_report(bytes: &[u8]) {
    let Ok(report) = serde_json::from_slice::<CollectorReport>(bytes) else { return };
    let written = serde_json::to_vec(&report).expect("a report is plain data");
    assert_eq!(serde_json::from_slice::<CollectorReport>(&written).ok(), Some(report));
}

/// The little texts in files, paths and headers; what is printed is read as the same.
pub fn scalars(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    comes_back::<PromDuration>(text);
    comes_back::<ByteSize>(text);
    comes_back::<WorkspaceId>(text);
    comes_back::<Arn>(text);
    let _ = text.parse::<SecretText>();
}

fn comes_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let printed = value.to_string();
    let again = printed.parse::<T>().ok();
    assert_eq!(again.as_ref(), Some(&value), "{text:?} is printed as {printed:?}");
}

/// A signed request, a line each: method, path, query, then headers. Nobody is believed who has not
/// the secret, and whatever we sign ourselves is.
pub fn signature(bytes: &[u8]) {
    const NOW_SECONDS: i64 = 1_790_000_000;
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query) = (line(), line(), line());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let hash = body_hash(bytes);
    let scope = Scope { region: "eu-west-1", service: "aps" };
    let request = Request { method, path, query, headers: &headers, body_hash: &hash };
    assert!(verify(request, scope, NOW_SECONDS, |_| Some(hash.clone())).is_err());
    let credentials = Credentials {
        access_key_id: "AKID".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    let mut headers = vec![("host".to_owned(), "store:9090".to_owned())];
    headers.extend(sign(
        Request { headers: &headers, ..request },
        &credentials,
        scope,
        NOW_SECONDS,
    ));
    let request = Request { headers: &headers, ..request };
    let verified = verify(request, scope, NOW_SECONDS, |_| Some("secret".to_owned()));
    assert_eq!(verified.as_deref(), Ok("AKID"));
}
