//! From a group to the words of a message.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::Alert;
use crate::notification_log::Reason;

/// What templates and webhooks are told: Alertmanager's template data.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageData {
    /// The receiver's name, quoted as a regex.
    pub receiver: String,
    /// `firing` while anything fires.
    pub status: &'static str,
    /// In Alertmanager's order.
    pub alerts: Vec<MessageAlert>,
    /// Why the message goes out.
    #[serde(rename = "notification_reason")]
    pub notification_reason: &'static str,
    /// The labels that make the group.
    pub group_labels: BTreeMap<String, String>,
    /// The labels that all alerts share.
    pub common_labels: BTreeMap<String, String>,
    /// The annotations that all alerts share.
    pub common_annotations: BTreeMap<String, String>,
    /// The labels of the route.
    pub route_labels: BTreeMap<String, String>,
    /// Where people find us.
    #[serde(rename = "externalURL")]
    pub external_url: String,
}

/// One alert in a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageAlert {
    /// `firing` or `resolved`.
    pub status: &'static str,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when.
    #[serde(serialize_with = "go_time")]
    pub starts_at: Option<Timestamp>,
    /// Until when; `None` while it fires.
    #[serde(serialize_with = "go_time")]
    pub ends_at: Option<Timestamp>,
    /// Where it comes from.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// Its identity, 16 hex digits.
    pub fingerprint: String,
}

/// What a webhook is sent, version 4.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookMessage<'a> {
    /// The message.
    #[serde(flatten)]
    pub data: &'a MessageData,
    /// Of this format.
    pub version: &'static str,
    /// The group.
    pub group_key: &'a str,
    /// How many alerts were left out.
    pub truncated_alerts: u64,
}

/// What a message is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The receiver's name.
    pub receiver: &'a str,
    /// The labels that make the group.
    pub group_labels: &'a protocol::labels::Labels,
    /// Why it goes out.
    pub reason: Reason,
    /// Where people find us.
    pub external_url: &'a str,
    /// When the flush began: decides what is over.
    pub now: Timestamp,
}

impl MessageData {
    /// The message about these alerts, which come in Alertmanager's order.
    pub fn new(about: About<'_>, alerts: &[Alert]) -> Self {
        let firing = alerts.iter().any(|alert| !alert.is_resolved_at(about.now));
        Self {
            receiver: quote_meta(about.receiver),
            status: status(!firing),
            alerts: alerts.iter().map(|alert| MessageAlert::new(alert, about.now)).collect(),
            notification_reason: about.reason.as_str(),
            group_labels: pairs(about.group_labels),
            common_labels: common(alerts.iter().map(|alert| pairs(&alert.labels))),
            common_annotations: common(alerts.iter().map(|alert| alert.annotations.clone())),
            route_labels: BTreeMap::new(),
            external_url: about.external_url.to_owned(),
        }
    }

    /// The body for a webhook: Go's JSON, byte by byte, at most `max_alerts` alerts (0: all).
    pub fn webhook_body(&self, group_key: &str, max_alerts: u64) -> Vec<u8> {
        let max = usize::try_from(max_alerts).unwrap_or(usize::MAX);
        let cut = if max == 0 { 0 } else { self.alerts.len().saturating_sub(max) };
        let mut data = self.clone();
        data.alerts.truncate(self.alerts.len() - cut);
        let message =
            WebhookMessage { data: &data, version: "4", group_key, truncated_alerts: cut as u64 };
        go_json(&message).into_bytes()
    }
}

impl MessageAlert {
    fn new(alert: &Alert, now: Timestamp) -> Self {
        let resolved = alert.is_resolved_at(now);
        Self {
            status: status(resolved),
            labels: pairs(&alert.labels),
            annotations: alert.annotations.clone(),
            starts_at: Some(alert.starts_at),
            ends_at: resolved.then_some(alert.ends_at),
            generator_url: alert.generator_url.clone(),
            fingerprint: alert.fingerprint().to_string(),
        }
    }
}

/// JSON as Go's encoder writes it: `<`, `>`, `&` and the line separators escaped, a line break
/// last.
pub fn go_json(value: &impl Serialize) -> String {
    let plain = serde_json::to_string(value).expect("texts and maps of texts can be written");
    let mut text = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        match c {
            // Outside of strings JSON has none of these.
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    text.push('\n');
    text
}

/// Sorted pairs of a label set.
pub fn pairs(labels: &protocol::labels::Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn status(resolved: bool) -> &'static str {
    if resolved { "resolved" } else { "firing" }
}

/// The pairs that all maps hold alike.
fn common(mut maps: impl Iterator<Item = BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut shared = maps.next().unwrap_or_default();
    for map in maps {
        shared.retain(|name, value| map.get(name) == Some(value));
    }
    shared
}

/// A text that matches itself as a regex, as Go quotes it.
fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
/// Go's text of a time; its zero time where there is none.
fn go_time<S: serde::Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.collect_str(time),
        None => to.serialize_str("0001-01-01T00:00:00Z"),
    }
}

#[cfg(test)]
mod tests {
    use protocol::labels::Labels;

    use super::*;
    use crate::alert::timestamp;

    fn alert(instance: &str, ends_ms: i64) -> Alert {
        Alert {
            labels: Labels::from_pairs([
                ("alertname", "Down"),
                ("instance", instance),
                ("job", "node"),
            ]),
            annotations: [
                ("summary".to_owned(), "a < b & c".to_owned()),
                ("instance".to_owned(), instance.to_owned()),
            ]
            .into(),
            starts_at: timestamp(1_700_000_000_123),
            ends_at: timestamp(ends_ms),
            updated_at: timestamp(0),
            timeout: false,
            generator_url: "http://p/graph?g0.expr=up&g0.tab=1".to_owned(),
        }
    }

    #[test]
    fn the_webhook_body_is_alertmanagers() {
        let about = About {
            receiver: "team.x",
            group_labels: &Labels::from_pairs([("alertname", "Down")]),
            reason: Reason::First,
            external_url: "http://am",
            now: timestamp(1_700_000_100_000),
        };
        let alerts = [alert("a", 1_700_000_050_000), alert("b", 1_800_000_000_000)];
        let body = MessageData::new(about, &alerts).webhook_body(r#"{}:{alertname="Down"}"#, 0);
        let expected = concat!(
            r#"{"receiver":"team\\.x","status":"firing","alerts":[{"status":"resolved","#,
            r#""labels":{"alertname":"Down","instance":"a","job":"node"},"#,
            r#""annotations":{"instance":"a","summary":"a \u003c b \u0026 c"},"#,
            r#""startsAt":"2023-11-14T22:13:20.123Z","endsAt":"2023-11-14T22:14:10Z","#,
            r#""generatorURL":"http://p/graph?g0.expr=up\u0026g0.tab=1","#,
            r#""fingerprint":"FP0"},{"status":"firing","#,
            r#""labels":{"alertname":"Down","instance":"b","job":"node"},"#,
            r#""annotations":{"instance":"b","summary":"a \u003c b \u0026 c"},"#,
            r#""startsAt":"2023-11-14T22:13:20.123Z","endsAt":"0001-01-01T00:00:00Z","#,
            r#""generatorURL":"http://p/graph?g0.expr=up\u0026g0.tab=1","#,
            r#""fingerprint":"FP1"}],"notification_reason":"first notification","#,
            r#""groupLabels":{"alertname":"Down"},"#,
            r#""commonLabels":{"alertname":"Down","job":"node"},"#,
            r#""commonAnnotations":{"summary":"a \u003c b \u0026 c"},"routeLabels":{},"#,
            r#""externalURL":"http://am","version":"4","#,
            r#""groupKey":"{}:{alertname=\"Down\"}","truncatedAlerts":0}"#,
            "\n"
        );
        let expected = expected
            .replace("FP0", &alerts[0].fingerprint().to_string())
            .replace("FP1", &alerts[1].fingerprint().to_string());
        assert_eq!(String::from_utf8(body).expect("JSON is UTF-8"), expected);
    }

    #[test]
    fn more_alerts_than_allowed_are_counted() {
        let about = About {
            receiver: "r",
            group_labels: &Labels::empty(),
            reason: Reason::Repeat,
            external_url: "",
            now: timestamp(0),
        };
        let alerts = [alert("a", 5), alert("b", 5), alert("c", 5)];
        let body = MessageData::new(about, &alerts).webhook_body("k", 2);
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(json["alerts"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["truncatedAlerts"], 1);
    }
}
