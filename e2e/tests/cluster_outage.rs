//! What goes on while something is away.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::eventually::eventually;
use e2e::install::{self, home};
use e2e::kubernetes::{Namespace, must, run};
use e2e::remote_write;
use e2e::scene::{self, LIMIT};
use e2e::workspace::WorkspaceClient;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_millis() as i64
}

/// Lets real time pass: what is tried here is what happens meanwhile.
async fn live(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn scraping_rules_and_alerts_go_on_without_the_operator() {
    install::ensure().await;
    scene::clear("alone", &[]).await;
    let shop = Namespace::fresh("e2e-alone").await;
    scene::app(&shop).await;
    let client = scene::workspace("alone").await;
    scene::scraper("alone").await;
    let inbox = scene::alerts("alone").await;
    home().must_apply(&scene::example("rules", "alone")).await;
    home().until("rulegroup", "alone", "Programmed", "True", LIMIT).await;
    let recorded = "namespace:up:sum{namespace=\"e2e-alone\"}";
    scene::until_some(&client, recorded).await;

    install::scale_operator(0).await;
    live(Duration::from_mins(1)).await;
    // 5 s between samples: at least 9 of 12 slots of the last minute, in both series.
    let fresh = format!("count_over_time({recorded}[1m])");
    let scraped = "min(count_over_time(demo_ticks_total{namespace=\"e2e-alone\"}[1m]))";
    for expr in [fresh.as_str(), scraped] {
        let seen = client.value(expr).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(seen >= 9.0, "{expr}: {seen}");
    }
    let patch = r#"[{"op": "replace", "path": "/spec/template/spec/containers/0/command", "value": ["sleep", "3600"]},
        {"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"}]"#;
    shop.must(&["patch", "deployment", "app", "--type=json", "-p", patch]).await;
    eventually("an alert without the operator", LIMIT, async || {
        let messages = inbox.messages();
        let about =
            |message: &serde_json::Value| message["alerts"].to_string().contains("e2e-alone");
        if messages.iter().any(about) { Ok(()) } else { Err(messages) }
    })
    .await;
    install::scale_operator(1).await;
    install::ready().await;
    scene::clear("alone", &[shop]).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_upgrade_of_the_chart_keeps_the_data() {
    install::ensure().await;
    let client = writer("kept").await;
    let (status, answer) = client.write(sample(1.0)).await.expect("an answer");
    assert!(status < 300, "{status}: {answer}");
    let before = home().get("pod", "hearth-store-0").await.expect("the store's pod");

    install::upgrade(&["--set", "store.resources.requests.cpu=110m"]).await;
    eventually("the store has rolled", LIMIT, async || {
        let pod = home().get("pod", "hearth-store-0").await?;
        let new = pod["metadata"]["uid"] != before["metadata"]["uid"];
        let ready = pod["status"]["containerStatuses"][0]["ready"] == true;
        if new && ready { Ok(()) } else { Err("it has not".to_owned()) }
    })
    .await;
    eventually("the sample is there", LIMIT, async || client.value("kept_sample").await).await;
    install::upgrade(&[]).await;
    scene::clear("kept", &[]).await;
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_drained_node_loses_nothing_that_was_acknowledged() {
    install::ensure().await;
    scene::clear("drained", &[]).await;
    let client = writer("drained").await;
    let shop = Namespace::fresh("e2e-drained").await;
    scene::app(&shop).await;
    scene::scraper("drained").await;
    scene::until_some(&client, "demo_ticks_total{namespace=\"e2e-drained\"}").await;
    let mut acknowledged = write_some(&client, 0).await;

    let path = "jsonpath={.spec.nodeName}";
    let node = home().must(&["get", "pod", "hearth-store-0", "-o", path]).await;
    let drain = ["drain", &node, "--ignore-daemonsets", "--delete-emptydir-data", "--force"];
    must(&[&drain[..], &["--timeout=90s"]].concat()).await;
    live(Duration::from_secs(10)).await;
    assert!(client.query("up").await.is_err(), "the store answers from a drained node");
    must(&["uncordon", &node]).await;
    install::ready().await;
    answers(&client).await;
    acknowledged += write_some(&client, acknowledged).await;
    holds(&client, acknowledged).await;

    // The collector stood on another node, or came back with a buffer: it scrapes on.
    let recent = "count_over_time(demo_ticks_total{namespace=\"e2e-drained\"}[15s]) > 1";
    scene::until_some(&client, recent).await;

    if let Ok(command) = std::env::var("HEARTH_E2E_NODE") {
        let call = async |action: &str| {
            let line = format!("{command} {action} {node}");
            run("bash", &["-c", &line], "").await.unwrap_or_else(|error| panic!("{error}"));
        };
        call("stop").await;
        live(Duration::from_secs(5)).await;
        call("start").await;
        let ready = format!("node/{node}");
        must(&["wait", "--for=condition=Ready", &ready, "--timeout=120s"]).await;
        answers(&client).await;
        holds(&client, acknowledged).await;
    } else {
        println!("SKIPPED: no node was stopped: HEARTH_E2E_NODE names no command for it");
    }
    scene::clear("drained", &[shop]).await;
}

/// A workspace whose `viewer` may write, too.
async fn writer(name: &str) -> WorkspaceClient {
    let client = scene::workspace(name).await;
    let binding = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: {name}-writer}}, \
          roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: hearth-workspace-writer}}, \
          subjects: [{{kind: ServiceAccount, name: viewer}}]}}"
    );
    home().must_apply(&binding).await;
    eventually("the viewer may write", LIMIT, async || {
        let (status, answer) = client.write(remote_write::body(&[])).await?;
        if status < 300 { Ok(()) } else { Err(format!("{status}: {answer}")) }
    })
    .await;
    client
}

fn sample(value: f64) -> Vec<u8> {
    remote_write::body(&[(&[("__name__", "kept_sample")], &[(now_ms(), value)])])
}

/// Writes samples numbered from `first` on for a while; how many were acknowledged.
async fn write_some(client: &WorkspaceClient, first: usize) -> usize {
    for number in first..first + 50 {
        let number = number.to_string();
        let labels = [("__name__", "numbered"), ("number", number.as_str())];
        let body = remote_write::body(&[(&labels, &[(now_ms(), 1.0)])]);
        let (status, answer) = client.write(body).await.expect("an answer");
        assert!(status < 300, "{status}: {answer}");
    }
    50
}

async fn holds(client: &WorkspaceClient, acknowledged: usize) {
    let seen = client.value("count(last_over_time(numbered[1h]))").await;
    assert_eq!(seen, Ok(acknowledged as f64), "acknowledged samples are missing");
}

async fn answers(client: &WorkspaceClient) {
    eventually("the store answers", LIMIT, async || client.query("vector(1)").await).await;
}
