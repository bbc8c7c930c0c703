//! Targets of a cluster elsewhere, by a kubeconfig.
//!
//! The remote cluster is this one under another identity: an account with no tie to the Scraper.

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, must};
use e2e::scene::{self, LIMIT};

const IDENTITY: &str = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader},
 rules: [{apiGroups: [''], resources: [pods], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: reader},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader},
 subjects: [{kind: ServiceAccount, name: reader}]}
";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_remote_cluster_is_scraped_by_its_kubeconfig() {
    install::ensure().await;
    scene::clear("remote", &[]).await;
    let far = Namespace::fresh("e2e-far").await;
    scene::app(&far).await;
    far.must_apply(IDENTITY).await;
    let token = far.must(&["create", "token", "reader", "--duration=1h"]).await;
    let path = "jsonpath={.clusters[0].cluster.certificate-authority-data}";
    let authority = must(&["config", "view", "--minify", "--raw", "-o", path]).await;
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: far\n\
         clusters: [{{name: far, cluster: {{server: 'https://kubernetes.default.svc', certificate-authority-data: {authority}}}}}]\n\
         users: [{{name: far, user: {{token: {}}}}}]\n\
         contexts: [{{name: far, context: {{cluster: far, user: far, namespace: e2e-far}}}}]\n",
        token.trim()
    );
    home().kubectl(&["delete", "secret", "far", "--ignore-not-found"]).await.expect("deleted");
    let literal = format!("--from-literal=kubeconfig={kubeconfig}");
    home().must(&["create", "secret", "generic", "far", &literal]).await;

    let client = scene::workspace("remote").await;
    let scraper = scene::example("scraper", "remote")
        .replace("spec:\n", "spec:\n  source: {kubeconfig: {name: far, key: kubeconfig}}\n")
        .replace("[{role: pod}]", "[{role: pod, namespaces: {names: [e2e-far]}}]");
    home().must_apply(&scraper).await;
    scene::until_some(&client, "demo_ticks_total{namespace=\"e2e-far\"}").await;
    home().until("scraper", "remote", "Ready", "True", LIMIT).await;

    // Discovery has nothing of this cluster to fall back on: no token at the usual place.
    let pod = home().get("pod", "remote-scraper-0").await.expect("the collector");
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    let usual = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().expect("mounts");
    assert!(mounts.iter().all(|mount| mount["mountPath"] != usual), "{mounts:?}");

    // The kubeconfig's account loses its rights: the Scraper says so.
    far.must(&["delete", "rolebinding", "reader"]).await;
    far.must(&["rollout", "restart", "deployment/app"]).await;
    home().must(&["delete", "pod", "remote-scraper-0"]).await;
    eventually("the Scraper tells its trouble", LIMIT, async || {
        let object = home().get("scraper", "remote").await?;
        let told = object["status"].to_string();
        if told.contains("orbidden") { Ok(()) } else { Err(told) }
    })
    .await;
    scene::clear("remote", &[far]).await;
    home().must(&["delete", "secret", "far"]).await;
}
