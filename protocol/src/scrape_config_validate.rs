//! Finds all that is wrong in a scrape configuration.
//!
//! Accepts and refuses what Prometheus does; what Prometheus takes but we do not is a fault of the
//! kind `Unsupported`. Nothing stops at the first fault.

use std::collections::BTreeSet;

use crate::fault::Fault;
use crate::labels::is_legacy_label_name;
use crate::relabel::RelabelConfig;
use crate::scrape_config::{GlobalConfig, ScrapeConfig, ScrapeConfiguration};
use crate::scrape_config_discovery::{
    FileSdConfig, HttpSdConfig, KubernetesRole, KubernetesSdConfig, StaticConfig,
};
use crate::scrape_config_faults::Faults;
use crate::scrape_config_resolve::{EscapingScheme, ScrapeProtocol};

impl ScrapeConfiguration {
    /// All faults, in the order of the struct's fields.
    pub fn validate(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        let faults = &mut Faults::new(&mut found);
        self.global.validate(&mut faults.at("global"));
        let mut names = BTreeSet::new();
        for (at, job) in self.scrape_configs.iter().enumerate() {
            let mut list = faults.at("scrape_configs");
            let faults = &mut list.item(at);
            let Some(job) = job else {
                faults.invalid("empty or null scrape config");
                continue;
            };
            job.validate(&self.global, faults);
            if !job.job_name.is_empty() && !names.insert(&job.job_name) {
                let message = format!("{:?} is used by another scrape config", job.job_name);
                faults.at("job_name").invalid(message);
            }
        }
        self.foreign_sections(faults);
        found
    }

    fn foreign_sections(&self, faults: &mut Faults<'_>) {
        let sections = [
            ("scrape_config_files", self.scrape_config_files.is_some(), "put its jobs here"),
            ("rule_files", self.rule_files.is_some(), "use a RuleGroup"),
            ("alerting", self.alerting.is_some(), "use an AlertManagerConfig"),
            ("remote_write", self.remote_write.is_some(), "use the Scraper's destination"),
            ("remote_read", self.remote_read.is_some(), "a collector answers no queries"),
            ("storage", self.storage.is_some(), "it belongs to the Workspace"),
            ("otlp", self.otlp.is_some(), "it belongs to the Workspace"),
            ("tracing", self.tracing.is_some(), "it belongs to the process"),
            ("runtime", self.runtime.is_some(), "it belongs to the process"),
        ];
        for (name, present, instead) in sections {
            if present {
                let message = format!("no part of a scrape configuration; {instead}");
                faults.at(name).unsupported(&message);
            }
        }
    }
}

impl GlobalConfig {
    fn validate(&self, faults: &mut Faults<'_>) {
        if let (Some(interval), Some(timeout)) = (self.scrape_interval, self.scrape_timeout)
            && timeout > interval
            && !interval.is_zero()
        {
            let message = format!("{timeout} is greater than the scrape interval {interval}");
            faults.at("scrape_timeout").invalid(message);
        }
        let legacy = self.metric_name_validation_scheme.as_deref() == Some("legacy");
        for name in self.external_labels.keys() {
            if name.is_empty() || (legacy && !is_legacy_label_name(name)) {
                let message = format!("{name:?} is no label name");
                faults.at("external_labels").invalid(message);
            }
        }
        if self.external_labels.values().any(|value| value.contains('$')) {
            faults
                .at("external_labels")
                .unsupported("environment variables are not filled in; write the values");
        }
        protocols(self.scrape_protocols.as_deref(), faults);
        name_schemes(
            self.metric_name_validation_scheme.as_deref(),
            self.metric_name_escaping_scheme.as_deref(),
            legacy,
            faults,
        );
        for (field, file) in [
            ("query_log_file", &self.query_log_file),
            ("scrape_failure_log_file", &self.scrape_failure_log_file),
        ] {
            if file.is_some() {
                faults.at(field).unsupported("the collector logs to its own log");
            }
        }
    }
}

impl ScrapeConfig {
    fn validate(&self, global: &GlobalConfig, faults: &mut Faults<'_>) {
        if self.job_name.is_empty() {
            faults.at("job_name").invalid("must not be empty");
        }
        let (interval, timeout) = (self.effective_interval(global), self.effective_timeout(global));
        if timeout > interval {
            let message = format!("{timeout} is greater than the scrape interval {interval}");
            faults.at("scrape_timeout").invalid(message);
        }
        protocols(self.scrape_protocols.as_deref(), faults);
        if let Some(name) = &self.fallback_scrape_protocol
            && ScrapeProtocol::parse(name).is_none()
        {
            faults.at("fallback_scrape_protocol").invalid(unknown_protocol(name));
        }
        if let Some(scheme) = self.scheme.as_deref()
            && !["", "http", "https"].contains(&scheme)
        {
            faults.at("scheme").invalid(format!("{scheme:?} is neither http nor https"));
        }
        let legacy = self.is_legacy(global);
        let own_legacy = self.metric_name_validation_scheme.is_some();
        let own = self.metric_name_escaping_scheme.as_deref();
        let inherited = global.metric_name_escaping_scheme.as_deref();
        let escaping = if own_legacy && legacy { own } else { own.or(inherited) };
        let scheme = self.metric_name_validation_scheme.as_deref();
        name_schemes(scheme, escaping, legacy, faults);
        self.http_client().validate(faults);
        self.validate_discovery(faults);
        relabel_rules("relabel_configs", &self.relabel_configs, legacy, faults);
        relabel_rules("metric_relabel_configs", &self.metric_relabel_configs, legacy, faults);
        if self.scrape_failure_log_file.is_some() {
            let mut faults = faults.at("scrape_failure_log_file");
            faults.unsupported("the collector logs to its own log");
        }
    }

    fn validate_discovery(&self, faults: &mut Faults<'_>) {
        for (at, group) in self.static_configs.iter().enumerate() {
            let mut list = faults.at("static_configs");
            let faults = &mut list.item(at);
            match group {
                None => faults.invalid("empty or null section"),
                Some(group) => group.validate(!self.relabel_configs.is_empty(), faults),
            }
        }
        for (at, config) in self.file_sd_configs.iter().enumerate() {
            config.validate(&mut faults.at("file_sd_configs").item(at));
        }
        for (at, config) in self.http_sd_configs.iter().enumerate() {
            config.validate(&mut faults.at("http_sd_configs").item(at));
        }
        for (at, config) in self.kubernetes_sd_configs.iter().enumerate() {
            config.validate(&mut faults.at("kubernetes_sd_configs").item(at));
        }
        for (name, config) in self.other_discoveries() {
            if config.is_some() {
                faults.at(name).unsupported(
                    "use static_configs, file_sd_configs, http_sd_configs or \
                     kubernetes_sd_configs",
                );
            }
        }
    }

    /// Every discovery that is recognised only.
    fn other_discoveries(&self) -> [(&'static str, &Option<serde_json::Value>); 29] {
        [
            ("aws_sd_configs", &self.aws_sd_configs),
            ("azure_sd_configs", &self.azure_sd_configs),
            ("consul_sd_configs", &self.consul_sd_configs),
            ("digitalocean_sd_configs", &self.digitalocean_sd_configs),
            ("dns_sd_configs", &self.dns_sd_configs),
            ("docker_sd_configs", &self.docker_sd_configs),
            ("dockerswarm_sd_configs", &self.dockerswarm_sd_configs),
            ("ec2_sd_configs", &self.ec2_sd_configs),
            ("eureka_sd_configs", &self.eureka_sd_configs),
            ("gce_sd_configs", &self.gce_sd_configs),
            ("hetzner_sd_configs", &self.hetzner_sd_configs),
            ("ionos_sd_configs", &self.ionos_sd_configs),
            ("kuma_sd_configs", &self.kuma_sd_configs),
            ("lightsail_sd_configs", &self.lightsail_sd_configs),
            ("linode_sd_configs", &self.linode_sd_configs),
            ("marathon_sd_configs", &self.marathon_sd_configs),
            ("nerve_sd_configs", &self.nerve_sd_configs),
            ("nomad_sd_configs", &self.nomad_sd_configs),
            ("oci_sd_configs", &self.oci_sd_configs),
            ("openstack_sd_configs", &self.openstack_sd_configs),
            ("outscale_sd_configs", &self.outscale_sd_configs),
            ("ovhcloud_sd_configs", &self.ovhcloud_sd_configs),
            ("puppetdb_sd_configs", &self.puppetdb_sd_configs),
            ("scaleway_sd_configs", &self.scaleway_sd_configs),
            ("serverset_sd_configs", &self.serverset_sd_configs),
            ("stackit_sd_configs", &self.stackit_sd_configs),
            ("triton_sd_configs", &self.triton_sd_configs),
            ("uyuni_sd_configs", &self.uyuni_sd_configs),
            ("vultr_sd_configs", &self.vultr_sd_configs),
        ]
    }
}

impl StaticConfig {
    /// URLs are taken where relabelling may make something of them, as in Prometheus.
    fn validate(&self, relabelled: bool, faults: &mut Faults<'_>) {
        for (at, target) in self.targets.iter().enumerate() {
            if target.contains('/') && !relabelled {
                let message = format!("{target:?} is no host:port: it must not hold a \"/\"");
                faults.at("targets").item(at).invalid(message);
            }
        }
        if self.labels.keys().any(String::is_empty) {
            faults.at("labels").invalid("an empty label name");
        }
    }
}

impl FileSdConfig {
    fn validate(&self, faults: &mut Faults<'_>) {
        if self.files.is_empty() {
            faults.at("files").invalid("must name at least one file");
        }
        for (at, file) in self.files.iter().enumerate() {
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
            let ending = [".json", ".yml", ".yaml"].iter().any(|ending| {
                name.len() >= ending.len() && name.to_ascii_lowercase().ends_with(ending)
            });
            if !ending || folder.contains('*') || name.matches('*').count() > 1 {
                let message = format!(
                    "{file:?} must end in .json, .yml or .yaml, with at most one \"*\" in its \
                     last part"
                );
                faults.at("files").item(at).invalid(message);
            }
        }
    }
}

impl HttpSdConfig {
    fn validate(&self, faults: &mut Faults<'_>) {
        match self.url.split_once("://") {
            _ if self.url.is_empty() => faults.at("url").invalid("must not be empty"),
            Some(("http" | "https", rest)) if !rest.is_empty() && !rest.starts_with('/') => {}
            Some(("http" | "https", _)) => faults.at("url").invalid("names no host"),
            _ => faults.at("url").invalid("must begin with http:// or https://"),
        }
        self.http_client().validate(faults);
    }
}

impl KubernetesSdConfig {
    fn validate(&self, faults: &mut Faults<'_>) {
        let api_server = self.api_server.as_deref().unwrap_or("");
        let kubeconfig = self.kubeconfig_file.as_deref().unwrap_or("");
        if self.role.is_none() {
            faults
                .at("role")
                .invalid("must be one of pod, service, endpoints, endpointslice, node and ingress");
        }
        let http = self.http_client();
        http.validate(faults);
        if !api_server.is_empty() && !kubeconfig.is_empty() {
            faults.at("kubeconfig_file").invalid("cannot stand beside api_server");
        }
        if !kubeconfig.is_empty() && http.is_set() {
            faults.at("kubeconfig_file").invalid("cannot stand beside HTTP client fields");
        }
        if kubeconfig.is_empty() && api_server.is_empty() && http.is_set() {
            faults.at("api_server").invalid("HTTP client fields need an api_server");
        }
        let own = self.namespaces.as_ref().is_some_and(|namespaces| namespaces.own_namespace);
        if own && !(api_server.is_empty() && kubeconfig.is_empty()) {
            let message = "needs neither api_server nor kubeconfig_file";
            faults.at("namespaces").at("own_namespace").invalid(message);
        }
        self.validate_selectors(faults);
    }

    fn validate_selectors(&self, faults: &mut Faults<'_>) {
        let mut seen: Vec<KubernetesRole> = Vec::new();
        for (at, selector) in self.selectors.iter().enumerate() {
            let mut list = faults.at("selectors");
            let faults = &mut list.item(at);
            if seen.contains(&selector.role) {
                let message = format!("a second selector of role {}", selector.role.as_str());
                faults.at("role").invalid(message);
            }
            seen.push(selector.role);
            if let Some(role) = self.role
                && !role.selectable().contains(&selector.role)
            {
                let (own, other) = (role.as_str(), selector.role.as_str());
                faults.at("role").invalid(format!("role {own} takes no selector of role {other}"));
            }
            let field = selector.field.as_deref().unwrap_or("");
            let terms = field.split(',').filter(|term| !term.is_empty());
            for term in terms.filter(|term| !term.contains('=')) {
                faults.at("field").invalid(format!("{term:?} is no field selector: no operator"));
            }
        }
    }
}

fn protocols(names: Option<&[String]>, faults: &mut Faults<'_>) {
    let mut seen = BTreeSet::new();
    for (at, name) in names.unwrap_or_default().iter().enumerate() {
        let mut list = faults.at("scrape_protocols");
        let faults = &mut list.item(at);
        if ScrapeProtocol::parse(name).is_none() {
            faults.invalid(unknown_protocol(name));
        }
        if !seen.insert(name) {
            faults.invalid(format!("{name:?} stands here twice"));
        }
    }
}

fn unknown_protocol(name: &str) -> String {
    let known: Vec<&str> = ScrapeProtocol::ALL.iter().map(|protocol| protocol.as_str()).collect();
    format!("unknown scrape protocol {name:?}; known are {}", known.join(", "))
}

fn name_schemes(
    validation: Option<&str>,
    escaping: Option<&str>,
    legacy: bool,
    faults: &mut Faults<'_>,
) {
    if let Some(scheme) = validation
        && !["", "utf8", "legacy"].contains(&scheme)
    {
        let message = format!("{scheme:?} is neither utf8 nor legacy");
        faults.at("metric_name_validation_scheme").invalid(message);
    }
    let Some(escaping) = escaping.filter(|escaping| !escaping.is_empty()) else { return };
    match EscapingScheme::parse(escaping) {
        None => {
            let message =
                format!("{escaping:?} is none of allow-utf-8, underscores, dots and values");
            faults.at("metric_name_escaping_scheme").invalid(message);
        }
        Some(EscapingScheme::AllowUtf8) if legacy => {
            faults
                .at("metric_name_escaping_scheme")
                .invalid("allow-utf-8 contradicts the validation scheme legacy");
        }
        Some(_) => {}
    }
}

fn relabel_rules(
    field: &str,
    rules: &[Option<RelabelConfig>],
    legacy: bool,
    faults: &mut Faults<'_>,
) {
    for (at, rule) in rules.iter().enumerate() {
        let mut list = faults.at(field);
        let faults = &mut list.item(at);
        match rule {
            None => faults.invalid("empty or null rule"),
            Some(rule) => rule.validate(legacy, faults),
        }
    }
}
