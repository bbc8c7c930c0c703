//! The operator, installed by the chart, without a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::api_install::{Installation, LIMIT, OPERATOR, Operator};
use e2e::audit::{Asked, Mark};
use e2e::eventually::eventually;
use e2e::install::NAMESPACE;
use e2e::kubernetes::file;
use e2e::role::Role;
use e2e::scene::example;
use serde_json::Value;

/// All that an operator makes or tells of.
const KINDS: &str = "stores,workspaces,scrapers,rulegroups,alertmanagerconfigs,statefulsets,services,serviceaccounts,\
    configmaps,secrets,roles,rolebindings,clusterrolebindings,poddisruptionbudgets,networkpolicies,\
    validatingwebhookconfigurations,events";
/// How long nothing may change: every poll of a collector, and several looks of every other kind.
const QUIET: Duration = Duration::from_secs(45);

fn manifests() -> String {
    let all = ["workspace", "scraper", "rules", "alerts"].map(|name| example(name, "demo"));
    all.join("---\n")
}

/// Object to version, for all kinds.
async fn versions(on: &Installation) -> BTreeMap<String, String> {
    let text = on.server.kubectl.must(&["get", KINDS, "-A", "-o", "json"]).await;
    let all: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    let items = all["items"].as_array().expect("a list");
    let entry = |item: &Value| {
        let meta = &item["metadata"];
        let name = format!("{} {}/{}", item["kind"], meta["namespace"], meta["name"]);
        (name, meta["resourceVersion"].to_string())
    };
    items.iter().map(entry).collect()
}

async fn all_ready(on: &Installation) {
    for kind in ["store", "workspace", "rulegroup", "alertmanagerconfig", "scraper"] {
        let name = if kind == "store" { "hearth" } else { "demo" };
        on.home().until(kind, name, "Ready", "True", LIMIT).await;
    }
    // Rules are healthy once they were evaluated, which the operator sees at its next look.
    on.home().until("rulegroup", "demo", "Healthy", "True", LIMIT).await;
}

/// Waits until each kind was reconciled so often.
async fn until_reconciled(operator: &Operator, times: f64) {
    for kind in ["Store", "Workspace", "Scraper", "RuleGroup", "AlertManagerConfig"] {
        eventually(&format!("{kind} is reconciled"), LIMIT, async || {
            let words = [format!("kind=\"{kind}\""), "outcome=\"ok\"".to_owned()];
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let count = operator.sum("hearth_operator_reconciles_total", &words).await?;
            if count >= times { Ok(()) } else { Err(format!("{count} times")) }
        })
        .await;
    }
}

/// What has happened, for a message.
async fn told(on: &Installation, operator: &Operator) -> String {
    let events = on.home().must(&["get", "events", "--sort-by=.eventTime"]).await;
    let rules = on.home().must(&["get", "rulegroup", "demo", "-o", "yaml"]).await;
    format!("{events}\n{rules}\n{}", operator.role.log())
}

fn changes(all: &[Asked]) -> Vec<&Asked> {
    all.iter().filter(|asked| asked.writes() && asked.what != "leases").collect()
}

fn refusals(on: &Installation, since: Mark) {
    for account in [OPERATOR, "hearth-system/hearth-store", "hearth-system/demo-scraper"] {
        let asked = on.server.asked_since(since, account);
        assert!(!asked.is_empty(), "{account} has asked for nothing at all");
        let refused: Vec<&Asked> = asked.iter().filter(|asked| asked.code == 403).collect();
        assert!(refused.is_empty(), "{account} lacks rights: {refused:?}");
    }
}

async fn start(on: &Installation) -> (Operator, Role, Role) {
    let operator = on.operator(0).await;
    let store = on.store("hearth").await;
    eventually("the manifests are taken", LIMIT, async || on.home().apply(&manifests()).await)
        .await;
    let collector = on.collector("demo", 0).await;
    on.ready("demo-scraper", 1).await;
    all_ready(on).await;
    (operator, store, collector)
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn it_has_every_right_it_needs_and_writes_nothing_twice() {
    let Some(on) = Installation::fresh().await else { return };
    let begin = on.server.mark();
    let (operator, _store, collector) = start(&on).await;

    // The charts' and the users' manifests, once more: nothing differs.
    let chart = file("charts/tests/default.golden.yaml");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let settled = versions(&on).await;
    on.home().must_apply(&manifests()).await;
    let diff = ["-n", NAMESPACE, "diff", "--server-side", "-f", "-"];
    assert_eq!(on.server.kubectl.run(&diff, &chart).await, Ok(String::new()));
    let diff = ["-n", NAMESPACE, "diff", "-f", "-"];
    assert_eq!(on.server.kubectl.run(&diff, &manifests()).await, Ok(String::new()));

    // A new process reconciles everything again, and so do polls and looks after it.
    let log = operator.role.log();
    operator.role.stop().await;
    let mark = on.server.mark();
    let operator = on.operator(0).await;
    operator.until_leads(LIMIT).await;
    until_reconciled(&operator, 1.0).await;
    tokio::time::sleep(QUIET).await;
    let asked = on.server.asked_since(mark, OPERATOR);
    let written = changes(&asked);
    assert!(written.is_empty(), "written again: {written:?}\n{}", told(&on, &operator).await);
    assert_eq!(operator.sum("hearth_operator_writes_total", &[]).await, Ok(0.0));
    assert_eq!(versions(&on).await, settled);

    refusals(&on, begin);
    for text in [log, operator.role.log(), collector.log(), operator.metrics().await.unwrap()] {
        let refused = text.lines().find(|line| line.contains("403") || line.contains("orbidden"));
        assert_eq!(refused, None, "somebody was refused");
    }
    operator.role.stop().await;
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn the_webhook_is_asked_and_says_what_the_schema_cannot() {
    let Some(on) = Installation::fresh().await else { return };
    let operator = on.operator(0).await;
    operator.until_leads(LIMIT).await;
    let rules = example("rules", "demo");
    let broken = rules.replace("expr: sum by (namespace)", "expr: summ by (namespace)");
    assert_ne!(rules, broken);
    // Until the certificate is there it is not asked, for its failure policy is Ignore.
    eventually("the webhook refuses", LIMIT, async || {
        let args = ["-n", NAMESPACE, "apply", "--dry-run=server", "-f", "-"];
        match on.server.kubectl.run(&args, &broken).await {
            Err(reason) if reason.contains("could not parse expression") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    on.home().refused(&broken, "could not parse expression").await;
    on.home().must_apply(&rules).await;
    operator.role.stop().await;
}
