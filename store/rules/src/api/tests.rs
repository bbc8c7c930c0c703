//! The JSON, field by field, and the filters.

use super::*;
use crate::status::{GroupMetrics, Health};

fn alert() -> AlertStatus {
    AlertStatus {
        labels: Labels::from_pairs([("alertname", "Down"), ("instance", "a")]),
        annotations: BTreeMap::from([("summary".into(), "a is down".into())]),
        phase: Phase::Firing,
        active_at_ms: 1_700_000_000_500,
        keep_firing_since_ms: None,
        value: 0.0,
    }
}

fn rule(name: &str, alerts: Option<Vec<AlertStatus>>) -> RuleStatus {
    RuleStatus {
        name: name.into(),
        query: "up == 0".into(),
        labels: BTreeMap::from([("severity".into(), "page".into())]),
        health: Health::Ok,
        last_error: None,
        evaluation_seconds: 0.25,
        last_evaluation_ms: Some(1_700_000_060_000),
        alerting: alerts.map(|alerts| AlertingStatus {
            phase: Some(Phase::Firing),
            hold_ms: 300_000,
            keep_firing_ms: 0,
            annotations: BTreeMap::from([("summary".into(), "{{ $labels.instance }}".into())]),
            alerts,
        }),
    }
}

fn group(file: &str, name: &str, rules: Vec<RuleStatus>) -> GroupStatus {
    GroupStatus {
        file: file.into(),
        name: name.into(),
        interval_ms: 15_000,
        limit: 0,
        evaluation_seconds: 0.5,
        last_evaluation_ms: None,
        rules,
        metrics: GroupMetrics::default(),
    }
}

fn groups() -> Vec<GroupStatus> {
    vec![
        group("a", "one", vec![rule("Down", Some(vec![alert()])), rule("job:up", None)]),
        group("a", "two", vec![rule("job:up", None)]),
        group("b", "one", vec![rule("Down", Some(vec![]))]),
    ]
}

fn filter(query: &[(&'static str, &str)]) -> Result<RulesFilter, RulesRequestError> {
    RulesFilter::from_parameters(query.iter().map(|(k, v)| (*k, *v)))
}

fn names(query: &[(&'static str, &str)]) -> Vec<String> {
    let answer = rules(&groups(), &filter(query).expect("valid")).expect("valid");
    let json = serde_json::to_value(&answer).expect("serialises");
    let mut names = Vec::new();
    for group in json["groups"].as_array().expect("a list") {
        for rule in group["rules"].as_array().expect("a list") {
            let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
            let (file, name) = (text(&group["file"]), text(&group["name"]));
            names.push(format!("{file}/{name}/{}", text(&rule["name"])));
        }
    }
    names
}

#[test]
fn the_json_is_prometheus_s() {
    let answer = rules(&groups()[..1], &RulesFilter::default()).expect("valid");
    let expected = serde_json::json!({"groups": [{
        "name": "one", "file": "a", "interval": 15.0, "limit": 0, "evaluationTime": 0.5,
        "lastEvaluation": "0001-01-01T00:00:00Z",
        "rules": [
            {
                "state": "firing", "name": "Down", "query": "up == 0", "duration": 300.0,
                "keepFiringFor": 0.0, "labels": {"severity": "page"},
                "annotations": {"summary": "{{ $labels.instance }}"},
                "alerts": [{
                    "labels": {"alertname": "Down", "instance": "a"},
                    "annotations": {"summary": "a is down"}, "state": "firing",
                    "activeAt": "2023-11-14T22:13:20.5Z", "value": "0e+00",
                }],
                "health": "ok", "evaluationTime": 0.25,
                "lastEvaluation": "2023-11-14T22:14:20Z", "type": "alerting",
            },
            {
                "name": "job:up", "query": "up == 0", "labels": {"severity": "page"},
                "health": "ok", "evaluationTime": 0.25,
                "lastEvaluation": "2023-11-14T22:14:20Z", "type": "recording",
            },
        ],
    }]});
    assert_eq!(serde_json::to_value(&answer).expect("serialises"), expected);
    let listed = serde_json::to_value(alerts(&groups())).expect("serialises");
    assert_eq!(listed["alerts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn filters_leave_out_what_they_say() {
    assert_eq!(names(&[]), ["a/one/Down", "a/one/job:up", "a/two/job:up", "b/one/Down"]);
    assert_eq!(names(&[("type", "alert")]), ["a/one/Down", "b/one/Down"]);
    assert_eq!(names(&[("type", "record"), ("rule_group[]", "two")]), ["a/two/job:up"]);
    assert_eq!(names(&[("file[]", "b")]), ["b/one/Down"]);
    assert_eq!(
        names(&[("rule_name[]", "job:up"), ("file[]", "a")]),
        ["a/one/job:up", "a/two/job:up"]
    );
    assert_eq!(names(&[("match[]", r#"{severity="none"}"#)]), [""; 0]);
    assert_eq!(names(&[("match[]", r#"{severity=~"p.*"}"#), ("file[]", "b")]), ["b/one/Down"]);
    let excluded = filter(&[("exclude_alerts", "true")]).expect("valid");
    let answer = serde_json::to_value(rules(&groups(), &excluded).expect("valid")).expect("json");
    assert_eq!(answer["groups"][0]["rules"][0]["alerts"], serde_json::json!([]));
}

#[test]
fn pages_follow_each_other() {
    let page = |token: Option<String>| {
        let mut wanted = filter(&[("group_limit", "2")]).expect("valid");
        wanted.group_next_token = token;
        rules(&groups(), &wanted)
    };
    let first = page(None).expect("valid");
    assert_eq!(first.groups.len(), 2);
    let second = page(first.group_next_token).expect("valid");
    assert_eq!((second.groups.len(), second.group_next_token), (1, None));
    let gone = page(Some("nope".into())).expect_err("unknown");
    assert!(gone.to_string().contains("were rule groups changed?"));
}

#[test]
fn wrong_requests_are_refused() {
    for query in [
        [("type", "nope")],
        [("exclude_alerts", "maybe")],
        [("group_limit", "0")],
        [("group_next_token", "abc")],
        [("match[]", "{")],
    ] {
        assert!(filter(&query).is_err(), "{query:?}");
    }
}
