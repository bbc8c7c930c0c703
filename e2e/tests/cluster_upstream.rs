//! Example manifests of other operators, as they are.
//!
//! prometheus-operator's and Google's definitions and examples come by `e2e/upstream` and are
//! applied unchanged. Only their apps' images cannot be had: a stand-in bears their names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, kubectl, must, run};
use e2e::scene::{self, LIMIT};
use e2e::workspace::WorkspaceClient;

/// The folder that `e2e/upstream` makes, and the command that makes an image of the stand-in.
fn upstream() -> Option<(PathBuf, String)> {
    let folder = PathBuf::from(std::env::var_os("HEARTH_E2E_UPSTREAM")?);
    let image = std::env::var("HEARTH_E2E_APP_IMAGE").ok()?;
    folder.is_dir().then_some((folder, image))
}

const DEFINITIONS: [&str; 2] = [
    "prometheus-operator/example/prometheus-operator-crd",
    "prometheus-engine/manifests/setup.yaml",
];

/// Apps with monitors of their own, each as its guide says: in the namespace `default`.
const APPS: [&str; 8] = [
    "prometheus-operator/example/user-guides/getting-started/example-app-deployment.yaml",
    "prometheus-operator/example/user-guides/getting-started/example-app-service.yaml",
    "prometheus-operator/example/user-guides/getting-started/example-app-service-monitor.yaml",
    "prometheus-operator/example/user-guides/getting-started/example-app-pod-monitor.yaml",
    "prometheus-engine/examples/example-app.yaml",
    "prometheus-engine/examples/pod-monitoring.yaml",
    "prometheus-engine/examples/instrumentation/go-synthetic/go-synthetic.yaml",
    "prometheus-engine/examples/instrumentation/go-synthetic/go-synthetic-basic-auth.yaml",
];

/// Kinds that need no app to be judged.
const JUDGED: [&str; 7] = [
    "ServiceMonitor",
    "PodMonitor",
    "Probe",
    "ScrapeConfig",
    "PrometheusRule",
    "PodMonitoring",
    "Rules",
];

/// What its own definition refuses: fragments of a guide, and an age-old TLS version.
const REFUSED: [&str; 2] = ["/scrapeclass/", "/shared-configs/"];
/// Namespaces that examples take for granted.
const NAMESPACES: [&str; 3] = ["gmp-system", "gmp-public", "istio-system"];

/// Every example that holds nothing but such kinds.
fn judged(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders =
        vec![folder.join("prometheus-operator/example"), folder.join("prometheus-engine/examples")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder of a module") {
            let path = entry.expect("a name in it").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let kinds: Vec<&str> =
                    text.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
                let fits = |kind: &&str| JUDGED.contains(kind);
                let shown = path.display().to_string();
                let refused = REFUSED.iter().any(|part| shown.contains(part));
                if !kinds.is_empty() && kinds.iter().all(fits) && !refused {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    found
}

async fn apply(path: &Path) {
    must(&["apply", "--server-side", "--force-conflicts", "-f", &path.display().to_string()]).await;
}

/// Takes away what an earlier run left: with their definitions go all objects of a kind.
async fn clean(folder: &Path) {
    let binding = ["-n", "default", "delete", "rolebinding", "upstream-reader"];
    must(&[&binding[..], &["--ignore-not-found"]].concat()).await;
    for app in APPS {
        let path = folder.join(app).display().to_string();
        // Of a kind that is not there nothing can be.
        kubectl(&["delete", "--ignore-not-found", "-f", &path]).await.unwrap_or_default();
    }
    for definitions in DEFINITIONS {
        let path = folder.join(definitions).display().to_string();
        kubectl(&["delete", "--ignore-not-found", "-f", &path]).await.unwrap_or_default();
    }
}

/// The stand-in under every name that the apps' manifests give.
async fn images(folder: &Path, command: &str) {
    let mut names = BTreeSet::new();
    for app in APPS {
        let text = std::fs::read_to_string(folder.join(app)).expect("a file of the module");
        let image = |line: &str| {
            let line = line.trim().trim_start_matches("- ");
            line.strip_prefix("image: ").map(str::to_owned)
        };
        names.extend(text.lines().filter_map(image));
    }
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let line = format!("{command} {name}");
        run("bash", &["-c", &line], "").await.unwrap_or_else(|error| panic!("{error}"));
    }
}

const WORKSPACE: &str = "
apiVersion: hearth.dev/v1alpha1
kind: Workspace
metadata: {name: upstream}
spec:
  alias: demo
  retentionPeriodInDays: 30
  rules:
    prometheusRules: &all {namespaceSelector: {any: true}}
    googleRules: *all
";

const SCRAPER: &str = "
apiVersion: hearth.dev/v1alpha1
kind: Scraper
metadata: {name: upstream}
spec:
  destination: {workspaceRef: {name: upstream}}
  scrapeConfiguration: 'global: {scrape_interval: 5s}'
  monitors:
    podMonitors: &all {namespaceSelector: {any: true}}
    serviceMonitors: *all
    probes: *all
    scrapeConfigs: *all
    podMonitorings: *all
";

/// So many targets are up, under the labels that their own operator would have given them.
async fn up(client: &WorkspaceClient, matchers: &str, count: usize) {
    let expr = format!("count(up{{namespace=\"default\", {matchers}}} == 1) == {count}");
    scene::until_some(client, &expr).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn examples_of_other_operators_work_unchanged() {
    let Some((folder, image)) = upstream() else {
        println!(
            "==== SKIPPED: no manifests of other operators: HEARTH_E2E_UPSTREAM, see e2e/upstream"
        );
        return;
    };
    install::ensure().await;
    scene::clear("upstream", &[]).await;
    clean(&folder).await;
    for definitions in DEFINITIONS {
        apply(&folder.join(definitions)).await;
    }
    must(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    images(&folder, &image).await;
    for app in APPS {
        let path = folder.join(app).display().to_string();
        must(&["apply", "-f", &path]).await;
    }
    let client = scene::workspace("upstream").await;
    home().must_apply(WORKSPACE).await;
    home().must_apply(SCRAPER).await;

    let pod = "container=\"example-app\", endpoint=\"web\", pod=~\"example-app-.+\", instance=~\".+:8080\"";
    up(&client, &format!("job=\"example-app\", service=\"example-app\", {pod}"), 3).await;
    up(&client, &format!("job=\"default/example-app\", service=\"\", {pod}"), 3).await;
    // Without `targetLabels` Google adds nothing to these.
    let google = "job=\"prom-example\", instance=~\"prom-example-.+:metrics\", pod=\"\"";
    up(&client, google, 3).await;
    up(&client, "job=\"go-synthetic\", instance=~\"go-synthetic-.+:8080\"", 2).await;
    scene::until_some(&client, "http_requests_total{job=\"example-app\", code=\"200\"} > 1").await;
    password(&client).await;
    all(&folder, &client).await;
    toggles(&client).await;
    scene::clear("upstream", &[]).await;
    clean(&folder).await;
}

/// The example with a password: its Secret may be read once the example's own Role is bound to the
/// collectors' account.
async fn password(client: &WorkspaceClient) {
    let role = "go-synthetic-basic-auth-secret-read";
    eventually("who may not read the Secret is named", LIMIT, async || {
        let object = home().get("scraper", "upstream").await?;
        let rejected = object["status"]["rejected"].to_string();
        let told = rejected.contains("hearth-system:upstream-scraper");
        if told { Ok(()) } else { Err(rejected) }
    })
    .await;
    let default = Namespace::named("default");
    let (role, account) =
        (format!("--role={role}"), "--serviceaccount=hearth-system:upstream-scraper");
    default.must(&["create", "rolebinding", "upstream-reader", &role, account]).await;
    up(client, "job=\"go-synthetic-basic-auth\", instance=~\"go-synthetic-basic-auth-.+:8080\"", 2)
        .await;
}

/// All other examples are taken.
async fn all(folder: &Path, client: &WorkspaceClient) {
    let files = judged(folder);
    assert!(files.len() > 60, "{} examples", files.len());
    for namespace in NAMESPACES {
        Namespace::fresh(namespace).await;
    }
    for file in &files {
        must(&["apply", "-f", &file.display().to_string()]).await;
    }
    for alert in ["ExampleAlert", "AlwaysFiring"] {
        scene::until_some(
            client,
            &format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}"),
        )
        .await;
    }
    scene::until_some(client, "job:up:sum{job=\"prom-example\"}").await;
    let path = "jsonpath={.items[*].metadata.name}";
    let mut rules = 0;
    for kind in ["prometheusrules.monitoring.coreos.com", "rules.monitoring.googleapis.com"] {
        rules += must(&["get", kind, "-A", "-o", path]).await.split_whitespace().count();
    }
    assert!(rules > 25, "{rules} objects of rules");
    eventually("every rule is in force", LIMIT, async || {
        let status = home().get("workspace", "upstream").await?["status"].clone();
        let good = status["foreignRules"] == rules && status["rejected"].is_null();
        if good { Ok(()) } else { Err(format!("{rules} objects: {status}")) }
    })
    .await;
    eventually("every monitor is taken", LIMIT, async || {
        let status = home().get("scraper", "upstream").await?["status"].clone();
        if status["rejected"].is_null() { Ok(()) } else { Err(status["rejected"].to_string()) }
    })
    .await;
    for namespace in NAMESPACES {
        Namespace::remove(namespace).await;
    }
}

/// The chart's own monitors, dashboards and data sources, switched on.
async fn toggles(client: &WorkspaceClient) {
    let mut more = Vec::new();
    for value in [
        "metrics.podMonitor.enabled=true",
        "metrics.serviceMonitor.enabled=true",
        "metrics.podMonitor.interval=5s",
        "metrics.serviceMonitor.interval=5s",
        "dashboards.enabled=true",
        "grafana.dataSources[0].workspace=upstream",
    ] {
        more.extend(["--set", value]);
    }
    install::upgrade(&more).await;
    for job in ["hearth-operator", "hearth-system/hearth-operator"] {
        scene::until_some(client, &format!("hearth_operator_leader{{job=\"{job}\"}} == 1")).await;
    }
    let name = "hearth-grafana-hearth-system-upstream";
    let source = home().get("secret", name).await.expect("a data source");
    let text = source["data"]["hearth-system-upstream.yaml"].as_str().unwrap_or_default();
    let text = String::from_utf8(e2e::base64::decode(text)).expect("YAML is text");
    assert!(text.contains(&client.url), "{text}");
    let dashboards = home().get("configmap", "hearth-dashboards").await.expect("dashboards");
    let dashboard = dashboards["data"]["hearth.json"].as_str().unwrap_or_default();
    assert!(serde_json::from_str::<serde_json::Value>(dashboard).is_ok(), "{dashboard}");
    install::upgrade(&[]).await;
}
