//! What a well-formed configuration may still have wrong.
//!
//! The messages are worded like Alertmanager's, so that who knows its errors knows ours.

use std::collections::BTreeSet;

use crate::alertmanager_config::http::HttpConfig;
use crate::alertmanager_config::other_receivers::{self, GLOBAL_EITHER_OR};
use crate::alertmanager_config::receivers::{PagerdutyConfig, Receiver, SnsConfig, WebhookConfig};
use crate::alertmanager_config::{AlertmanagerConfig, Route};
use crate::fault::Fault;
use crate::places::Places;

/// Deepest tree of routes: far beyond what people write, and safe to walk.
pub const ROUTE_DEPTH_MAX: usize = 32;

/// All faults, in the order of the file's sections.
pub fn check(config: &AlertmanagerConfig, places: &Places) -> Vec<Fault> {
    let mut check = Check { config, places, faults: Vec::new() };
    check.global();
    check.receivers();
    check.root();
    check.route(&config.route, "route", 0);
    check.intervals();
    check.inhibit_rules();
    check.faults
}

struct Check<'a> {
    config: &'a AlertmanagerConfig,
    places: &'a Places,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.faults.push(self.places.fault(path, message));
    }

    fn fault_if(&mut self, wrong: bool, path: &str, message: impl Into<String>) {
        if wrong {
            self.fault(path, message);
        }
    }

    fn global(&mut self) {
        let global = &self.config.global;
        for [one, other] in GLOBAL_EITHER_OR {
            let both = global.text(one).is_some() && global.text(other).is_some();
            let message = format!("at most one of {one} & {other} must be configured");
            self.fault_if(both, &format!("global.{other}"), message);
        }
        let token = ["slack_app_token", "slack_app_token_file"];
        let url = ["slack_api_url", "slack_api_url_file"];
        let set = |names: [&str; 2]| names.iter().any(|name| global.text(name).is_some());
        // The old way to post by token: the token's own URL written as the webhook's.
        let app_url = global.text("slack_app_url").unwrap_or(other_receivers::SLACK_POST_URL);
        let same_url = global.text("slack_api_url") == Some(app_url);
        self.fault_if(
            set(token) && set(url) && !same_url,
            "global.slack_api_url",
            "at most one of slack_app_token/slack_app_token_file & \
             slack_api_url/slack_api_url_file must be configured",
        );
        self.http("global.http_config", global.http_config.as_ref());
    }

    fn receivers(&mut self) {
        let mut names = BTreeSet::new();
        for (at, receiver) in self.config.receivers.iter().enumerate() {
            let path = format!("receivers[{at}]");
            self.fault_if(receiver.name.is_empty(), &path, "missing name in receiver");
            let twice = !receiver.name.is_empty() && !names.insert(&receiver.name);
            let message = format!("notification config name {:?} is not unique", receiver.name);
            self.fault_if(twice, &format!("{path}.name"), message);
            self.receiver(receiver, &path);
        }
    }

    fn receiver(&mut self, receiver: &Receiver, path: &str) {
        for (at, config) in receiver.webhook_configs.iter().enumerate() {
            let path = format!("{path}.webhook_configs[{at}]");
            match config {
                None => self.fault(path, "missing webhook config"),
                Some(config) => self.webhook(config, &path),
            }
        }
        for (at, config) in receiver.sns_configs.iter().enumerate() {
            let path = format!("{path}.sns_configs[{at}]");
            match config {
                None => self.fault(path, "missing sns config"),
                Some(config) => self.sns(config, &path),
            }
        }
        for (at, config) in receiver.pagerduty_configs.iter().enumerate() {
            let path = format!("{path}.pagerduty_configs[{at}]");
            match config {
                None => self.fault(path, "missing pagerduty config"),
                Some(config) => self.pagerduty(config, &path),
            }
        }
        for (field, configs) in receiver.written() {
            for (at, config) in configs.iter().enumerate() {
                let path = format!("{path}.{field}[{at}]");
                let Some(config) = config else {
                    let kind = field.strip_suffix("_configs").unwrap_or(field);
                    self.fault(path, format!("missing {kind} config"));
                    continue;
                };
                for message in other_receivers::faults(field, config, &self.config.global) {
                    self.fault(path.as_str(), message);
                }
            }
        }
    }

    fn webhook(&mut self, config: &WebhookConfig, path: &str) {
        let url = config.url.as_ref().is_some_and(|url| !url.is_empty());
        self.fault_if(
            !url && config.url_file.is_none(),
            path,
            "one of url or url_file must be configured",
        );
        self.fault_if(
            url && config.url_file.is_some(),
            path,
            "at most one of url & url_file must be configured",
        );
        self.http(&format!("{path}.http_config"), config.http_config.as_ref());
    }

    fn sns(&mut self, config: &SnsConfig, path: &str) {
        let set = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
        let targets = [&config.target_arn, &config.topic_arn, &config.phone_number];
        // The reference chains XOR: it takes one or all three. We take exactly one.
        let count = targets.into_iter().filter(|field| set(field)).count();
        self.fault_if(
            count != 1,
            path,
            "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",
        );
        let keys = config.sigv4.access_key.is_some() == config.sigv4.secret_key.is_some();
        self.fault_if(
            !keys,
            &format!("{path}.sigv4"),
            "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in \
             the SigV4 config",
        );
        self.http(&format!("{path}.http_config"), config.http_config.as_ref());
    }

    fn pagerduty(&mut self, config: &PagerdutyConfig, path: &str) {
        let keys = [
            config.routing_key.is_some(),
            config.routing_key_file.is_some(),
            config.service_key.is_some(),
            config.service_key_file.is_some(),
        ];
        self.fault_if(
            keys == [false; 4],
            path,
            "missing service or routing key in PagerDuty config",
        );
        self.fault_if(
            keys[0] && keys[1],
            path,
            "at most one of routing_key & routing_key_file must be configured",
        );
        self.fault_if(
            keys[2] && keys[3],
            path,
            "at most one of service_key & service_key_file must be configured",
        );
        self.http(&format!("{path}.http_config"), config.http_config.as_ref());
    }

    fn http(&mut self, path: &str, config: Option<&HttpConfig>) {
        for (field, message) in config.map(HttpConfig::faults).unwrap_or_default() {
            self.fault(format!("{path}.{field}"), message);
        }
    }

    fn root(&mut self) {
        let root = &self.config.route;
        let named = root.receiver.as_ref().is_some_and(|name| !name.is_empty());
        self.fault_if(!named, "route", "root route must specify a default receiver");
        self.fault_if(root.has_matchers(), "route", "root route must not have any matchers");
        self.fault_if(root.goes_on, "route.continue", "cannot have continue in root route");
        self.fault_if(
            !root.mute_time_intervals.is_empty(),
            "route.mute_time_intervals",
            "root route must not have any mute time intervals",
        );
        self.fault_if(
            !root.active_time_intervals.is_empty(),
            "route.active_time_intervals",
            "root route must not have any active time intervals",
        );
    }

    fn route(&mut self, route: &Route, path: &str, depth: usize) {
        if depth > ROUTE_DEPTH_MAX {
            self.fault(path, format!("routes are nested deeper than {ROUTE_DEPTH_MAX}"));
            return;
        }
        let receiver = route.receiver.as_deref().unwrap_or("");
        let known = self.config.receivers.iter().any(|known| known.name == receiver);
        let message = format!("undefined receiver {receiver:?} used in route");
        self.fault_if(!receiver.is_empty() && !known, &format!("{path}.receiver"), message);
        self.group_by(route, path);
        for (interval, field) in
            [(route.group_interval, "group_interval"), (route.repeat_interval, "repeat_interval")]
        {
            let zero = interval.is_some_and(|interval| interval.is_zero());
            self.fault_if(zero, &format!("{path}.{field}"), format!("{field} cannot be zero"));
        }
        for (names, field) in [
            (&route.mute_time_intervals, "mute_time_intervals"),
            (&route.active_time_intervals, "active_time_intervals"),
        ] {
            for (at, name) in names.iter().enumerate() {
                let message = format!("undefined time interval {name:?} used in route");
                self.fault_if(!self.has_interval(name), &format!("{path}.{field}[{at}]"), message);
            }
        }
        for (at, child) in route.routes.iter().enumerate() {
            self.route(child, &format!("{path}.routes[{at}]"), depth + 1);
        }
    }

    fn group_by(&mut self, route: &Route, path: &str) {
        let names = route.group_by.as_deref().unwrap_or_default();
        let all = names.iter().any(|name| name == "...");
        self.fault_if(
            all && names.len() > 1,
            &format!("{path}.group_by"),
            "cannot have wildcard group_by (`...`) and other labels at the same time",
        );
        let mut seen = BTreeSet::new();
        for (at, name) in names.iter().enumerate() {
            let path = format!("{path}.group_by[{at}]");
            let message = format!("invalid label name {name:?} in group_by list");
            self.fault_if(name.is_empty(), &path, message);
            let message = format!("duplicated label {name:?} in group_by");
            self.fault_if(!seen.insert(name), &path, message);
        }
    }

    fn has_interval(&self, name: &str) -> bool {
        let config = self.config;
        config.time_intervals.iter().chain(&config.mute_time_intervals).any(|it| it.name == name)
    }

    fn intervals(&mut self) {
        let mut names = BTreeSet::new();
        for (section, list, kind) in [
            ("mute_time_intervals", &self.config.mute_time_intervals, "mute time interval"),
            ("time_intervals", &self.config.time_intervals, "time interval"),
        ] {
            for (at, interval) in list.iter().enumerate() {
                let path = format!("{section}[{at}]");
                let message = format!("missing name in {kind}");
                self.fault_if(interval.name.is_empty(), &path, message);
                let message = format!("{kind} {:?} is not unique", interval.name);
                self.fault_if(!names.insert(&interval.name), &path, message);
            }
        }
    }

    fn inhibit_rules(&mut self) {
        for (at, rule) in self.config.inhibit_rules.iter().enumerate() {
            for (place, name) in rule.equal.iter().enumerate() {
                let path = format!("inhibit_rules[{at}].equal[{place}]");
                self.fault_if(name.is_empty(), &path, "invalid label name \"\" in equal list");
            }
        }
    }
}
