//! Memory of the operator with many objects, measured.

use std::time::Duration;

use e2e::eventually::eventually;
use e2e::foreign::define;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, must, run};
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
    let more = "alias: demo\n  access: {namespaces: [e2e-many]}\n  \
                rules: {prometheusRules: {namespaceSelector: {any: true}}}";
    home().must_apply(&consent.replace("alias: demo", more)).await;
    home().must_apply(SCRAPER).await;
    monitors(&many).await;
    let groups: String = (0..500).map(rule_group).collect();
    many.must_apply(&groups).await;
    eventually("500 groups are programmed", Duration::from_mins(5), async || {
        let path = "jsonpath={.items[*].status.conditions[?(@.type==\"Programmed\")].status}";
        let all = many.kubectl(&["get", "rulegroups", "-o", path]).await?;
        let good = all.matches("True").count();
        if good == 500 { Ok(()) } else { Err(format!("{good} of 500")) }
    })
    .await;
    home().until("scraper", "many", "Ready", "True", LIMIT).await;
    let loaded = peak_mib("hearth-operator").await;
    let what = "500 RuleGroups, 2,000 monitors, 400 PrometheusRules";
    println!("MEASURED memory of an operator with {what}: {loaded} MiB");
    let collector = peak_mib("many-scraper-0").await;
    println!("MEASURED memory of the collector of 2,000 monitors: {collector} MiB");
    must(&["delete", "rulegroups", "--all", "-n", "e2e-many", "--timeout=300s"]).await;
    scene::clear("many", &[many]).await;
    assert!(idle < 64.0, "{idle} MiB idle");
    assert!(loaded < 150.0, "{loaded} MiB with {what}");
}

const SCRAPER: &str = "
apiVersion: hearth.dev/v1alpha1
kind: Scraper
metadata: {name: many}
spec:
  destination: {workspaceRef: {name: many}}
  monitors:
    podMonitors: &all {namespaceSelector: {any: true}}
    serviceMonitors: *all
";

fn rule_group(number: usize) -> String {
    format!(
        "{{apiVersion: hearth.dev/v1alpha1, kind: RuleGroup, metadata: {{name: g{number}}}, spec: {{workspaceRef: \
          {{name: many, namespace: hearth-system}}, groups: [{{name: a, interval: 60s, rules: [{{record: 'r:{number}', expr: up}}]}}]}}}}\n---\n"
    )
}

/// A thousand each of two kinds of monitors, and 400 PrometheusRules.
async fn monitors(many: &Namespace) {
    let core = "monitoring.coreos.com";
    define(core, "PodMonitor", "podmonitors", "v1").await;
    define(core, "ServiceMonitor", "servicemonitors", "v1").await;
    define(core, "PrometheusRule", "prometheusrules", "v1").await;
    for chunk in 0..10 {
        let mut objects = String::new();
        for number in chunk * 100..(chunk + 1) * 100 {
            let head = format!("apiVersion: {core}/v1, metadata: {{name: m{number}}}");
            let selector = format!("selector: {{matchLabels: {{app: a{number}}}}}");
            objects += &format!(
                "{{{head}, kind: PodMonitor, spec: {{{selector}, podMetricsEndpoints: [{{port: web, interval: 30s}}]}}}}\n---\n\
                 {{{head}, kind: ServiceMonitor, spec: {{{selector}, endpoints: [{{port: web, interval: 30s}}]}}}}\n---\n"
            );
            // With the groups these are still below a workspace's limit of 1,000.
            if number % 5 < 2 {
                objects += &format!(
                    "{{{head}, kind: PrometheusRule, spec: {{groups: [{{name: p, interval: 60s, rules: \
                      [{{record: 'p:{number}', expr: 'sum(up)'}}]}}]}}}}\n---\n"
                );
            }
        }
        let args = ["-n", &many.name, "create", "--validate=false", "-f", "-"];
        run("kubectl", &args, &objects).await.unwrap_or_else(|error| panic!("{error}"));
    }
}
