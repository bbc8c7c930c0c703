//! Memory with many objects, measured.

use std::time::Duration;

use e2e::eventually::eventually;
use e2e::foreign::define;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, kubectl, must, run};
use e2e::scene::{self, LIMIT};

const MIB: f64 = 1024.0 * 1024.0;

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

/// Pods on nodes that are only names: nothing runs, everything is listed and watched.
async fn fake_pods(namespace: &Namespace, count: usize) {
    let tolerations = "tolerations: [{operator: Exists}]";
    for chunk in 0..count / 500 {
        let node = format!("e2e-fake-{chunk}");
        let manifest = format!("{{apiVersion: v1, kind: Node, metadata: {{name: {node}}}}}");
        run("kubectl", &["create", "-f", "-"], &manifest).await.unwrap_or_default();
        let mut pods = String::new();
        for number in 0..500 {
            pods += &format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: p{chunk}-{number}, labels: {{app: fake, tier: backend, \
                  version: v1}}, annotations: {{team: shop, note: 'words in annotations'}}}}, \
                  spec: {{nodeName: {node}, {tolerations}, containers: [{{name: a, image: 'localhost/none:1', env: [{{name: A, value: b}}], \
                  ports: [{{name: web, containerPort: 8080}}]}}]}}}}\n---\n"
            );
        }
        let args = ["-n", &namespace.name, "create", "--validate=false", "-f", "-"];
        run("kubectl", &args, &pods).await.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_collector_that_watches_ten_thousand_pods_is_small() {
    if !wanted() {
        println!("SKIPPED: memory with many objects: HEARTH_E2E_SCALE is not set");
        return;
    }
    install::ensure().await;
    scene::clear("crowd", &[]).await;
    let crowd = Namespace::fresh("e2e-crowd").await;
    fake_pods(&crowd, 10_000).await;
    scene::workspace("crowd").await;
    scene::scraper("crowd").await;
    home().until("scraper", "crowd", "Ready", "True", LIMIT).await;
    let seen = peak_mib("crowd-scraper-0").await;
    println!("MEASURED memory of a collector that watches 10,000 pods: {seen} MiB");
    let args = ["delete", "pods", "--all", "--force", "--grace-period=0", "-n", "e2e-crowd"];
    kubectl(&args).await.unwrap_or_default();
    for chunk in 0..20 {
        kubectl(&["delete", "node", &format!("e2e-fake-{chunk}")]).await.unwrap_or_default();
    }
    scene::clear("crowd", &[crowd]).await;
    assert!(seen < 200.0, "{seen} MiB, which is {} bytes", seen * MIB);
}
