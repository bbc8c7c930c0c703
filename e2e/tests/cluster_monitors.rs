//! Monitors and rules of other operators, read where they lie.

use e2e::foreign::define;
use e2e::install::{self, home};
use e2e::kubernetes::Namespace;
use e2e::scene::{self, LIMIT};

const MONITORS: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: by-pod, labels: {team: shop}}
spec:
  selector: {matchLabels: {app: app}}
  podMetricsEndpoints:
  - {port: metrics, path: /metrics.txt, interval: 5s}
---
apiVersion: v1
kind: Service
metadata: {name: app, labels: {app: app}}
spec:
  selector: {app: app}
  ports: [{name: web, port: 80, targetPort: metrics}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: by-service, labels: {team: shop}}
spec:
  selector: {matchLabels: {app: app}}
  endpoints:
  - {port: web, path: /metrics.txt, interval: 5s}
---
apiVersion: monitoring.googleapis.com/v1
kind: PodMonitoring
metadata: {name: by-google, labels: {team: shop}}
spec:
  selector: {matchLabels: {app: app}}
  endpoints:
  - {port: metrics, path: /metrics.txt, interval: 5s}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: broken, labels: {team: shop}}
spec:
  selector: {matchLabels: {app: app}}
  podMetricsEndpoints:
  - {port: metrics, interval: often}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: shop, labels: {team: shop}}
spec:
  groups:
  - name: shop
    interval: 5s
    rules:
    - {record: shop:ticks, expr: 'max by (job) (demo_ticks_total)'}
";

const SCRAPER: &str = "
apiVersion: hearth.dev/v1alpha1
kind: Scraper
metadata: {name: monitored}
spec:
  destination: {workspaceRef: {name: monitored}}
  monitors:
    podMonitors: &all {selector: {matchLabels: {team: shop}}, namespaceSelector: {any: true}}
    serviceMonitors: *all
    podMonitorings: *all
";

const WORKSPACE: &str = "
apiVersion: hearth.dev/v1alpha1
kind: Workspace
metadata: {name: monitored}
spec:
  alias: demo
  retentionPeriodInDays: 30
  rules: {prometheusRules: {selector: {matchLabels: {team: shop}}, namespaceSelector: {any: true}}}
";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn monitors_of_three_kinds_are_followed_and_the_broken_one_named() {
    install::ensure().await;
    scene::clear("monitored", &[]).await;
    let core = "monitoring.coreos.com";
    define(core, "PodMonitor", "podmonitors", "v1").await;
    define(core, "ServiceMonitor", "servicemonitors", "v1").await;
    define(core, "PrometheusRule", "prometheusrules", "v1").await;
    define("monitoring.googleapis.com", "PodMonitoring", "podmonitorings", "v1").await;
    let shop = Namespace::fresh("e2e-monitored").await;
    scene::app(&shop).await;
    shop.must_apply(MONITORS).await;
    let client = scene::workspace("monitored").await;
    home().must_apply(WORKSPACE).await;
    home().must_apply(SCRAPER).await;
    for job in ["e2e-monitored/by-pod", "app", "by-google"] {
        let expr = format!("demo_ticks_total{{job=\"{job}\", namespace=\"e2e-monitored\"}}");
        scene::until_some(&client, &expr).await;
    }
    scene::until_some(&client, "shop:ticks{job=\"app\"}").await;
    e2e::eventually::eventually("the broken monitor is named", LIMIT, async || {
        let object = home().get("scraper", "monitored").await?;
        let rejected = object["status"]["rejected"].to_string();
        if rejected.contains("broken") { Ok(()) } else { Err(object["status"].to_string()) }
    })
    .await;
    scene::clear("monitored", &[shop]).await;
}
