//! Alertmanager's configuration, as users write it.
//!
//! The schema is that of Alertmanager 0.34; unknown fields are refused.
//! [`AlertmanagerConfig::parse`] gives the reference's verdict on a file;
//! [`definition::AmpDefinition`] adds what a workspace of ours demands on top (no files, only
//! receivers that are built).

pub mod checks;
pub mod definition;
pub mod global;
pub mod http;
pub mod masked;
pub mod matchers;
pub mod other_receivers;
pub mod parse;
pub mod receivers;
pub mod secret;
pub mod time_intervals;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::alertmanager_config::global::Global;
use crate::alertmanager_config::receivers::Receiver;
use crate::alertmanager_config::time_intervals::NamedTimeInterval;
use crate::empty_field::null_as_default;
use crate::matcher::Matcher;
use crate::time::PromDuration;

/// One Alertmanager configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerConfig {
    /// Defaults for routes and receivers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub global: Global,
    /// Names of template files.
    #[serde(default, deserialize_with = "null_as_default")]
    pub templates: Vec<String>,
    /// The root of the tree.
    pub route: Route,
    /// Who can be told.
    #[serde(default, deserialize_with = "null_as_default")]
    pub receivers: Vec<Receiver>,
    /// Which alerts mute which.
    #[serde(default, deserialize_with = "null_as_default")]
    pub inhibit_rules: Vec<InhibitRule>,
    /// Named times.
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_intervals: Vec<NamedTimeInterval>,
    /// The old name of the same.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mute_time_intervals: Vec<NamedTimeInterval>,
    /// Of Alertmanager's own process: accepted, without effect here.
    #[serde(default)]
    pub tracing: Option<serde_json::Value>,
    /// Of Alertmanager's own process: accepted, without effect here.
    #[serde(default)]
    pub event_recorder: Option<serde_json::Value>,
}

/// A node of the tree of routes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Whom to tell; inherited where absent.
    #[serde(default)]
    pub receiver: Option<String>,
    /// Labels that make a group; `...` means all. An empty list overrides the parent's.
    #[serde(default)]
    pub group_by: Option<Vec<String>>,
    /// Whether the siblings after this node are tried too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
    /// The old equality matchers.
    #[serde(default, rename = "match", deserialize_with = "matchers::from_equal")]
    pub match_equal: Vec<Matcher>,
    /// The old regex matchers.
    #[serde(default, deserialize_with = "matchers::from_regex")]
    pub match_re: Vec<Matcher>,
    /// The matchers of today.
    #[serde(default, deserialize_with = "matchers::from_texts")]
    pub matchers: Vec<Matcher>,
    /// Templated labels of the route.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
    /// How long a new group waits before its first message.
    #[serde(default)]
    pub group_wait: Option<PromDuration>,
    /// How long after a message the next one may go out.
    #[serde(default)]
    pub group_interval: Option<PromDuration>,
    /// After how long an unchanged message is sent again.
    #[serde(default)]
    pub repeat_interval: Option<PromDuration>,
    /// Times in which nothing is sent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mute_time_intervals: Vec<String>,
    /// Times outside of which nothing is sent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub active_time_intervals: Vec<String>,
    /// The nodes below.
    #[serde(default, deserialize_with = "null_as_default")]
    pub routes: Vec<Route>,
}

impl Route {
    /// All three spellings together, in Alertmanager's order: by name, value, operator.
    pub fn all_matchers(&self) -> Vec<Matcher> {
        sorted_matchers([&self.match_equal, &self.match_re, &self.matchers])
    }

    /// Whether it names any condition.
    pub fn has_matchers(&self) -> bool {
        !(self.match_equal.is_empty() && self.match_re.is_empty() && self.matchers.is_empty())
    }
}

/// Alerts that mute others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InhibitRule {
    /// For logs and explanations.
    #[serde(default)]
    pub name: Option<String>,
    /// What a muting alert looks like: equality, the old way.
    #[serde(default, deserialize_with = "matchers::from_equal")]
    pub source_match: Vec<Matcher>,
    /// Patterns, the old way.
    #[serde(default, deserialize_with = "matchers::from_regex")]
    pub source_match_re: Vec<Matcher>,
    /// What a muting alert looks like.
    #[serde(default, deserialize_with = "matchers::from_texts")]
    pub source_matchers: Vec<Matcher>,
    /// What a muted alert looks like: equality, the old way.
    #[serde(default, deserialize_with = "matchers::from_equal")]
    pub target_match: Vec<Matcher>,
    /// Patterns, the old way.
    #[serde(default, deserialize_with = "matchers::from_regex")]
    pub target_match_re: Vec<Matcher>,
    /// What a muted alert looks like.
    #[serde(default, deserialize_with = "matchers::from_texts")]
    pub target_matchers: Vec<Matcher>,
    /// Labels that must be alike on both; an absent one equals an empty one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub equal: Vec<String>,
}

impl InhibitRule {
    /// All conditions on the muting alert.
    pub fn all_source_matchers(&self) -> Vec<Matcher> {
        sorted_matchers([&self.source_match, &self.source_match_re, &self.source_matchers])
    }

    /// All conditions on the muted alert.
    pub fn all_target_matchers(&self) -> Vec<Matcher> {
        sorted_matchers([&self.target_match, &self.target_match_re, &self.target_matchers])
    }
}

fn sorted_matchers(parts: [&Vec<Matcher>; 3]) -> Vec<Matcher> {
    let mut all: Vec<Matcher> = parts.into_iter().flatten().cloned().collect();
    all.sort_by(|a, b| (&a.name, &a.value, a.op).cmp(&(&b.name, &b.value, b.op)));
    all
}

#[cfg(test)]
mod tests;
