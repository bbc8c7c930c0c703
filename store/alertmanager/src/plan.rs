//! A definition made ready to run.

use std::collections::BTreeMap;

use protocol::alertmanager_config::definition::{AmpDefinition, Origin};
use protocol::alertmanager_config::http::HttpConfig;
use protocol::alertmanager_config::receivers::{Receiver, SnsConfig, WebhookConfig};
use protocol::fault::Fault;
use templates::error::TemplateError;
use templates::functions_alert::alert_functions_for_parsing;
use templates::set::TemplateSet;

use crate::default_templates::DEFAULT_TEMPLATES;
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
    /// The default templates and the definition's own.
    pub templates: TemplateSet,
    /// How long an alert without an end lives.
    pub resolve_timeout_ms: i64,
    /// The definition itself.
    pub definition: AmpDefinition,
    /// Of the definition's text, as the store reckons it.
    pub content_hash: String,
}

/// Why a definition that was read cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A time zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// A template, with the field or file that holds it.
    #[error("{place}: {error}")]
    Template {
        /// `template_files.NAME` or `receivers[0].sns_configs[0].message`.
        place: String,
        /// What is wrong with it.
        error: TemplateError,
    },
    /// `templates:` names something that is not there.
    #[error("no entry of template_files fits {name:?} in templates")]
    NoSuchTemplateFile {
        /// Its place in the list.
        at: usize,
        /// What is named.
        name: String,
    },
}

impl PlanError {
    fn path_and_message(&self) -> (String, String) {
        match self {
            Self::Zone(zone) => (zone.path.clone(), zone.to_string()),
            Self::Template { place, error } => (place.clone(), error.to_string()),
            Self::NoSuchTemplateFile { at, .. } => (format!("templates[{at}]"), self.to_string()),
        }
    }
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
    /// The whole verdict on a definition's text: what `hearth check`, the control API and admission
    /// say.
    pub fn check(text: &str, origin: Origin) -> Result<AmpDefinition, Vec<Fault>> {
        let definition = AmpDefinition::parse(text, origin)?;
        match Self::new(definition.clone(), String::new()) {
            Ok(_) => Ok(definition),
            Err(error) => {
                let (path, message) = error.path_and_message();
                Err(vec![AmpDefinition::fault(text, &path, message)])
            }
        }
    }

    /// Makes a checked definition ready; also the last of the checks before a definition is
    /// accepted.
    pub fn new(definition: AmpDefinition, content_hash: String) -> Result<Self, PlanError> {
        let config = &definition.config;
        let global = config.global.http_config.clone().unwrap_or_default();
        let receivers = config.receivers.iter();
        let receivers =
            receivers.map(|receiver| (receiver.name.clone(), integrations(receiver, &global)));
        Ok(Self {
            tree: RouteTree::new(&config.route),
            receivers: receivers.collect(),
            intervals: TimeIntervals::new(config)?,
            templates: template_set(&definition)?,
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

fn template_set(definition: &AmpDefinition) -> Result<TemplateSet, PlanError> {
    let functions = alert_functions_for_parsing();
    let parsed = TemplateSet::parse(DEFAULT_TEMPLATES, functions);
    let mut set = parsed.expect("the default templates are templates");
    for (name, text) in &definition.template_files {
        set = set.with_text(name, text).map_err(|error| PlanError::Template {
            place: format!("template_files.{name}"),
            error,
        })?;
    }
    for (at, name) in definition.config.templates.iter().enumerate() {
        if !definition.template_files.keys().any(|file| glob_fits(name, file)) {
            return Err(PlanError::NoSuchTemplateFile { at, name: name.clone() });
        }
    }
    for (at, receiver) in definition.config.receivers.iter().enumerate() {
        for (number, config) in receiver.sns().enumerate() {
            check_texts(&set, config, &format!("receivers[{at}].sns_configs[{number}]"))?;
        }
    }
    Ok(set)
}

fn check_texts(set: &TemplateSet, config: &SnsConfig, path: &str) -> Result<(), PlanError> {
    let attributes = config.attributes.iter();
    let attributes = attributes.map(|(name, value)| (format!("attributes.{name}"), value));
    let texts = config.subject.iter().map(|text| ("subject".to_owned(), text));
    let texts = texts.chain(config.message.iter().map(|text| ("message".to_owned(), text)));
    for (field, text) in texts.chain(attributes) {
        set.with_text("", text)
            .map_err(|error| PlanError::Template { place: format!("{path}.{field}"), error })?;
    }
    Ok(())
}

/// A name with at most one `*`, as `templates:` has them.
fn glob_fits(glob: &str, name: &str) -> bool {
    match glob.split_once('*') {
        None => glob == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(inner: &str) -> String {
        let inner: String = inner.lines().fold(String::new(), |all, line| all + "  " + line + "\n");
        let text = format!("template_files: {{a.tmpl: ''}}\nalertmanager_config: |\n{inner}");
        let faults = Plan::check(&text, Origin::Api).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn faults_of_templates_and_zones_have_their_places() {
        let good = "route: {receiver: a}\nreceivers: [{name: a}]\n";
        assert_eq!(told(&format!("{good}templates: [a.tmpl, '*.tmpl', 'a*']")), "");
        assert_eq!(
            told(&format!("{good}templates: [b.tmpl]")),
            "5:15: alertmanager_config.templates[0]: no entry of template_files fits \"b.tmpl\" in \
             templates"
        );
        let zone = "time_intervals: [{name: t, time_intervals: [{location: Mars/Base}]}]";
        assert_eq!(
            told(&format!("{good}{zone}")),
            "5:58: alertmanager_config.time_intervals[0].time_intervals[0].location: time interval \
             \"t\": unknown time zone \"Mars/Base\", expected a name like Europe/Berlin"
        );
        let sns = "receivers:\n- name: a\n  sns_configs:\n  - topic_arn: t\n    sigv4: {region: r}\n    \
                   message: '{{ nothing }}'\n";
        let told = told(&format!("route: {{receiver: a}}\n{sns}"));
        assert!(
            told.starts_with("9:16: alertmanager_config.receivers[0].sns_configs[0].message: "),
            "{told}"
        );
        assert!(told.contains("nothing"), "{told}");
    }
}
