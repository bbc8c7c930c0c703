//! From rule to webhook; a restart repeats nothing.

#[path = "support/in_process.rs"]
mod in_process;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use in_process::{InProcess, series};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Longer than any step of the test takes; never waited for where all is well.
const PATIENCE: Duration = Duration::from_secs(30);

struct Inbox {
    url: String,
    messages: mpsc::Receiver<Value>,
}

impl Inbox {
    async fn start() -> Self {
        let (sender, messages) = mpsc::channel(100);
        let take = move |body: Bytes| async move {
            let message = serde_json::from_slice(&body).expect("a webhook sends JSON");
            sender.send(message).await.expect("the test listens");
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let router = Router::new().route("/", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, messages }
    }

    async fn next(&mut self) -> Value {
        let message = tokio::time::timeout(PATIENCE, self.messages.recv()).await;
        message.expect("a message in time").expect("the inbox is open")
    }
}

fn blob(text: &str) -> Value {
    Value::String(STANDARD.encode(text))
}

fn now_ms(hearth: &InProcess) -> i64 {
    hearth.store.world.clock.now_ms()
}

/// Asks again until the answer is the wanted one.
async fn eventually(hearth: &InProcess, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let answer = hearth.get(path).await.expect(200).json();
            if wanted(&answer) {
                return answer;
            }
            hearth.store.world.clock.sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the wanted answer in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_reaches_its_receiver_once_and_is_resolved_after_a_restart() {
    let mut inbox = Inbox::start().await;
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let base = format!("/workspaces/{id}");
    let secret = format!("{base}/hearth/secrets/inbox");
    hearth.call("PUT", &secret, json!({"stringData": {"url": inbox.url}})).await.expect(200);
    let definition = "alertmanager_config: |\n  route: {receiver: inbox, group_by: [alertname], \
                      group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n  receivers: \
                      [{name: inbox, webhook_configs: [{url: \"secret://inbox/url\"}]}]\n";
    let path = format!("{base}/alertmanager/definition");
    hearth.call("POST", &path, json!({"data": blob(definition)})).await.expect(202);
    let rules = "groups:\n- name: g\n  interval: 1s\n  rules:\n  - {record: 'job:up:sum', expr: \
                 'sum by (job) (up)'}\n  - {alert: TargetDown, expr: 'up == 0', labels: {severity: \
                 page}, annotations: {summary: '{{ $labels.job }} is down'}}\n";
    let body = json!({"name": "n", "data": blob(rules)});
    let made = hearth.call("POST", &format!("{base}/rulegroupsnamespaces"), body).await;
    assert_eq!(made.expect(202).json()["status"]["statusCode"], "ACTIVE");
    let described = hearth.get(&format!("{base}/rulegroupsnamespaces/n")).await.json();
    let extras = &described["ruleGroupsNamespace"]["hearth"];
    assert_eq!(extras["contentHash"], extras["programmedHash"]);

    let up =
        |value: f64, at_ms: i64| series(&[("__name__", "up"), ("job", "a")], &[(at_ms, value)]);
    hearth.write(&id, &[up(0.0, now_ms(&hearth))]).await.expect(204);
    let message = inbox.next().await;
    assert_eq!(message["status"], "firing");
    let alert = &message["alerts"][0];
    assert_eq!(alert["labels"], json!({"alertname": "TargetDown", "job": "a", "severity": "page"}));
    assert_eq!(alert["annotations"], json!({"summary": "a is down"}));

    let recorded = format!("{base}/api/v1/query?query=job:up:sum");
    eventually(&hearth, &recorded, |a| a["data"]["result"][0]["value"][1] == "0").await;
    let alerts = hearth.get(&format!("{base}/api/v1/alerts")).await.expect(200).json();
    assert_eq!(alerts["data"]["alerts"][0]["state"], "firing");
    let listed = hearth.get(&format!("{base}/api/v1/rules")).await.expect(200).json();
    assert_eq!(listed["data"]["groups"][0]["rules"][1]["name"], "TargetDown");
    let held = hearth.get(&format!("{base}/alertmanager/api/v2/alerts")).await.expect(200).json();
    assert_eq!(held[0]["labels"]["alertname"], "TargetDown");
    let receivers = hearth.get(&format!("{base}/alertmanager/api/v2/receivers")).await.json();
    assert_eq!(receivers, json!([{"name": "inbox"}]));

    let hearth = hearth.restart().await;
    let alerts = format!("{base}/api/v1/alerts");
    eventually(&hearth, &alerts, |a| a["data"]["alerts"][0]["state"] == "firing").await;
    hearth.write(&id, &[up(1.0, now_ms(&hearth))]).await.expect(204);
    // The next message is the end: the restart repeated nothing.
    let message = inbox.next().await;
    assert_eq!(message["status"], "resolved", "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_are_set_read_and_ended() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let base = format!("/workspaces/{id}/alertmanager/api/v2");
    let silence = json!({
        "matchers": [{"name": "alertname", "value": "X", "isRegex": false, "isEqual": true}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "me", "comment": "quiet",
    });
    let set = hearth.call("POST", &format!("{base}/silences"), silence).await.expect(200).json();
    let one = format!("{base}/silence/{}", set["silenceID"].as_str().expect("an id"));
    let hearth = hearth.restart().await;
    let found = hearth.get(&one).await.expect(200).json();
    assert_eq!((&found["status"]["state"], &found["comment"]), (&json!("active"), &json!("quiet")));
    hearth.call("DELETE", &one, Value::Null).await.expect(200);
    assert_eq!(hearth.get(&one).await.json()["status"]["state"], "expired");
    let missing = format!("{base}/silence/00000000-0000-4000-8000-000000000000");
    hearth.get(&missing).await.expect(404);
    let posted = hearth.call("POST", &format!("{base}/silences"), json!({})).await.expect(400);
    assert!(posted.json().is_string(), "{}", posted.text());
    hearth.get(&format!("{base}/status")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_one_workspace_write_only_there_and_stop_with_it() {
    let hearth = InProcess::start().await;
    let (one, two) = (hearth.workspace("one").await, hearth.workspace("two").await);
    let rules =
        "groups:\n- name: g\n  interval: 1s\n  rules:\n  - {record: a, expr: 'vector(1)'}\n";
    let body = json!({"name": "n", "data": blob(rules)});
    let path = format!("/workspaces/{one}/rulegroupsnamespaces");
    hearth.call("POST", &path, body).await.expect(202);
    let query = format!("/workspaces/{one}/api/v1/query?query=a");
    eventually(&hearth, &query, |a| a["data"]["result"][0]["value"][1] == "1").await;
    assert_eq!(
        hearth.get(&format!("/workspaces/{two}/api/v1/query?query=a")).await.json()["data"]["result"],
        json!([])
    );
    hearth.call("DELETE", &format!("/workspaces/{one}"), Value::Null).await.expect(202);
    hearth.get(&query).await.expect(404);
    let streams = hearth.store.world.log.streams();
    assert!(streams.iter().all(|stream| !stream.as_str().contains(&one)), "{streams:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_tell_which_receiver_fails_and_why() {
    let mut inbox = Inbox::start().await;
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let base = format!("/workspaces/{id}");
    let none = hearth.get(&format!("{base}/hearth/deliveries")).await.expect(200).json();
    assert_eq!(none, json!({"receivers": []}));
    // Nothing listens on port 1: a refused connection is tried again until the next flush.
    let url = &inbox.url;
    let definition = format!(
        "alertmanager_config: |\n  route: {{receiver: good, group_wait: 0s, routes: [{{receiver: \
         bad, group_wait: 0s, continue: true}}, {{receiver: good}}]}}\n  receivers:\n  - {{name: \
         good, webhook_configs: [{{url: \"{url}\"}}]}}\n  - {{name: bad, webhook_configs: [{{url: \
         \"http://127.0.0.1:1/\"}}]}}\n"
    );
    let path = format!("{base}/alertmanager/definition");
    hearth.call("POST", &path, json!({"data": blob(&definition)})).await.expect(202);
    let alerts = json!([{"labels": {"alertname": "A"}}]);
    hearth.call("POST", &format!("{base}/alertmanager/api/v2/alerts"), alerts).await.expect(200);
    inbox.next().await;
    let told = eventually(&hearth, &format!("{base}/hearth/deliveries"), |told| {
        let is_told = |at: usize, field: &str| !told["receivers"][at][field].is_null();
        is_told(0, "lastError") && is_told(1, "lastSuccess")
    })
    .await;
    let (bad, good) = (&told["receivers"][0], &told["receivers"][1]);
    assert_eq!((&bad["receiver"], &bad["integration"]), (&json!("bad"), &json!("webhook")));
    assert_eq!((&bad["delivered"], &bad["lastSuccess"]), (&json!(0), &Value::Null));
    assert!(bad["lastFailure"].as_str().is_some_and(|time| time.ends_with('Z')), "{bad}");
    assert_eq!((&good["delivered"], &good["failed"]), (&json!(1), &json!(0)));
    assert_eq!((&good["receiver"], &good["lastError"]), (&json!("good"), &Value::Null));
}
