//! `helm --wait` comes back when things are ready.

use e2e::install::{self, IMAGE, NAMESPACE, home};
use e2e::kubernetes::{condition, run};
use e2e::scene::LIMIT;

/// `PROGRAM install` or `upgrade` of the chart, with `--wait`.
async fn wait(program: &str, verb: &str, more: &[&str]) {
    let chart = install::chart("hearth");
    let args = [verb, "hearth", &chart, "-n", NAMESPACE, "--create-namespace", "--wait"];
    let args = [&args[..], &["--timeout", "3m"], IMAGE, more].concat();
    run(program, &args, "").await.unwrap_or_else(|error| panic!("{error}"));
}

/// The Store is as its newest spec says, now and without any more waiting.
async fn assert_store_ready(cpu: &str) {
    let store = home().get("store", "hearth").await.expect("the Store");
    assert_eq!(condition(&store, "Ready")["status"], "True", "{}", store["status"]);
    assert_eq!(store["metadata"]["generation"], store["status"]["observedGeneration"]);
    let pod = home().get("pod", "hearth-store-0").await.expect("its pod");
    assert_eq!(pod["spec"]["containers"][0]["resources"]["requests"]["cpu"], cpu);
    assert_eq!(pod["status"]["containerStatuses"][0]["ready"], true, "{}", pod["status"]);
    assert!(pod["metadata"]["deletionTimestamp"].is_null(), "the old one is on its way");
}

/// What the webhook refuses, and nobody else would.
const WRONG: &str = "{apiVersion: hearth.dev/v1alpha1, kind: RuleGroup, metadata: {name: wrong}, \
     spec: {workspaceRef: {name: none}, groups: [{name: a, rules: [{record: r, expr: 'sum('}]}]}}";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn helm_4_waits_for_the_store_too() {
    install::remove().await;
    wait("helm", "install", &[]).await;
    assert_store_ready("100m").await;
    home().refused(WRONG, "expr").await;
    wait("helm", "upgrade", &["--set", "store.resources.requests.cpu=110m"]).await;
    assert_store_ready("110m").await;
    wait("helm", "upgrade", &[]).await;
    assert_store_ready("100m").await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn helm_3_waits_for_an_operator_that_admits() {
    if run("helm3", &["version"], "").await.is_err() {
        println!("SKIPPED: no helm3 in PATH");
        return;
    }
    install::remove().await;
    wait("helm3", "install", &[]).await;
    home().refused(WRONG, "expr").await;
    home().until("store", "hearth", "Ready", "True", LIMIT).await;
    wait("helm3", "upgrade", &["--set", "operator.podAnnotations.note=two"]).await;
    let path = "jsonpath={.items[*].metadata.annotations.note}";
    let selector = "app.kubernetes.io/name=hearth-operator";
    assert_eq!(home().must(&["get", "pods", "-l", selector, "-o", path]).await, "two");
    home().refused(WRONG, "expr").await;
    // Another Helm's release is not for the next test.
    install::remove().await;
}
