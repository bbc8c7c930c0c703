//! A workspace's configuration: AMP's four fields and ours.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::amp_api::status::Status;
use crate::time::{DurationError, PromDuration};

/// AMP's default.
pub const RETENTION_DAYS_DEFAULT: u32 = 150;
/// AMP stops at 1095; a century is where we call it a mistake. `hearth.retention` knows
/// `unlimited`.
pub const RETENTION_DAYS_MAX: u32 = 36_500;
/// AMP's default.
pub const OUT_OF_ORDER_SECONDS_DEFAULT: u32 = 60;
/// AMP stops at 600; ten years is where we call it a mistake. `hearth.outOfOrder` knows
/// `unlimited`.
pub const OUT_OF_ORDER_SECONDS_MAX: u32 = 315_360_000;
/// AMP's bound.
pub const RULE_QUERY_OFFSET_SECONDS_MAX: u32 = 86_400;
/// Label sets with a limit of their own.
pub const LABEL_SETS_MAX: usize = 100;

/// How far something reaches: a duration, or without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Without end.
    Unlimited,
    /// This far.
    For(PromDuration),
}

impl FromStr for Reach {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        text.parse().map(Self::For)
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::For(duration) => fmt::Display::fmt(duration, f),
        }
    }
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error| {
            serde::de::Error::custom(format!("neither \"unlimited\" nor a duration: {error}"))
        })
    }
}

/// What a workspace configuration says beyond AMP. In a request, what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigurationExtras {
    /// How much older than the newest sample of its series a sample may be: `unlimited` or a
    /// duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<Reach>,
    /// How long samples are kept: `unlimited` or a duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Reach>,
    /// Prometheus's names of feature flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Limits by name; see [`crate::limits`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u64>>,
    /// SHA-256 of the configuration; only in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// SHA-256 of the configuration that runs; only in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programmed_hash: Option<String>,
}

/// A limit on the series that hold all these labels; the empty set holds what no other set does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsPerLabelSet {
    /// The limits.
    pub limits: LabelSetLimits,
    /// The labels.
    pub label_set: BTreeMap<String, String>,
}

/// The limits of a label set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSetLimits {
    /// Active series; 0: counted, not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_series: Option<u64>,
}

/// UpdateWorkspaceConfiguration. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConfigurationRequest {
    /// Replaces the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits_per_label_set: Option<Vec<LimitsPerLabelSet>>,
    /// 1 to [`RETENTION_DAYS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_period_in_days: Option<u32>,
    /// 0 to [`OUT_OF_ORDER_SECONDS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order_time_window_in_seconds: Option<u32>,
    /// 0 to [`RULE_QUERY_OFFSET_SECONDS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_query_offset_in_seconds: Option<u32>,
    /// Makes retries safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    /// Beyond AMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<ConfigurationExtras>,
}

/// Answer of UpdateWorkspaceConfiguration, of the definitions' create and put, and the like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusResponse {
    /// Where it stands.
    pub status: Status,
}

/// A configuration as it is described: every value that is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationDescription {
    /// Where it stands.
    pub status: Status,
    /// Limits of label sets.
    #[serde(default)]
    pub limits_per_label_set: Vec<LimitsPerLabelSet>,
    /// Absent where `hearth.retention` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_period_in_days: Option<u32>,
    /// Absent where `hearth.outOfOrder` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_order_time_window_in_seconds: Option<u32>,
    /// How far in the past rules are evaluated.
    pub rule_query_offset_in_seconds: u32,
    /// Beyond AMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hearth: Option<ConfigurationExtras>,
}

/// Answer of DescribeWorkspaceConfiguration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeConfigurationResponse {
    /// The configuration.
    pub workspace_configuration: ConfigurationDescription,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_extras_read_as_documented_and_refuse_what_they_do_not_know() {
        let text = r#"{"hearth": {"outOfOrder": "unlimited", "retention": "2y",
            "features": ["promql-delayed-name-removal"]}}"#;
        let request: UpdateConfigurationRequest = serde_json::from_str(text).expect("valid");
        let extras = request.hearth.expect("extras");
        assert_eq!(extras.out_of_order, Some(Reach::Unlimited));
        assert_eq!(extras.retention.map(|r| r.to_string()).as_deref(), Some("2y"));
        let unknown = r#"{"hearth": {"retentoin": "1y"}}"#;
        let fault = serde_json::from_str::<UpdateConfigurationRequest>(unknown)
            .expect_err("a field that does not exist");
        assert!(fault.to_string().contains("retentoin"), "{fault}");
        let unknown = r#"{"hearth": {"retention": "forever"}}"#;
        assert!(serde_json::from_str::<UpdateConfigurationRequest>(unknown).is_err());
    }
}
