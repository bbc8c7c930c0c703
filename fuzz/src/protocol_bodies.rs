//! Hostile bytes for `protocol`.

use protocol::alertmanager_config::AlertmanagerConfig;
use protocol::alertmanager_config::definition::{AmpDefinition, Origin};
use protocol::alertmanager_config::masked::masked;
use protocol::alertmanager_config::matchers::{matchers_text, parse_matchers};
use protocol::amp_api::alert_manager::PutDefinitionRequest;
use protocol::amp_api::configuration::UpdateConfigurationRequest;
use protocol::amp_api::rule_namespaces::CreateRuleNamespaceRequest;
use protocol::amp_api::secrets::PutSecretRequest;
use protocol::amp_api::tags::TagsDocument;
use protocol::amp_api::workspaces::{CreateWorkspaceRequest, UpdateWorkspaceAliasRequest};
use protocol::go_regex::GoRegex;
use protocol::remote_write::decode::decode;
use protocol::remote_write::{DECODED_BYTES_MAX, Version, decompress};
use protocol::rule_file::RuleFile;
use protocol::scrape_config::ScrapeConfiguration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// A scrape configuration.
pub fn scrape_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(configuration) = ScrapeConfiguration::parse(text) {
        let _ = configuration.jobs();
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

/// Bodies of the control API: read as an object first, as the store does.
pub fn control_api(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    read::<CreateWorkspaceRequest>(&body);
    read::<UpdateWorkspaceAliasRequest>(&body);
    read::<UpdateConfigurationRequest>(&body);
    read::<PutDefinitionRequest>(&body);
    read::<CreateRuleNamespaceRequest>(&body);
    read::<PutSecretRequest>(&body);
    read::<TagsDocument>(&body);
}

fn read<T: DeserializeOwned>(body: &Value) {
    let _ = <T as Deserialize>::deserialize(body.clone());
}
