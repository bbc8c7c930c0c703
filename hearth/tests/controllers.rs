//! From objects to what runs in a real store.

#[path = "support/api_server.rs"]
mod api_server;
#[path = "support/cluster.rs"]
mod cluster;
#[path = "../src/up/in_process.rs"]
mod in_process;
#[path = "support/real_store.rs"]
mod real_store;

use operator::control::{definitions, workspaces};
use protocol::workspace::WorkspaceId;
use serde_json::{Value, json};

use crate::cluster::{Cluster, told};

fn object(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({"namespace": namespace, "name": name});
    json!({"apiVersion": "hearth.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

fn rules(expr: &str) -> Value {
    let rule = json!({"record": "one", "expr": expr});
    json!({"workspaceRef": {"name": "main", "namespace": "team"},
        "groups": [{"name": "a", "interval": "1h", "rules": [rule]}]})
}

fn alerts(url: &str) -> Value {
    let definition = format!(
        "alertmanager_config: |\n  route: {{receiver: inbox}}\n  receivers: [{{name: inbox, \
         webhook_configs: [{{url: '{url}'}}]}}]\n"
    );
    json!({"workspaceRef": {"name": "main"}, "definition": definition})
}

fn id_of(workspace: &Value) -> WorkspaceId {
    let id = workspace["status"]["workspaceId"].as_str().expect("an id");
    id.parse().expect("a workspace id")
}

async fn workspace(cluster: &Cluster, spec: Value) -> WorkspaceId {
    cluster.api.apply(object("Workspace", "team", "main", spec));
    id_of(&cluster.ready("Workspace", "team", "main").await)
}

async fn namespaces(cluster: &Cluster, id: &WorkspaceId) -> Vec<String> {
    let listed = definitions::list_rules(&cluster.client(), id).await.expect("listed");
    listed.into_iter().map(|one| one.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_to_run_and_then_nothing_is_written_any_more() {
    let cluster = Cluster::start().await;
    // Whatever comes first: the order of objects does not matter.
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("1")));
    cluster.api.apply(object("AlertManagerConfig", "team", "alerts", alerts("http://x")));
    let id = workspace(&cluster, json!({"alias": "shop", "limits": {"secrets": 9}})).await;
    let group = cluster.ready("RuleGroup", "team", "rules").await;
    assert_eq!(group["status"]["workspaceId"], id.as_str());
    assert_eq!(group["status"]["rules"], 1);
    assert_eq!(group["status"]["statusCode"], "ACTIVE");
    assert_eq!(told(&group, "Programmed").0, "True");
    assert_eq!(group["metadata"]["finalizers"], json!(["hearth.dev/cleanup"]));
    assert_eq!(namespaces(&cluster, &id).await, ["team-rules"]);
    let config = cluster.ready("AlertManagerConfig", "team", "alerts").await;
    assert_eq!(told(&config, "Programmed").0, "True");
    let workspace = cluster.api.get("Workspace", "team", "main").expect("there");
    assert_eq!(workspace["status"]["effectiveLimits"]["secrets"], 9);
    let query = workspace["status"]["endpoints"]["query"].as_str().expect("told");
    assert!(query.starts_with("https://hearth-store.hearth-system.svc:9090/workspaces/ws-"));
    assert!(workspace["metadata"]["finalizers"].is_null(), "Retain needs none");

    cluster.calm().await;
    let before = cluster.store.transport.questions();
    cluster.nudge_store(2);
    for (kind, name) in [("RuleGroup", "rules"), ("AlertManagerConfig", "alerts")] {
        let mut touched = cluster.api.get(kind, "team", name).expect("there");
        touched["metadata"]["labels"] = json!({"touched": "yes"});
        cluster.api.apply(touched);
    }
    // A Workspace asks five things, rules three, an alert manager three.
    cluster.store.transport.until_asked(before + 11).await;
    cluster.settle().await;
    assert_eq!(cluster.store.transport.writes(), 0);
    assert_eq!(cluster.api.writes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_version_is_named_and_the_good_one_runs_on() {
    let cluster = Cluster::start().await;
    let id = workspace(&cluster, json!({})).await;
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("1")));
    cluster.ready("RuleGroup", "team", "rules").await;
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("sum(")));
    let rules_object = ("RuleGroup", "team", "rules");
    let bad = cluster.reason(rules_object, "Accepted", "Invalid").await;
    assert!(told(&bad, "Accepted").2.contains("spec.groups[0].rules[0].expr"), "{bad:#}");
    assert_eq!(told(&bad, "Programmed").1, "LastGoodVersion");
    assert_eq!(told(&bad, "Stalled").0, "True");
    assert_eq!(namespaces(&cluster, &id).await, ["team-rules"], "the good one runs on");
    cluster.api.until_event("Invalid").await;
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("2")));
    let good = cluster.ready("RuleGroup", "team", "rules").await;
    assert_eq!(told(&good, "Stalled").0, "", "only there while True");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_namespaces_need_consent_and_lose_it_with_their_rules() {
    let cluster = Cluster::start().await;
    let id = workspace(&cluster, json!({})).await;
    let shop = ("RuleGroup", "shop", "rules");
    cluster.api.apply(object("RuleGroup", "shop", "rules", rules("1")));
    let refused = cluster.reason(shop, "ResolvedRefs", "NotPermitted").await;
    assert!(told(&refused, "ResolvedRefs").2.contains("spec.access.namespaces"));
    assert_eq!(namespaces(&cluster, &id).await, [""; 0]);
    workspace(&cluster, json!({"access": {"namespaces": ["shop"]}})).await;
    cluster.ready("RuleGroup", "shop", "rules").await;
    assert_eq!(namespaces(&cluster, &id).await, ["shop-rules"]);
    workspace(&cluster, json!({})).await;
    cluster.reason(shop, "ResolvedRefs", "NotPermitted").await;
    cluster.calm().await;
    assert_eq!(namespaces(&cluster, &id).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_removes_rules_and_keeps_or_removes_data_as_the_policy_says() {
    let cluster = Cluster::start().await;
    let id = workspace(&cluster, json!({})).await;
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("1")));
    cluster.ready("RuleGroup", "team", "rules").await;
    cluster.api.delete("RuleGroup", "team", "rules");
    cluster.api.until(("RuleGroup", "team", "rules"), Value::is_null).await;
    assert_eq!(namespaces(&cluster, &id).await, [""; 0]);

    cluster.api.delete("Workspace", "team", "main");
    assert_eq!(cluster.api.get("Workspace", "team", "main"), None, "nothing to wait for");
    let again = workspace(&cluster, json!({"deletionPolicy": "Delete"})).await;
    assert_eq!(again, id, "applied again, it finds its data");
    let object = cluster.api.get("Workspace", "team", "main").expect("there");
    assert_eq!(object["metadata"]["finalizers"], json!(["hearth.dev/cleanup"]));
    cluster.api.delete("Workspace", "team", "main");
    cluster.api.until(("Workspace", "team", "main"), Value::is_null).await;
    let left = workspaces::list(&cluster.client()).await.expect("listed");
    assert_eq!(left, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_retained_workspace_go_with_their_object_all_the_same() {
    let cluster = Cluster::start().await;
    let id = workspace(&cluster, json!({})).await;
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("1")));
    cluster.ready("RuleGroup", "team", "rules").await;
    cluster.api.delete("Workspace", "team", "main");
    cluster.api.delete("RuleGroup", "team", "rules");
    cluster.api.until(("RuleGroup", "team", "rules"), Value::is_null).await;
    assert_eq!(namespaces(&cluster, &id).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_definition_wins_and_leaves_its_place_to_the_next() {
    let cluster = Cluster::start().await;
    let id = workspace(&cluster, json!({})).await;
    cluster.api.apply(object("AlertManagerConfig", "team", "first", alerts("http://first")));
    cluster.ready("AlertManagerConfig", "team", "first").await;
    cluster.api.apply(object("AlertManagerConfig", "team", "second", alerts("http://second")));
    let second = ("AlertManagerConfig", "team", "second");
    let lost = cluster.reason(second, "Accepted", "Conflicted").await;
    assert!(told(&lost, "Accepted").2.contains("team/first"), "{lost:#}");
    cluster.api.delete("AlertManagerConfig", "team", "first");
    cluster.ready("AlertManagerConfig", "team", "second").await;
    let found = definitions::describe_alert_manager(&cluster.client(), &id).await.expect("told");
    assert_eq!(found.expect("there").extras.owner, "operator/hearth/team/second");
    assert_eq!(cluster.api.get("AlertManagerConfig", "team", "first"), None);
    cluster.api.delete("AlertManagerConfig", "team", "second");
    cluster.api.until(second, Value::is_null).await;
    let found = definitions::describe_alert_manager(&cluster.client(), &id).await.expect("told");
    assert_eq!(found, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_named_and_found_when_it_comes() {
    let cluster = Cluster::start().await;
    workspace(&cluster, json!({})).await;
    let config = ("AlertManagerConfig", "team", "alerts");
    cluster.api.apply(object("AlertManagerConfig", "team", "alerts", alerts("secret://hooks/url")));
    let missing = cluster.reason(config, "ResolvedRefs", "SecretNotFound").await;
    assert!(told(&missing, "ResolvedRefs").2.contains("team/hooks"), "{missing:#}");
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "team", "name": "hooks"}, "data": {"url": "aHR0cDovL3g="}});
    cluster.api.apply(secret);
    // The operator watches no Secrets: any change of the object makes it look at once.
    let mut touched = object("AlertManagerConfig", "team", "alerts", alerts("secret://hooks/url"));
    touched["metadata"]["labels"] = json!({"touched": "yes"});
    cluster.api.apply(touched);
    let good = cluster.ready("AlertManagerConfig", "team", "alerts").await;
    assert!(!good.to_string().contains("aHR0cDovL3g"), "no value anywhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_takes_no_status_with_it() {
    let cluster = Cluster::start().await;
    let id = workspace(&cluster, json!({})).await;
    cluster.store.transport.set_away(true);
    cluster.nudge_store(2);
    let main = ("Workspace", "team", "main");
    let away = cluster.reason(main, "Ready", "StoreUnreachable").await;
    assert_eq!(away["status"]["workspaceId"], id.as_str());
    assert_eq!(told(&away, "Reconciling").0, "True");
    assert_eq!(told(&away, "Programmed").0, "True", "as it was last known");
    cluster.store.transport.set_away(false);
    cluster.nudge_store(3);
    cluster.ready("Workspace", "team", "main").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_lets_go_of_what_a_lost_store_keeps() {
    let cluster = Cluster::start().await;
    workspace(&cluster, json!({})).await;
    cluster.api.apply(object("RuleGroup", "team", "rules", rules("1")));
    cluster.ready("RuleGroup", "team", "rules").await;
    cluster.store.transport.set_away(true);
    cluster.api.delete("RuleGroup", "team", "rules");
    let group = ("RuleGroup", "team", "rules");
    // A look that was under way may say so first, without the cure.
    let tells_the_cure = |kept: &Value| told(kept, "Ready").2.contains("hearth.dev/orphan");
    let kept = cluster.api.until(group, tells_the_cure).await;
    assert_eq!(told(&kept, "Ready").1, "StoreUnreachable", "{kept:#}");
    let mut orphan = object("RuleGroup", "team", "rules", rules("1"));
    orphan["metadata"]["annotations"] = json!({"hearth.dev/orphan": "true"});
    cluster.api.apply(orphan);
    cluster.api.until(group, Value::is_null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_rules_are_taken_in_where_they_lie_and_a_bad_one_keeps_nobody_out() {
    let cluster = Cluster::start().await;
    cluster.api.define("monitoring.coreos.com/v1", "PrometheusRule");
    let foreign = |name: &str, expr: &str| {
        json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"namespace": "team", "name": name},
            "spec": {"groups": [{"name": "a", "rules": [{"record": "one", "expr": expr}]}]}})
    };
    cluster.api.apply(foreign("good", "1"));
    cluster.api.apply(foreign("bad", "sum("));
    let id = workspace(&cluster, json!({"rules": {"prometheusRules": {}}})).await;
    let main = ("Workspace", "team", "main");
    let object = cluster.api.until(main, |one| one["status"]["foreignRules"] == 1).await;
    let rejected = &object["status"]["rejected"][0];
    assert_eq!((&rejected["kind"], &rejected["name"]), (&json!("PrometheusRule"), &json!("bad")));
    assert!(rejected["reason"].as_str().expect("told").contains("groups[0].rules[0].expr"));
    assert_eq!(namespaces(&cluster, &id).await, ["pr-team-good"]);
    cluster.api.until_event("RulesRejected").await;
    cluster.api.apply(foreign("bad", "2"));
    cluster.api.until(main, |one| one["status"]["foreignRules"] == 2).await;
    cluster.api.delete("PrometheusRule", "team", "good");
    cluster.api.until(main, |one| one["status"]["foreignRules"] == 1).await;
    assert_eq!(namespaces(&cluster, &id).await, ["pr-team-bad"]);
    assert!(cluster.api.writes().iter().all(|write| !write.contains("prometheusrule")));
    workspace(&cluster, json!({})).await;
    cluster.calm().await;
    assert_eq!(namespaces(&cluster, &id).await, [""; 0], "no longer asked for");
}
