//! Each kind from its creation to its deletion.

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, condition, kubectl};
use e2e::scene::{self, LIMIT, example};
use e2e::workspace::WorkspaceClient;

fn workspace(policy: &str, more: &str) -> String {
    format!(
        "{{apiVersion: hearth.dev/v1alpha1, kind: Workspace, metadata: {{name: life}}, \
         spec: {{alias: life, deletionPolicy: {policy}{more}}}}}\n"
    )
}

async fn id(name: &str) -> String {
    let object = home().get("workspace", name).await.expect("it is there");
    object["status"]["workspaceId"].as_str().expect("a ready workspace has an id").to_owned()
}

/// A client that may read everything, whatever becomes of the Workspace.
async fn auditor() -> WorkspaceClient {
    home().must_apply(AUDITOR).await;
    let token = home().token("auditor", install::AUDIENCE).await;
    WorkspaceClient::new("https://hearth-store.hearth-system.svc:9090", &token).await
}

const AUDITOR: &str = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: auditor}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: e2e-auditor},
 rules: [{apiGroups: [hearth.dev], resources: [workspaces, workspaces/query],
 verbs: [get, list]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: e2e-auditor},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: e2e-auditor},
 subjects: [{kind: ServiceAccount, name: auditor, namespace: hearth-system}]}
";

async fn until_status(client: &WorkspaceClient, path: &str, status: u16) {
    eventually(&format!("{path} answers {status}"), LIMIT, async || {
        let seen = client.call("GET", path, "").await?;
        if seen.0 == status { Ok(()) } else { Err(format!("{}: {}", seen.0, seen.1)) }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_workspace_is_kept_or_deleted_as_its_policy_says() {
    install::ensure().await;
    home().must(&["delete", "workspace", "life", "--ignore-not-found", "--timeout=60s"]).await;
    home().must_apply(&workspace("Retain", "")).await;
    home().until("workspace", "life", "Ready", "True", LIMIT).await;
    let first = id("life").await;
    let auditor = auditor().await;
    let path = format!("/workspaces/{first}");
    until_status(&auditor, &path, 200).await;

    home().must_apply(&workspace("Retain", ", retentionPeriodInDays: 7, alias: changed")).await;
    home().until("workspace", "life", "Ready", "True", LIMIT).await;
    let (_, seen) = auditor.call("GET", &path, "").await.expect("an answer");
    assert!(seen.to_string().contains("changed"), "the alias has not arrived: {seen}");
    let both = ", retention: unlimited, retentionPeriodInDays: 7";
    home().refused(&workspace("Retain", both), "exclude each other").await;

    home().must(&["delete", "workspace", "life", "--timeout=60s"]).await;
    until_status(&auditor, &path, 200).await;
    home().must_apply(&workspace("Delete", "")).await;
    home().until("workspace", "life", "Ready", "True", LIMIT).await;
    assert_eq!(id("life").await, first, "what was kept is found again");

    home().must(&["delete", "workspace", "life", "--timeout=60s"]).await;
    until_status(&auditor, &path, 404).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_rule_group_is_judged_at_the_door_and_inside() {
    install::ensure().await;
    scene::clear("judged", &[]).await;
    scene::workspace("judged").await;
    let good = example("rules", "judged");
    home().must_apply(&good).await;
    home().until("rulegroup", "judged", "Programmed", "True", LIMIT).await;

    let bad = good.replace("sum by (namespace) (up{job=\"pods\"})", "sum by (namespace) (up{");
    home().refused(&bad, "expr").await;
    let untrue = good.replace("value: 1}", "value: 2}");
    home().refused(&untrue, "test").await;

    // Without the operator nobody stands at the door; it judges what got in when it is back.
    install::scale_operator(0).await;
    home().must_apply(&bad).await;
    install::scale_operator(1).await;
    home().until("rulegroup", "judged", "Accepted", "False", LIMIT).await;
    let object = home().get("rulegroup", "judged").await.expect("it is there");
    let told = condition(&object, "Accepted")["message"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("expr"), "it names no culprit: {told}");
    let path = scene_rules("judged").await;
    assert!(path.contains("namespace:up:sum"), "the last good rules are gone: {path}");

    let changed = good.replace("namespace:up:sum", "namespace:up:count");
    home().must_apply(&changed).await;
    home().until("rulegroup", "judged", "Programmed", "True", LIMIT).await;
    assert!(scene_rules("judged").await.contains("namespace:up:count"));
    home().must(&["delete", "rulegroup", "judged", "--timeout=60s"]).await;
    eventually("the rules are gone", LIMIT, async || {
        let rules = scene_rules("judged").await;
        if rules.contains("namespace:up") { Err(rules) } else { Ok(()) }
    })
    .await;
    scene::clear("judged", &[]).await;
}

/// The rules in force, as text.
async fn scene_rules(name: &str) -> String {
    let client = WorkspaceClient::of(&home(), name, (&home(), "viewer")).await;
    let (status, answer) = client.call("GET", "/api/v1/rules", "").await.expect("an answer");
    assert_eq!(status, 200, "{answer}");
    answer.to_string()
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_alert_manager_takes_values_from_secrets() {
    install::ensure().await;
    scene::clear("routed", &[]).await;
    home().kubectl(&["delete", "secret", "pager", "--ignore-not-found"]).await.expect("deleted");
    scene::workspace("routed").await;
    let good = example("alerts", "routed");
    let bad = good.replace("receiver: inbox", "receiver: nowhere");
    home().refused(&bad, "nowhere").await;

    let hook = "url: \"http://inbox.default.svc:8080/\"";
    let with_secret = good.replace(
        hook,
        "url: \"http://inbox.default.svc:8080/\", http_config: {authorization: {credentials: \"secret://pager/token\"}}",
    );
    home().must_apply(&with_secret).await;
    home().until("alertmanagerconfig", "routed", "ResolvedRefs", "False", LIMIT).await;
    let object = home().get("alertmanagerconfig", "routed").await.expect("it is there");
    let told = condition(&object, "ResolvedRefs")["message"].to_string();
    assert!(told.contains("pager"), "it does not name the secret: {told}");

    home().must(&["create", "secret", "generic", "pager", "--from-literal=token=s3cr3t"]).await;
    home().until("alertmanagerconfig", "routed", "Ready", "True", LIMIT).await;
    let whole = home().get("alertmanagerconfig", "routed").await.expect("it is there");
    assert!(!whole["status"].to_string().contains("s3cr3t"), "the secret's value is in the status");
    scene::clear("routed", &[]).await;
    home().must(&["delete", "secret", "pager"]).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_scraper_owns_its_collectors() {
    install::ensure().await;
    scene::clear("pulled", &[]).await;
    scene::workspace("pulled").await;
    let good = example("scraper", "pulled");
    home().refused(&good.replace("role: pod", "role: planet"), "planet").await;
    home().must_apply(&good).await;
    home().until("scraper", "pulled", "Ready", "True", LIMIT).await;
    home().must(&["scale", "scraper", "pulled", "--replicas=2"]).await;
    eventually("two collectors run", LIMIT, async || {
        let path = "jsonpath={.status.readyReplicas}";
        let ready = home().kubectl(&["get", "statefulset", "pulled-scraper", "-o", path]).await?;
        if ready == "2" { Ok(()) } else { Err(ready) }
    })
    .await;
    home().must(&["delete", "scraper", "pulled", "--timeout=60s"]).await;
    for kind in ["statefulset", "rolebinding", "serviceaccount", "configmap", "secret"] {
        eventually(&format!("no {kind} is left"), LIMIT, async || {
            let names = home().kubectl(&["get", kind, "-o", "name"]).await?;
            if names.contains("pulled-scraper") { Err(names) } else { Ok(()) }
        })
        .await;
    }
    scene::clear("pulled", &[]).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_store_keeps_its_volume_unless_told_otherwise() {
    install::ensure().await;
    let here = Namespace::fresh("e2e-store").await;
    let store = |policy: &str, size: &str| {
        format!(
            "{{apiVersion: hearth.dev/v1alpha1, kind: Store, metadata: {{name: own}}, \
             spec: {{deletionPolicy: {policy}, volume: {{size: {size}}}}}}}\n"
        )
    };
    here.must_apply(&store("Retain", "1Gi")).await;
    here.until("store", "own", "Ready", "True", LIMIT).await;
    restricted(&here).await;
    here.must_apply(&store("Retain", "2Gi")).await;
    let claim = ["get", "pvc", "data-own-store-0", "-o"];
    eventually("the volume has grown", LIMIT, async || {
        let path = "jsonpath={.status.capacity.storage}";
        let size = here.kubectl(&[&claim[..], &[path]].concat()).await?;
        if size == "2Gi" { Ok(()) } else { Err(size) }
    })
    .await;
    let uid = here.must(&[&claim[..], &["jsonpath={.metadata.uid}"]].concat()).await;

    here.must(&["delete", "store", "own", "--timeout=60s"]).await;
    eventually("the pod is gone", LIMIT, async || {
        let pods = here.kubectl(&["get", "pods", "-o", "name"]).await?;
        if pods.is_empty() { Ok(()) } else { Err(pods) }
    })
    .await;
    here.must_apply(&store("Delete", "2Gi")).await;
    here.until("store", "own", "Ready", "True", LIMIT).await;
    assert_eq!(here.must(&[&claim[..], &["jsonpath={.metadata.uid}"]].concat()).await, uid);

    here.must(&["delete", "store", "own", "--timeout=60s"]).await;
    eventually("the volume is gone", LIMIT, async || {
        let claims = here.kubectl(&["get", "pvc", "-o", "name"]).await?;
        if claims.is_empty() { Ok(()) } else { Err(claims) }
    })
    .await;
    Namespace::remove("e2e-store").await;
}

/// The pod of a store is one that the strictest of Kubernetes's pod security levels lets in, and
/// its NetworkPolicy names its port. (The test cluster takes such policies, but enforces none.)
async fn restricted(here: &Namespace) {
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    let label = ["label", "namespace", &here.name, enforce, "--overwrite"];
    let said = kubectl(&label).await.expect("a namespace takes labels");
    assert!(!said.contains("violate"), "{said}");
    here.must(&["delete", "pod", "own-store-0", "--timeout=60s"]).await;
    here.until("store", "own", "Ready", "True", LIMIT).await;
    let policy = here.get("networkpolicy", "own-store").await.expect("a policy");
    assert!(
        policy["spec"]["ingress"][0]["ports"].to_string().contains("api")
            || policy["spec"]["ingress"][0]["ports"].to_string().contains("9090"),
        "{policy}"
    );
    let budget = here.get("poddisruptionbudget", "own-store").await.expect("a budget");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
}
