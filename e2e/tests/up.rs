//! `hearth up`: manifests in, samples, alerts and messages out.

use std::path::Path;
use std::time::Duration;

use e2e::eventually::eventually;
use e2e::exporter::Exporter;
use e2e::inbox::Inbox;
use e2e::process::{Hearth, free_port};
use serde_json::{Value, json};

const PAGE: &str = "# TYPE jobs_total counter\njobs_total{kind=\"a\"} 7\n# TYPE temperature gauge\ntemperature 21.5\n";
const LIMIT: Duration = Duration::from_secs(40);

fn manifests(target: &str, inbox: &str) -> String {
    format!(
        r#"apiVersion: hearth.dev/v1alpha1
kind: Workspace
metadata: {{name: demo}}
spec: {{alias: demo}}
---
apiVersion: hearth.dev/v1alpha1
kind: Scraper
metadata: {{name: demo}}
spec:
  destination: {{workspaceRef: {{name: demo}}}}
  scrapeConfiguration: |
    global: {{scrape_interval: 1s, scrape_timeout: 1s}}
    scrape_configs:
      - job_name: app
        static_configs: [{{targets: ["{target}"]}}]
---
apiVersion: hearth.dev/v1alpha1
kind: RuleGroup
metadata: {{name: demo}}
spec:
  workspaceRef: {{name: demo}}
  groups:
    - name: availability
      interval: 1s
      rules:
        - {{record: "job:up:sum", expr: "sum by (job) (up)"}}
        - alert: TargetDown
          expr: up == 0
          for: 2s
          labels: {{severity: page}}
          annotations: {{summary: "{{{{ $labels.instance }}}} is down"}}
---
apiVersion: hearth.dev/v1alpha1
kind: AlertManagerConfig
metadata: {{name: demo}}
spec:
  workspaceRef: {{name: demo}}
  definition: |
    alertmanager_config: |
      route: {{receiver: inbox, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}
      receivers: [{{name: inbox, webhook_configs: [{{url: "{inbox}"}}]}}]
"#
    )
}

async fn value(hearth: &Hearth, expr: &str) -> Result<f64, String> {
    let result = hearth.query("", expr).await?;
    let text = result.first().and_then(|one| one["value"][1].as_str()).ok_or("no series")?;
    text.parse().map_err(|_| text.to_owned())
}

async fn expect_value(hearth: &Hearth, expr: &str, wanted: f64) {
    eventually(expr, LIMIT, async || match value(hearth, expr).await {
        Ok(got) if got == wanted => Ok(()),
        other => Err(other),
    })
    .await;
}

fn messages_of(inbox: &Inbox, status: &str) -> Vec<Value> {
    inbox.messages().into_iter().filter(|message| message["status"] == status).collect()
}

async fn expect_message(inbox: &Inbox, status: &str) -> Value {
    eventually(&format!("a {status} message"), LIMIT, async || {
        messages_of(inbox, status).pop().ok_or_else(|| inbox.messages())
    })
    .await
}

async fn up(dir: &Path, port: u16) -> Hearth {
    let source = dir.join("manifests");
    let source = source.to_str().expect("a UTF-8 path").to_owned();
    Hearth::start(&["up", "-f", &source], &dir.join("data"), port).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_path_works_and_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(dir.path().join("manifests")).expect("a new folder");
    let (exporter, inbox, port) = (Exporter::start(PAGE).await, Inbox::start().await, free_port());
    let text = manifests(&exporter.address, &inbox.url);
    std::fs::write(dir.path().join("manifests/all.yaml"), text).expect("a new file");

    let hearth = up(dir.path(), port).await;
    expect_value(&hearth, "jobs_total", 7.0).await;
    expect_value(&hearth, "job:up:sum", 1.0).await;

    exporter.set(None);
    let firing = expect_message(&inbox, "firing").await;
    assert_eq!(firing["receiver"], "inbox");
    let alert = &firing["alerts"][0];
    assert_eq!(alert["labels"]["alertname"], "TargetDown");
    assert_eq!(alert["labels"]["severity"], "page");
    assert_eq!(alert["labels"]["job"], "app");
    let summary = format!("{} is down", exporter.address);
    assert_eq!(alert["annotations"]["summary"], summary.as_str());

    let silence = json!({
        "matchers": [{"name": "never", "value": "seen", "isRegex": false, "isEqual": true}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "test", "comment": "must survive"
    });
    hearth.send("POST", "/alertmanager/api/v2/silences", silence).await.expect("a silence");
    let before = value(&hearth, "count_over_time(temperature[1h])").await.expect("samples");
    hearth.kill().await;

    let hearth = up(dir.path(), port).await;
    let after = value(&hearth, "count_over_time(temperature[1h])").await.expect("samples");
    assert!(after >= before, "{before} samples before the kill, {after} after");
    let silences = hearth.get("/alertmanager/api/v2/silences").await.expect("silences");
    assert_eq!(silences[0]["comment"], "must survive");

    // Long enough for several group intervals: a lost notification log would repeat the message.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(messages_of(&inbox, "firing").len(), 1, "{:#?}", inbox.messages());

    exporter.set(Some(PAGE));
    let resolved = expect_message(&inbox, "resolved").await;
    assert_eq!(resolved["alerts"][0]["labels"]["alertname"], "TargetDown");
    assert_eq!(messages_of(&inbox, "firing").len(), 1, "{:#?}", inbox.messages());
    assert!(hearth.stop().await.success(), "a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_applied_while_running_and_faults_stop_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(dir.path().join("manifests")).expect("a new folder");
    let file = dir.path().join("manifests/all.yaml");
    let (exporter, inbox, port) = (Exporter::start(PAGE).await, Inbox::start().await, free_port());
    let text = manifests(&exporter.address, &inbox.url);
    std::fs::write(&file, &text).expect("a new file");
    let hearth = up(dir.path(), port).await;
    expect_value(&hearth, "job:up:sum", 1.0).await;

    let broken = text.replace("expr: up == 0", "expr: up == (");
    let broken = broken.replace("kind: Workspace\n", "kind: Workspace\nsurprise: true\n");
    std::fs::write(&file, broken.replace("job_name: app", "job_name: renamed")).expect("the file");
    expect_value(&hearth, r#"up{job="renamed"}"#, 1.0).await;
    // The broken rules stay in their last good version and go on being evaluated.
    expect_value(&hearth, r#"job:up:sum{job="renamed"}"#, 1.0).await;

    std::fs::write(&file, text.replace("job:up:sum", "job:up:count2")).expect("the file");
    expect_value(&hearth, r#"job:up:count2{job="app"}"#, 1.0).await;
}
