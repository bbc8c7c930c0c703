//! An alert manager definition, as AMP stores it.
//!
//! AMP wraps the configuration: a map with the keys `template_files` and `alertmanager_config` (a
//! text that holds the configuration). A plain Alertmanager file is taken too; the rule: a document
//! with the key `alertmanager_config` at its top is AMP's form, any other is the plain one.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::alertmanager_config::http::HttpConfig;
use crate::alertmanager_config::receivers::{Receiver, SnsConfig, WebhookConfig};
use crate::alertmanager_config::secret::SecretText;
use crate::alertmanager_config::{AlertmanagerConfig, CONFIG_BYTES_MAX, or_default};
use crate::fault::Fault;
use crate::places::Places;
use crate::yaml::embed;

/// Longest repeat interval that AMP honours: five days.
pub const REPEAT_INTERVAL_DAYS_MAX: u64 = 5;

/// A workspace's definition: the configuration and its templates.
#[derive(Clone, Debug, PartialEq)]
pub struct AmpDefinition {
    /// Template texts by name.
    pub template_files: BTreeMap<String, String>,
    /// The configuration.
    pub config: AlertmanagerConfig,
    /// The configuration as it was written.
    pub config_text: String,
}

/// Where a definition came from: the API refuses what only the machine's owner may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A tenant, through the control API: no files, AMP's rules for SNS.
    Api,
    /// The owner of the process. `http_config` and `api_url` of SNS are allowed; files are not
    /// built.
    Local,
}

/// The field of AMP's form that holds the configuration.
const INNER: &str = "alertmanager_config";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    #[serde(default, deserialize_with = "or_default")]
    template_files: BTreeMap<String, String>,
    alertmanager_config: String,
}

impl AmpDefinition {
    /// A fault found later at a path of the configuration (or at `template_files.NAME`), placed in
    /// the text of the definition.
    pub fn fault(text: &str, path: &str, message: impl Into<String>) -> Fault {
        let places = Places::read(text);
        let wrapped = places.has(INNER);
        if !wrapped || path.starts_with("template_files") {
            return places.fault(path, message);
        }
        let inner: Option<Wrapped> = crate::yaml::from_str(text).ok();
        let inner = inner.map(|raw| raw.alertmanager_config).unwrap_or_default();
        let fault = Places::read(&inner).fault(path, message);
        let mut embedded = embed(text, INNER, vec![fault]);
        embedded.pop().expect("one fault goes in, one comes out")
    }

    /// Reads a definition; all faults, or a definition that can be run.
    pub fn parse(text: &str, origin: Origin) -> Result<Self, Vec<Fault>> {
        let places = Places::read(text);
        if text.len() > CONFIG_BYTES_MAX {
            let limit = format!("the definition is longer than {CONFIG_BYTES_MAX} bytes");
            return Err(vec![places.fault("", limit)]);
        }
        let wrapped = places.has(INNER);
        let (template_files, config_text) = if wrapped {
            let raw: Wrapped =
                crate::yaml::from_str(text).map_err(|error| vec![places.yaml_fault(&error)])?;
            (raw.template_files, raw.alertmanager_config)
        } else {
            (BTreeMap::new(), text.to_owned())
        };
        let placed = |faults| if wrapped { embed(text, INNER, faults) } else { faults };
        let config = AlertmanagerConfig::parse(&config_text).map_err(placed)?;
        let faults = placed(demands(&config, &Places::read(&config_text), origin));
        let faults: Vec<Fault> =
            template_faults(&template_files, &places).into_iter().chain(faults).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { template_files, config, config_text })
    }
}

fn template_faults(files: &BTreeMap<String, String>, places: &Places) -> Vec<Fault> {
    let bad = |name: &&String| {
        name.is_empty() || name.contains(['/', '\\']) || name.as_str() == "." || *name == ".."
    };
    let fault = |name: &String| {
        let message = format!("template name {name:?} is not a plain file name");
        places.fault(format!("template_files.{name}"), message)
    };
    files.keys().filter(bad).map(fault).collect()
}

/// What a workspace demands beyond the reference.
fn demands(config: &AlertmanagerConfig, places: &Places, origin: Origin) -> Vec<Fault> {
    let mut demands = Demands { places, origin, faults: Vec::new() };
    for name in crate::alertmanager_config::global::Global::TEXT_FIELDS {
        if name.ends_with("_file") && config.global.text(name).is_some() {
            demands.file(&format!("global.{name}"));
        }
    }
    demands.http("global.http_config", config.global.http_config.as_ref());
    for (at, receiver) in config.receivers.iter().enumerate() {
        demands.receiver(receiver, &format!("receivers[{at}]"));
    }
    demands.routes(&config.route, "route");
    demands.faults
}

struct Demands<'a> {
    places: &'a Places,
    origin: Origin,
    faults: Vec<Fault>,
}

impl Demands<'_> {
    fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(self.places.fault(path, message));
    }

    fn file(&mut self, path: &str) {
        let field = path.rsplit('.').next().unwrap_or(path);
        self.fault(
            path,
            format!("{field} is refused: a definition names no files, use secret://NAME/KEY"),
        );
    }

    fn unbuilt(&mut self, set: bool, path: &str) {
        if set {
            let field = path.rsplit('.').next().unwrap_or(path);
            self.fault(path, format!("{field} is not built yet"));
        }
    }

    fn http(&mut self, path: &str, config: Option<&HttpConfig>) {
        let Some(config) = config else { return };
        for field in config.file_fields() {
            self.file(&format!("{path}.{field}"));
        }
        for field in config.unbuilt_fields() {
            self.unbuilt(true, &format!("{path}.{field}"));
        }
    }

    fn receiver(&mut self, receiver: &Receiver, path: &str) {
        for (at, config) in receiver.webhook_configs.iter().enumerate() {
            if let Some(config) = config {
                self.webhook(config, &format!("{path}.webhook_configs[{at}]"));
            }
        }
        for (at, config) in receiver.sns_configs.iter().enumerate() {
            if let Some(config) = config {
                self.sns(config, &format!("{path}.sns_configs[{at}]"));
            }
        }
        let pagerduty = !receiver.pagerduty_configs.is_empty();
        let others = receiver.written().into_iter().filter(|(_, list)| !list.is_empty());
        let fields = others.map(|(field, _)| field);
        for field in fields.chain(pagerduty.then_some("pagerduty_configs")) {
            let kind = field.strip_suffix("_configs").unwrap_or(field);
            self.fault(
                &format!("{path}.{field}"),
                format!("receiver kind {kind} is not built yet"),
            );
        }
    }

    fn webhook(&mut self, config: &WebhookConfig, path: &str) {
        if config.url_file.is_some() {
            self.file(&format!("{path}.url_file"));
        }
        self.unbuilt(config.payload.is_some(), &format!("{path}.payload"));
        if let Some(SecretText::Inline(url)) = &config.url {
            let url = url.expose();
            let http = url.starts_with("http://") || url.starts_with("https://");
            let path = format!("{path}.url");
            if url.contains("{{") {
                self.fault(&path, "a template in url is not built yet");
            } else if !http {
                self.fault(&path, "unsupported scheme for URL, http and https are known");
            }
        }
        self.http(&format!("{path}.http_config"), config.http_config.as_ref());
    }

    fn sns(&mut self, config: &SnsConfig, path: &str) {
        if config.sigv4.region.is_none() {
            self.fault(&format!("{path}.sigv4.region"), "sigv4.region is required");
        }
        if self.origin == Origin::Api {
            for (set, field) in [
                (config.api_url.is_some(), "api_url"),
                (config.http_config.is_some(), "http_config"),
            ] {
                if set {
                    let message = format!("{field} is not allowed in sns_configs of a definition");
                    self.fault(&format!("{path}.{field}"), message);
                }
            }
        }
        self.unbuilt(config.sigv4.profile.is_some(), &format!("{path}.sigv4.profile"));
        self.unbuilt(config.sigv4.role_arn.is_some(), &format!("{path}.sigv4.role_arn"));
        self.http(&format!("{path}.http_config"), config.http_config.as_ref());
    }

    fn routes(&mut self, route: &crate::alertmanager_config::Route, path: &str) {
        self.unbuilt(!route.labels.is_empty(), &format!("{path}.labels"));
        for (at, child) in route.routes.iter().enumerate() {
            self.routes(child, &format!("{path}.routes[{at}]"));
        }
    }
}
