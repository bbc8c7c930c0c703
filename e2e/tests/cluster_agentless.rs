//! Targets of a cluster elsewhere, by a kubeconfig.
//!
//! The remote cluster is this one under another identity: an account with no tie to the Scraper.

use std::time::Duration;

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, must};
use e2e::scene::{self, LIMIT};

/// What a pod takes at most to see a changed Secret, and some more.
const RELOAD_MAX: Duration = Duration::from_mins(3);

const IDENTITY: &str = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: stranger}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader},
 rules: [{apiGroups: [''], resources: [pods], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: reader},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader},
 subjects: [{kind: ServiceAccount, name: reader}]}
";

/// The Secret `far` with a kubeconfig of this account.
async fn kubeconfig(far: &Namespace, account: &str) {
    let token = far.must(&["create", "token", account, "--duration=1h"]).await;
    let path = "jsonpath={.clusters[0].cluster.certificate-authority-data}";
    let authority = must(&["config", "view", "--minify", "--raw", "-o", path]).await;
    let token = token.trim();
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: far, \
          clusters: [{{name: far, cluster: {{server: 'https://kubernetes.default.svc', certificate-authority-data: {authority}}}}}], \
          users: [{{name: far, user: {{token: {token}}}}}], \
          contexts: [{{name: far, context: {{cluster: far, user: far, namespace: e2e-far}}}}]}}"
    );
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: far}}\nstringData:\n  kubeconfig: |\n    {text}\n"
    );
    home().must_apply(&secret).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_remote_cluster_is_scraped_by_its_kubeconfig() {
    install::ensure().await;
    scene::clear("remote", &[]).await;
    let far = Namespace::fresh("e2e-far").await;
    scene::app(&far).await;
    far.must_apply(IDENTITY).await;
    kubeconfig(&far, "stranger").await;

    let client = scene::workspace("remote").await;
    let scraper = scene::example("scraper", "remote")
        .replace("spec:\n", "spec:\n  source: {kubeconfig: {name: far, key: kubeconfig}}\n")
        .replace("[{role: pod}]", "[{role: pod, namespaces: {names: [e2e-far]}}]");
    home().must_apply(&scraper).await;
    trouble_is_told().await;

    // Another account's kubeconfig: the collector that runs takes it up.
    let pod = home().get("pod", "remote-scraper-0").await.expect("the collector");
    kubeconfig(&far, "reader").await;
    let ticks = "demo_ticks_total{namespace=\"e2e-far\"}";
    eventually("the new account's eyes", RELOAD_MAX, async || client.some(ticks).await).await;
    let same = home().get("pod", "remote-scraper-0").await.expect("the collector");
    assert_eq!(same["metadata"]["uid"], pod["metadata"]["uid"]);
    assert_eq!(same["status"]["containerStatuses"][0]["restartCount"], 0);
    home().until("scraper", "remote", "Ready", "True", LIMIT).await;

    // Discovery has nothing of this cluster to fall back on: no token at the usual place.
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    let usual = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().expect("mounts");
    assert!(mounts.iter().all(|mount| mount["mountPath"] != usual), "{mounts:?}");

    // The kubeconfig's account loses its rights: the Scraper says so.
    far.must(&["delete", "rolebinding", "reader"]).await;
    far.must(&["rollout", "restart", "deployment/app"]).await;
    home().must(&["delete", "pod", "remote-scraper-0"]).await;
    trouble_is_told().await;
    scene::clear("remote", &[far]).await;
    home().must(&["delete", "secret", "far"]).await;
}

async fn trouble_is_told() {
    eventually("the Scraper tells its trouble", LIMIT, async || {
        let told = home().get("scraper", "remote").await?["status"].to_string();
        if told.contains("orbidden") { Ok(()) } else { Err(told) }
    })
    .await;
}
