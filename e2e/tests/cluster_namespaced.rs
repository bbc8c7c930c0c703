//! An operator that looks at two namespaces and may no more.

use e2e::eventually::eventually;
use e2e::install::{self, NAMESPACE, home};
use e2e::kubernetes::{Namespace, kubectl};
use e2e::scene::{self, LIMIT};
use e2e::workspace::WorkspaceClient;

/// Whether the operator's account may do this in a namespace.
async fn may(verb: &str, resource: &str, namespace: &str) -> bool {
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:hearth-operator");
    let args = ["auth", "can-i", verb, resource, "-n", namespace, &account];
    // `no` is an exit code of its own.
    kubectl(&args).await.is_ok_and(|said| said.trim() == "yes")
}

/// The example in a team's own namespace: its pods only, which its collector may see.
async fn play(team: &Namespace) {
    scene::app(team).await;
    team.must_apply(&scene::example("workspace", "demo")).await;
    let scraper = scene::example("scraper", "demo");
    let own = format!("[{{role: pod, namespaces: {{names: [{}]}}}}]", team.name);
    team.must_apply(&scraper.replace("[{role: pod}]", &own)).await;
    team.must_apply(&scene::example("rules", "demo")).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn two_namespaces_are_served_and_a_third_is_not_even_seen() {
    install::remove().await;
    let team = Namespace::fresh("e2e-inside").await;
    let stranger = Namespace::fresh("e2e-outside").await;
    install::ensure_with(&["--set", "watchNamespaces={e2e-inside}"]).await;
    play(&team).await;
    stranger.must_apply(&scene::example("workspace", "demo")).await;

    team.until("workspace", "demo", "Ready", "True", LIMIT).await;
    let client = WorkspaceClient::of(&team, "demo", (&team, "viewer")).await;
    scene::until_some(&client, "demo_ticks_total{namespace=\"e2e-inside\"}").await;
    scene::until_some(&client, "namespace:up:sum{namespace=\"e2e-inside\"}").await;
    team.until("scraper", "demo", "Ready", "True", LIMIT).await;
    team.until("rulegroup", "demo", "Ready", "True", LIMIT).await;
    let wrong = scene::example("rules", "wrong").replace("expr: up{", "expr: up{{");
    team.refused(&wrong, "expr").await;

    let there = stranger.get("workspace", "demo").await.expect("it was applied");
    assert!(there["status"].is_null(), "{there}");
    for (verb, resource) in
        [("list", "secrets"), ("create", "roles"), ("patch", "workspaces.hearth.dev")]
    {
        assert!(may(verb, resource, "e2e-inside").await, "{verb} {resource}");
        assert!(!may(verb, resource, "e2e-outside").await, "{verb} {resource}");
        assert!(!may(verb, resource, "kube-system").await, "{verb} {resource}");
    }
    // It asks for nothing that it may not.
    let log = home().must(&["logs", "deployment/hearth-operator"]).await;
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("orbidden")).collect();
    assert!(refused.is_empty(), "{refused:#?}");

    // Objects end as they began: inside by the operator, outside by nobody.
    team.must(&["delete", "workspace,scraper,rulegroup", "demo", "--timeout=60s"]).await;
    eventually("the collector is gone", LIMIT, async || {
        match team.get("statefulset", "demo-scraper").await {
            Ok(_) => Err("it is there"),
            Err(_) => Ok(()),
        }
    })
    .await;
    install::remove().await;
    Namespace::remove(&team.name).await;
    Namespace::remove(&stranger.name).await;
}
