//! Hearth in the cluster, by its charts.

use std::time::{Duration, Instant};

use crate::eventually::eventually;
use crate::kubernetes::{Namespace, kubectl, must, root, run};

/// Where it is installed.
pub const NAMESPACE: &str = "hearth-system";
/// What tokens for the default store are made out to.
pub const AUDIENCE: &str = "hearth.dev/hearth-system/hearth";

/// What every installation here is told.
pub const IMAGE: &[&str] =
    &["--set", "image.repository=localhost/hearth", "--set", "image.tag=dev"];

/// The chart's folder.
pub fn chart(name: &str) -> String {
    root().join("charts").join(name).display().to_string()
}

/// `helm ARGS`, which has to work.
pub async fn helm(args: &[&str]) -> String {
    run("helm", args, "").await.unwrap_or_else(|error| panic!("{error}"))
}

/// The namespace of the installation.
pub fn home() -> Namespace {
    Namespace::named(NAMESPACE)
}

/// Removes every trace, data too.
pub async fn remove() {
    for release in ["hearth", "hearth-crds"] {
        let args = ["uninstall", release, "-n", NAMESPACE, "--ignore-not-found"];
        helm(&[&args[..], &["--wait", "--timeout", "2m"]].concat()).await;
    }
    let kinds = ["alertmanagerconfigs", "rulegroups", "scrapers", "workspaces", "stores"];
    for kind in kinds.map(|kind| format!("{kind}.hearth.dev")) {
        // Without an operator nobody else takes the finalizers away.
        let path = "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{\"\\n\"}{end}";
        let all = kubectl(&["get", &kind, "-A", "-o", path]).await.unwrap_or_default();
        for (namespace, name) in all.lines().filter_map(|line| line.split_once(' ')) {
            let patch = r#"{"metadata":{"finalizers":null}}"#;
            let args = ["-n", namespace, "patch", &kind, name, "--type=merge", "-p", patch];
            kubectl(&args).await.unwrap_or_default();
        }
        must(&["delete", "crd", &kind, "--ignore-not-found", "--timeout=60s"]).await;
    }
    Namespace::remove(NAMESPACE).await;
}

/// `helm install` on a cluster without a trace of it, in one command; when that began.
pub async fn fresh() -> Instant {
    remove().await;
    let start = Instant::now();
    let chart = chart("hearth");
    let args = ["install", "hearth", &chart, "-n", NAMESPACE, "--create-namespace"];
    helm(&[&args[..], IMAGE].concat()).await;
    ready().await;
    start
}

/// Both charts, installed or upgraded, and the default store ready.
pub async fn ensure() {
    ensure_with(&[]).await;
}

/// The same, with these arguments more for the chart `hearth`.
pub async fn ensure_with(more: &[&str]) {
    let definitions = chart("hearth-crds");
    let args = ["upgrade", "--install", "hearth-crds", &definitions, "-n", NAMESPACE];
    helm(&[&args[..], &["--create-namespace", "--take-ownership"]].concat()).await;
    upgrade(more).await;
}

/// `helm upgrade` of the chart with these arguments more.
pub async fn upgrade(more: &[&str]) {
    let chart = chart("hearth");
    let args = ["upgrade", "--install", "hearth", &chart, "-n", NAMESPACE];
    helm(&[&args[..], IMAGE, &["--set", "installCRDs=false"], more].concat()).await;
    ready().await;
}

/// Waits for the operator and the default store.
pub async fn ready() {
    let limit = Duration::from_mins(2);
    let rollout = ["rollout", "status", "deployment/hearth-operator", "--timeout=120s"];
    home().must(&rollout).await;
    eventually("the store is there", limit, async || home().get("store", "hearth").await).await;
    home().until("store", "hearth", "Ready", "True", limit).await;
}

/// Scales the operator and waits until so many are ready.
pub async fn scale_operator(replicas: usize) {
    let replicas = replicas.to_string();
    let to = format!("--replicas={replicas}");
    home().must(&["scale", "deployment", "hearth-operator", &to]).await;
    eventually("the operator is scaled", Duration::from_mins(1), async || {
        let selector = "app.kubernetes.io/name=hearth-operator";
        let path = "jsonpath={.items[*].status.containerStatuses[0].ready}";
        let pods = home().kubectl(&["get", "pods", "-l", selector, "-o", path]).await?;
        let ready = pods.split_whitespace().collect::<Vec<_>>();
        let settled = ready.iter().all(|one| *one == "true");
        if settled && ready.len().to_string() == replicas { Ok(()) } else { Err(pods) }
    })
    .await;
}
