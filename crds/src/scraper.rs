//! Scraper: where to find targets, where to send samples.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::references::{SecretKeyRef, WorkspaceRef};
use crate::status::CommonStatus;

/// A managed collector.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "hearth.dev",
    version = "v1alpha1",
    kind = "Scraper",
    namespaced,
    status = "ScraperStatus",
    shortname = "hsc",
    category = "hearth",
    printcolumn = r#"{"name":"Workspace","type":"string","jsonPath":".spec.destination.workspaceRef.name"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScraperSpec {
    /// A name for people, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub alias: Option<String>,
    /// Tags, as AMP has them; the prefix `hearth.dev/` is reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where the samples go.
    pub destination: Destination,
    /// A scrape configuration of Prometheus or AMP, unchanged: `global` and `scrape_configs`.
    #[schemars(length(min = 1, max = 1048576))]
    pub scrape_configuration: String,
}

/// Where samples go: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// A Workspace of Hearth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_ref: Option<WorkspaceRef>,
    /// Any remote write receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_write: Option<RemoteWriteDestination>,
}

/// Any remote write receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteWriteDestination {
    /// The whole URL of the receiver, http or https.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// A bearer token sent with every request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<BearerAuthorization>,
}

/// A bearer token from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BearerAuthorization {
    /// Where the token is.
    pub credentials: SecretKeyRef,
}

/// What the collectors say of their targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScraperStatus {
    /// Generation and conditions.
    #[serde(flatten)]
    pub common: CommonStatus,
}
