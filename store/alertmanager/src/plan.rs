//! A definition made ready to run.

use std::collections::BTreeMap;

use protocol::alertmanager_config::definition::AmpDefinition;
use protocol::alertmanager_config::http::HttpConfig;
use protocol::alertmanager_config::receivers::{Receiver, SnsConfig, WebhookConfig};

use crate::route::RouteTree;
use crate::time_interval::{TimeIntervals, UnknownZone};

/// What a workspace's alert manager runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who hears of what.
    pub tree: RouteTree,
    /// How each receiver is told, by its name.
    pub receivers: BTreeMap<String, Vec<Integration>>,
    /// Named times.
    pub intervals: TimeIntervals,
    /// How long an alert without an end lives.
    pub resolve_timeout_ms: i64,
    /// The definition itself.
    pub definition: AmpDefinition,
    /// Of the definition's text, as the store reckons it.
    pub content_hash: String,
}

/// One way of telling a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// Its place among those of its kind.
    pub index: u32,
    /// Whether resolved alerts are told.
    pub send_resolved: bool,
    /// By what.
    pub target: Target,
}

/// By what a receiver is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// An HTTP request; its `http_config` or else the global one.
    Webhook(Box<WebhookConfig>, Box<HttpConfig>),
    /// An SNS topic; its `http_config` or else the global one.
    Sns(Box<SnsConfig>, Box<HttpConfig>),
}

impl Target {
    /// The kind, as Alertmanager names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(..) => "webhook",
            Self::Sns(..) => "sns",
        }
    }
}

impl Plan {
    /// Makes a checked definition ready.
    pub fn new(definition: AmpDefinition, content_hash: String) -> Result<Self, UnknownZone> {
        let config = &definition.config;
        let global = config.global.http_config.clone().unwrap_or_default();
        let receivers = config.receivers.iter();
        let receivers =
            receivers.map(|receiver| (receiver.name.clone(), integrations(receiver, &global)));
        Ok(Self {
            tree: RouteTree::new(&config.route),
            receivers: receivers.collect(),
            intervals: TimeIntervals::new(config)?,
            resolve_timeout_ms: config.global.resolve_timeout().as_millis(),
            content_hash,
            definition,
        })
    }
}

fn integrations(receiver: &Receiver, global: &HttpConfig) -> Vec<Integration> {
    let http = |own: &Option<HttpConfig>| Box::new(own.clone().unwrap_or_else(|| global.clone()));
    let webhooks = receiver.webhooks().zip(0..).map(|(config, index)| Integration {
        index,
        send_resolved: config.send_resolved,
        target: Target::Webhook(Box::new(config.clone()), http(&config.http_config)),
    });
    let topics = receiver.sns().zip(0..).map(|(config, index)| Integration {
        index,
        send_resolved: config.send_resolved,
        target: Target::Sns(Box::new(config.clone()), http(&config.http_config)),
    });
    webhooks.chain(topics).collect()
}
