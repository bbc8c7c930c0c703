//! The definitions, on a real API server, without an operator.

use std::time::Duration;

use e2e::api_server::ApiServer;
use e2e::eventually::eventually;
use e2e::kubernetes::{file, root};
use tokio::sync::OnceCell;

/// One for all tests of this file; it ends with the process.
static SERVER: OnceCell<Option<ApiServer>> = OnceCell::const_new();

const KINDS: &[&str] = &["stores", "workspaces", "scrapers", "rulegroups", "alertmanagerconfigs"];

async fn install() -> Option<&'static ApiServer> {
    SERVER.get_or_init(start).await.as_ref()
}

async fn start() -> Option<ApiServer> {
    let server = ApiServer::start().await?;
    let folder = root().join("crds").display().to_string();
    let said = server.kubectl.must(&["apply", "--server-side", "-f", &folder]).await;
    assert_eq!(said.lines().count(), KINDS.len(), "{said}");
    for kind in KINDS {
        let name = format!("crd/{kind}.hearth.dev");
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", &name];
        server.kubectl.must(&wait).await;
    }
    eventually("the kinds are served", Duration::from_secs(20), async || {
        server.kubectl.run(&["get", "hearth", "-A"], "").await
    })
    .await;
    Some(server)
}

fn manifest(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: hearth.dev/v1alpha1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n"
    )
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn the_api_server_takes_them_without_a_warning() {
    let Some(server) = install().await else { return };
    for kind in KINDS {
        let path = format!("crds/{kind}.hearth.dev.yaml");
        let dry = ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"];
        let args = [&dry[..], &["-o", "name", "--warnings-as-errors"]].concat();
        server.kubectl.run(&args, &file(&path)).await.unwrap_or_else(|error| panic!("{error}"));
        let what = "jsonpath={.status.conditions[?(@.type==\"NonStructuralSchema\")].message}";
        let name = format!("{kind}.hearth.dev");
        assert_eq!(server.kubectl.must(&["get", "crd", &name, "-o", what]).await, "", "{kind}");
    }
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn people_see_columns_short_names_and_explanations() {
    let Some(server) = install().await else { return };
    let here = server.namespace("e2e-crds-columns").await;
    for (kind, name, spec, columns) in [
        ("Store", "hst", "{}", "NAME ENDPOINT VOLUME READY REASON AGE"),
        ("Workspace", "hws", "{alias: a}", "NAME ALIAS WORKSPACE READY REASON AGE"),
        ("Scraper", "hsc", SCRAPER, "NAME WORKSPACE READY REASON TARGETS DOWN AGE"),
        ("RuleGroup", "hrg", RULES, "NAME WORKSPACE READY REASON RULES FIRING AGE"),
        ("AlertManagerConfig", "ham", ALERTS, "NAME WORKSPACE READY REASON AGE"),
    ] {
        here.must_apply(&manifest(kind, name, spec)).await;
        let table = here.must(&["get", name]).await;
        let head: Vec<&str> = table.lines().next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(head.join(" "), columns, "{kind}");
        let explain = ["explain", &format!("{kind}.spec"), "--recursive"];
        let explained = server.kubectl.must(&explain).await;
        assert!(explained.contains("FIELDS"), "{explained}");
    }
    assert_eq!(here.must(&["get", "hearth", "-o", "name"]).await.lines().count(), KINDS.len());
}

const SCRAPER: &str =
    "{destination: {workspaceRef: {name: demo}}, scrapeConfiguration: 'scrape_configs: []'}";
const RULES: &str =
    "{workspaceRef: {name: demo}, groups: [{name: a, rules: [{record: x, expr: up}]}]}";
const ALERTS: &str = "{workspaceRef: {name: demo}, definition: 'alertmanager_config: {}'}";

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn scrapers_scale_by_the_subresource() {
    let Some(server) = install().await else { return };
    let here = server.namespace("e2e-crds-scale").await;
    here.must_apply(&manifest("Scraper", "demo", SCRAPER)).await;
    let shards = "jsonpath={.spec.sharding.shards}";
    assert_eq!(here.must(&["get", "scraper", "demo", "-o", shards]).await, "1", "the default");
    here.must(&["scale", "scraper", "demo", "--replicas=3"]).await;
    assert_eq!(here.must(&["get", "scraper", "demo", "-o", shards]).await, "3");
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn what_cannot_be_is_refused_with_its_reason() {
    let Some(server) = install().await else { return };
    let here = server.namespace("e2e-crds-refused").await;
    for (kind, spec, words) in [
        ("Store", "{colour: red}", "colour"),
        ("Store", "{deletionPolicy: Forget}", "Forget"),
        ("Workspace", "{alias: ''}", "alias"),
        ("Workspace", "{tags: {hearth.dev/owner: me}}", "hearth.dev/ are reserved"),
        ("Workspace", "{retention: unlimited, retentionPeriodInDays: 3}", "exclude each other"),
        (
            "Workspace",
            "{outOfOrder: unlimited, outOfOrderTimeWindowInSeconds: 3}",
            "exclude each other",
        ),
        ("Workspace", "{retentionPeriodInDays: 0}", "retentionPeriodInDays"),
        ("Workspace", "{limits: {a: -1}}", "limits"),
        ("Scraper", "{destination: {workspaceRef: {name: a}}}", "scrapeConfiguration"),
        ("Scraper", "{destination: {}, scrapeConfiguration: a}", "exactly one of workspaceRef"),
        (
            "Scraper",
            "{destination: {workspaceRef: {name: a}}, scrapeConfiguration: a, sharding: {shards: 257}}",
            "shards",
        ),
        (
            "Scraper",
            "{destination: {workspaceRef: {name: a}}, scrapeConfiguration: a, source: {}}",
            "exactly one of kubeconfig and eks",
        ),
        ("RuleGroup", "{workspaceRef: {name: a}}", "exactly one of groups and configuration"),
        ("RuleGroup", "{workspaceRef: {name: a}, groups: [{name: ''}]}", "groups"),
        ("AlertManagerConfig", "{workspaceRef: {name: a}}", "definition"),
        ("AlertManagerConfig", "{definition: a}", "workspaceRef"),
    ] {
        here.refused(&manifest(kind, "demo", spec), words).await;
    }
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn what_says_where_data_lies_cannot_be_changed() {
    let Some(server) = install().await else { return };
    let here = server.namespace("e2e-crds-fixed").await;
    let workspace = |spec: &str| manifest("Workspace", "demo", spec);
    here.must_apply(&workspace("{storeRef: {name: one}, workspaceId: ws-1}")).await;
    let words = "storeRef cannot be changed";
    here.refused(&workspace("{storeRef: {name: two}, workspaceId: ws-1}"), words).await;
    here.refused(&workspace("{workspaceId: ws-1}"), words).await;
    let words = "workspaceId cannot be changed";
    here.refused(&workspace("{storeRef: {name: one}, workspaceId: ws-2}"), words).await;
    here.must_apply(&workspace("{storeRef: {name: one}, workspaceId: ws-1, alias: new}")).await;

    here.must_apply(&manifest("RuleGroup", "demo", RULES)).await;
    let elsewhere = RULES.replace("demo", "other");
    here.refused(&manifest("RuleGroup", "demo", &elsewhere), "workspaceRef cannot be").await;
    here.must_apply(&manifest("AlertManagerConfig", "demo", ALERTS)).await;
    let elsewhere = ALERTS.replace("demo", "other");
    here.refused(&manifest("AlertManagerConfig", "demo", &elsewhere), "workspaceRef cannot").await;
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn a_volume_grows_but_keeps_its_class() {
    let Some(server) = install().await else { return };
    let here = server.namespace("e2e-crds-volume").await;
    let store =
        |name: &str, volume: &str| manifest("Store", name, &format!("{{volume: {volume}}}"));
    let words = "storage class of a volume cannot be changed";
    here.must_apply(&store("unnamed", "{size: 1Gi}")).await;
    here.must_apply(&store("unnamed", "{size: 2Gi}")).await;
    here.refused(&store("unnamed", "{size: 2Gi, storageClassName: fast}"), words).await;
    here.must_apply(&store("named", "{size: 1Gi, storageClassName: fast}")).await;
    here.must_apply(&store("named", "{size: 2Gi, storageClassName: fast}")).await;
    here.refused(&store("named", "{size: 2Gi, storageClassName: slow}"), words).await;
    here.refused(&store("named", "{size: 2Gi}"), words).await;
}

#[tokio::test]
#[ignore = "needs an API server: make e2e"]
async fn applying_twice_changes_nothing() {
    let Some(server) = install().await else { return };
    let here = server.namespace("e2e-crds-twice").await;
    for (side, name) in [("--server-side=false", "client"), ("--server-side=true", "server")] {
        let all = [
            manifest("Store", name, "{}"),
            manifest("Workspace", name, "{alias: demo, limits: {maxSeries: 5}}"),
            manifest("Scraper", name, SCRAPER),
            manifest("RuleGroup", name, RULES),
            manifest("AlertManagerConfig", name, ALERTS),
        ]
        .join("---\n");
        let versions = ["get", "hearth", "-o", "jsonpath={.items[*].metadata.resourceVersion}"];
        let apply = ["-n", &here.name, "apply", side, "-f", "-"];
        server.kubectl.run(&apply, &all).await.unwrap_or_else(|error| panic!("{error}"));
        let first = here.must(&versions).await;
        server.kubectl.run(&apply, &all).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(here.must(&versions).await, first, "{side}");
        let diff = ["-n", &here.name, "diff", side, "-f", "-"];
        assert_eq!(server.kubectl.run(&diff, &all).await, Ok(String::new()));
    }
}
