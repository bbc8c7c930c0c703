//! Objects as API servers send them: all kinds.

use check::manifest::Kind;
use check::patience::Patience;
use check::verdict::{object, object_within};
use serde_json::{Value, json};

fn told(kind: Kind, spec: &Value) -> Vec<String> {
    object(kind, spec).iter().map(ToString::to_string).collect()
}

fn warned(kind: Kind, spec: &Value) -> Vec<String> {
    let judgement = object_within(kind, spec, &Patience::endless());
    assert_eq!(judgement.faults, [], "{spec}");
    judgement.warnings.iter().map(ToString::to_string).collect()
}

fn rule_group(rules: &Value) -> Value {
    json!({"workspaceRef": {"name": "demo"}, "groups": [{"name": "g", "rules": rules}]})
}

#[test]
fn good_objects_have_no_fault() {
    let scraper = json!({
        "destination": {"workspaceRef": {"name": "demo"}},
        "scrapeConfiguration": "scrape_configs: [{job_name: a}]",
        "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}},
    });
    let definition = "alertmanager_config: |\n  route: {receiver: a}\n  receivers: [{name: a}]\n";
    for (kind, spec) in [
        (Kind::Store, json!({})),
        (Kind::Store, json!({"volume": {"size": "10Gi"}})),
        (Kind::Workspace, json!({"alias": "demo", "limits": {"activeSeries": 5}})),
        (Kind::Scraper, scraper),
        (Kind::RuleGroup, rule_group(&json!([{"record": "a", "expr": "up"}]))),
        (
            Kind::AlertManagerConfig,
            json!({"workspaceRef": {"name": "demo"}, "definition": definition}),
        ),
    ] {
        assert_eq!(told(kind, &spec), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn faults_name_their_field() {
    let workspace = json!({"workspaceRef": {"name": "demo"}});
    let with = |field: &str, value: Value| {
        let mut spec = workspace.clone();
        spec[field] = value;
        spec
    };
    for (kind, spec, expected) in [
        (
            Kind::Store,
            json!({"volume": {"size": "ten"}}),
            "spec.volume.size: \"ten\" is no quantity",
        ),
        (
            Kind::Store,
            json!({"placement": {"tolerations": [{"key": "a", "operator": "Is"}]}}),
            "spec.placement.tolerations[0].operator: \"Is\" is neither",
        ),
        (
            Kind::Workspace,
            json!({"limits": {"serieses": 1}}),
            "spec.limits.serieses: there is no limit \"serieses\"",
        ),
        (
            Kind::Workspace,
            json!({"features": ["promql-everything"]}),
            "spec.features[0]: there is no feature",
        ),
        (Kind::Workspace, json!({"alais": "x"}), "spec.alais: unknown field"),
        (Kind::Workspace, json!({"alias": 3.5}), "spec: invalid type"),
        (Kind::Workspace, json!("text"), "spec: "),
        (
            Kind::Scraper,
            json!({"destination": {}, "monitors": {}}),
            "spec.destination: one of workspaceRef and remoteWrite must be given",
        ),
        (
            Kind::Scraper,
            json!({
                "destination": {"remoteWrite": {"url": "ftp://a"}},
                "source": {},
                "monitors": {"podMonitors": {"selector": {"matchExpressions": [
                    {"key": "a", "operator": "In"}
                ]}}}
            }),
            "spec.destination.remoteWrite.url: \"ftp://a\" must begin with http",
        ),
        (
            Kind::Scraper,
            json!({
                "destination": {"workspaceRef": {"name": "a"}},
                "scrapeConfiguration": "scrape_configs:\n- job_name: ''\n",
            }),
            "spec.scrapeConfiguration.scrape_configs[0].job_name: line 2, column 13 of the text",
        ),
        (
            Kind::RuleGroup,
            rule_group(&json!([{"record": "a", "expr": "sum(up"}])),
            "spec.groups[0].rules[0].expr: group \"g\", rule 1, \"a\": could not parse",
        ),
        (Kind::RuleGroup, with("groups", json!([])), "spec: one of groups and configuration"),
        (
            Kind::RuleGroup,
            with("configuration", json!("groups:\n- name: ''\n")),
            "spec.configuration.groups[0].name: line 2, column 10 of the text",
        ),
        (
            Kind::AlertManagerConfig,
            with("definition", json!("alertmanager_config: |\n  route: {}\n")),
            "spec.definition.",
        ),
    ] {
        let told = told(kind, &spec);
        assert!(told.iter().any(|fault| fault.starts_with(expected)), "{expected}: {told:#?}");
    }
}

#[test]
fn unit_tests_of_a_rule_group_count() {
    let rules = json!([{"alert": "Down", "expr": "up == 0", "for": "1m"}]);
    let test = |expected: Value| {
        let mut spec = rule_group(&rules);
        spec["tests"] = json!([{
            "name": "an hour",
            "input_series": [{"series": "up{a=\"b\"}", "values": "0x10"}],
            "alert_rule_test": [{"eval_time": "2m", "alertname": "Down", "exp_alerts": expected}],
        }]);
        spec
    };
    let good = test(json!([{"exp_labels": {"a": "b"}}]));
    assert_eq!(told(Kind::RuleGroup, &good), Vec::<String>::new());
    assert_eq!(
        told(Kind::RuleGroup, &test(json!([]))),
        [
            "spec.tests[0].alert_rule_test[0].exp_alerts: test \"an hour\": alert \"Down\" at 2m: got \
          {a=\"b\", alertname=\"Down\"} with annotations {}; expected nothing"
        ]
    );
    let mut unknown = good.clone();
    unknown["tests"][0]["input_serie"] = json!([]);
    assert!(told(Kind::RuleGroup, &unknown)[0].starts_with("spec.tests[0]"));
    let patience = Patience::until(|| true);
    assert!(object_within(Kind::RuleGroup, &good, &patience).unfinished);
}

#[test]
fn a_hostile_unit_test_is_bounded() {
    let mut spec = rule_group(&json!([{"record": "a", "expr": "up"}]));
    spec["tests"] = json!([{"promql_expr_test": [{"expr": "1", "eval_time": "100y"}]}]);
    assert!(told(Kind::RuleGroup, &spec)[0].contains("more than the limit of 5000000 evaluations"));
    let values = json!({"series": "a", "values": "1x999998"});
    spec["tests"] = json!([{"input_series": [values, {"series": "b", "values": "1x999998"}]}]);
    assert!(told(Kind::RuleGroup, &spec)[0].contains("more than the limit of 1000000 samples"));
}

#[test]
fn what_has_no_effect_is_told() {
    let scraper = |configuration: &str| {
        json!({
            "destination": {"workspaceRef": {"name": "a"}},
            "scrapeConfiguration": configuration,
        })
    };
    for (kind, spec, expected) in [
        (
            Kind::Scraper,
            scraper("scrape_configs: [{job_name: a, scrape_protocols: [PrometheusProto]}]"),
            "spec.scrapeConfiguration.scrape_configs[0].scrape_protocols[0]: ",
        ),
        (
            Kind::Scraper,
            scraper(
                "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: [a]\n    labels: \
                 {__unix_socket__: /s}\n",
            ),
            "spec.scrapeConfiguration.scrape_configs[0].static_configs[0].labels.__unix_socket__: ",
        ),
        (
            Kind::Scraper,
            scraper("global: {evaluation_interval: 1m}"),
            "spec.scrapeConfiguration.global.evaluation_interval: ",
        ),
        (
            Kind::Scraper,
            json!({"destination": {"workspaceRef": {"name": "a"}}, "monitors": {}}),
            "spec.monitors: has no effect",
        ),
        (
            Kind::Store,
            json!({"networkPolicy": {"enabled": false, "fromNamespaces": ["a"]}}),
            "spec.networkPolicy.fromNamespaces: has no effect",
        ),
        (
            Kind::RuleGroup,
            rule_group(&json!([{"record": "a", "expr": "limitk(1, up)"}])),
            "spec.groups[0].rules[0].expr: only where the workspace has the feature on",
        ),
    ] {
        let warned = warned(kind, &spec);
        assert!(warned.iter().any(|one| one.starts_with(expected)), "{expected}: {warned:#?}");
    }
}
