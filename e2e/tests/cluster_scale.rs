//! Memory of the operator with many objects, measured.

use std::time::Duration;

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, must};
use e2e::scene::{self, LIMIT};

/// These take long.
fn wanted() -> bool {
    std::env::var_os("HEARTH_E2E_SCALE").is_some()
}

/// Memory of the pods with this name at their front, MiB, as metrics-server measures it.
async fn memory_mib(pod: &str) -> Result<f64, String> {
    let table = home().kubectl(&["top", "pod", "--no-headers"]).await?;
    let line = table.lines().find(|line| line.starts_with(pod)).ok_or(table.clone())?;
    let text = line.split_whitespace().nth(2).unwrap_or_default();
    text.trim_end_matches("Mi").parse().map_err(|_| line.to_owned())
}

/// The highest of what is measured over a minute.
async fn peak_mib(pod: &str) -> f64 {
    let mut peak = 0.0_f64;
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let what = format!("memory of {pod}");
        peak = peak.max(eventually(&what, LIMIT, async || memory_mib(pod).await).await);
    }
    peak
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_operator_is_small() {
    if !wanted() {
        println!("SKIPPED: memory with many objects: HEARTH_E2E_SCALE is not set");
        return;
    }
    install::ensure().await;
    scene::clear("many", &[]).await;
    install::scale_operator(0).await;
    install::scale_operator(1).await;
    let idle = peak_mib("hearth-operator").await;
    println!("MEASURED memory of an idle operator: {idle} MiB");
    let many = Namespace::fresh("e2e-many").await;
    scene::workspace("many").await;
    let consent = scene::example("workspace", "many");
    let consent = consent.replace("alias: demo", "alias: demo\n  access: {namespaces: [e2e-many]}");
    home().must_apply(&consent).await;
    let mut groups = String::new();
    for number in 0..500 {
        groups += &format!(
            "{{apiVersion: hearth.dev/v1alpha1, kind: RuleGroup, metadata: {{name: g{number}}}, spec: {{workspaceRef: \
              {{name: many, namespace: hearth-system}}, groups: [{{name: a, interval: 60s, rules: [{{record: 'r:{number}', expr: up}}]}}]}}}}\n---\n"
        );
    }
    many.must_apply(&groups).await;
    eventually("500 groups are programmed", Duration::from_mins(5), async || {
        let path = "jsonpath={.items[*].status.conditions[?(@.type==\"Programmed\")].status}";
        let all = many.kubectl(&["get", "rulegroups", "-o", path]).await?;
        let good = all.matches("True").count();
        if good == 500 { Ok(()) } else { Err(format!("{good} of 500")) }
    })
    .await;
    let loaded = peak_mib("hearth-operator").await;
    println!("MEASURED memory of an operator with 500 RuleGroups: {loaded} MiB");
    must(&["delete", "rulegroups", "--all", "-n", "e2e-many", "--timeout=300s"]).await;
    scene::clear("many", &[many]).await;
    assert!(idle < 64.0, "{idle} MiB idle");
    assert!(loaded < 150.0, "{loaded} MiB with 500 RuleGroups");
}
