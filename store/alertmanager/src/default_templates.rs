//! The templates that every definition has, and their data.
//!
//! The names are Alertmanager's; what they put out is what Alertmanager's put out, byte by byte. A
//! definition may define any of them anew.

use std::collections::BTreeMap;

use templates::data::{Fields, Kv};
use templates::go_time::Time;
use templates::value::{Items, Object, Value};

use crate::message::{MessageAlert, MessageData};

/// Name and text, to be parsed before a definition's own.
pub const DEFAULT_TEMPLATES: [(&str, &str); 2] = [("default", COMMON), ("sns", SNS)];

/// `[FIRING:2] group values (other common values)`, and the list of alerts as plain text.
const COMMON: &str = concat!(
    r#"{{ define "__alertmanager" }}Alertmanager{{ end }}"#,
    r#"{{ define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver="#,
    r#"{{ .Receiver | urlquery }}{{ end }}"#,
    r#"{{ define "__subject" }}"#,
    r#"{{ $firing := eq .Status "firing" }}"#,
    r#"[{{ toUpper .Status }}{{ if $firing }}:{{ len .Alerts.Firing }}{{ end }}] "#,
    r#"{{ join " " .GroupLabels.SortedPairs.Values }} "#,
    r#"{{ if gt (len .CommonLabels) (len .GroupLabels) }}("#,
    r#"{{ join " " (.CommonLabels.Remove .GroupLabels.Names).Values }}"#,
    r#"){{ end }}{{ end }}"#,
    r#"{{ define "__description" }}{{ end }}"#,
    r#"{{ define "__text_pairs" }}{{ range .SortedPairs }}"#,
    " - {{ .Name }} = {{ .Value }}\n{{ end }}{{ end }}",
    r#"{{ define "__text_alert_list" }}{{ range . }}"#,
    "Labels:\n{{ template \"__text_pairs\" .Labels }}",
    "Annotations:\n{{ template \"__text_pairs\" .Annotations }}",
    "Source: {{ .GeneratorURL }}\n{{ end }}{{ end }}",
);

const SNS: &str = concat!(
    r#"{{ define "sns.default.subject" }}{{ template "__subject" . }}{{ end }}"#,
    r#"{{ define "sns.default.message" }}"#,
    "{{ join \" \" .CommonAnnotations.SortedPairs.Values }}\n",
    r#"{{ with .Alerts.Firing }}"#,
    "Alerts Firing:\n{{ template \"__text_alert_list\" . }}{{ end }}\n",
    r#"{{ with .Alerts.Resolved }}"#,
    "Alerts Resolved:\n{{ template \"__text_alert_list\" . }}{{ end }}{{ end }}",
);

/// The data of a message as templates see it.
pub fn template_data(data: &MessageData) -> Value {
    let alerts = data.alerts.iter().map(alert_value).collect();
    Fields::value(
        "template.Data",
        [
            ("Receiver", Value::from(data.receiver.as_str())),
            ("Status", Value::from(data.status)),
            ("Alerts", AlertList::value(alerts)),
            ("NotificationReason", Value::from(data.notification_reason)),
            ("GroupLabels", kv(&data.group_labels)),
            ("CommonLabels", kv(&data.common_labels)),
            ("CommonAnnotations", kv(&data.common_annotations)),
            ("RouteLabels", kv(&data.route_labels)),
            ("ExternalURL", Value::from(data.external_url.as_str())),
        ],
    )
}

fn alert_value(alert: &MessageAlert) -> (bool, Value) {
    let time = |time: Option<jiff::Timestamp>| {
        let known = time.and_then(|time| Time::from_nanos(time.as_nanosecond()));
        Value::Time(known.unwrap_or_else(Time::zero))
    };
    let value = Fields::value(
        "template.Alert",
        [
            ("Status", Value::from(alert.status)),
            ("Labels", kv(&alert.labels)),
            ("Annotations", kv(&alert.annotations)),
            ("StartsAt", time(alert.starts_at)),
            ("EndsAt", time(alert.ends_at)),
            ("GeneratorURL", Value::from(alert.generator_url.as_str())),
            ("Fingerprint", Value::from(alert.fingerprint.as_str())),
        ],
    );
    (alert.status == "firing", value)
}

fn kv(pairs: &BTreeMap<String, String>) -> Value {
    Kv::value(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Alertmanager's `Alerts`: a list with the methods `Firing` and `Resolved`.
#[derive(Debug)]
struct AlertList {
    alerts: Vec<(bool, Value)>,
    items: Items,
}

impl AlertList {
    fn value(alerts: Vec<(bool, Value)>) -> Value {
        let items = Value::list(alerts.iter().map(|(_, alert)| alert.clone()).collect()).items();
        Value::object(Self { alerts, items })
    }

    fn only(&self, firing: bool) -> Value {
        let fits = self.alerts.iter().filter(|(fires, _)| *fires == firing);
        Value::list(fits.map(|(_, alert)| alert.clone()).collect())
    }
}

impl Object for AlertList {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn member(
        &self,
        name: &str,
        args: &[Value],
    ) -> Option<Result<Value, templates::error::CallError>> {
        let value = match name {
            "Firing" => self.only(true),
            "Resolved" => self.only(false),
            _ => return None,
        };
        if !args.is_empty() {
            let message = format!("wrong number of args for {name}: want 0 got {}", args.len());
            return Some(Err(templates::error::CallError::new(message)));
        }
        Some(Ok(value))
    }

    fn items(&self) -> Items {
        self.items.clone()
    }
}
