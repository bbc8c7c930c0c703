//! The calls of Grafana's Prometheus data source.
//!
//! Health check, version probe, explorer, panels, alert pages: their requests as they are made, and
//! the shapes that they read.

#[path = "support/in_process.rs"]
mod in_process;

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use in_process::{InProcess, encoded, series};
use protocol::sample::{Metadata, MetricType};
use serde_json::{Value, json};

/// Seconds.
const T0: i64 = 1_700_000_000;

/// A data source whose URL is that of a workspace.
struct Grafana {
    hearth: InProcess,
    base: String,
}

impl Grafana {
    async fn start() -> Self {
        let hearth = InProcess::start().await;
        let id = hearth.workspace("demo").await;
        let samples: Vec<_> = (0..41).map(|n| ((T0 + n * 15) * 1000, (n * 15) as f64)).collect();
        let mut counter =
            series(&[("__name__", "hits_total"), ("job", "a"), ("http.code", "200")], &samples);
        counter.metadata = Some(Metadata {
            metric_type: MetricType::Counter,
            help: "Hits.".into(),
            unit: String::new(),
        });
        let up = series(&[("__name__", "up"), ("job", "b")], &samples);
        hearth.write(&id, &[counter, up]).await.expect(204);
        let rules = "groups:\n- name: g\n  rules:\n  - {record: 'job:hits:rate', expr: \
                     'sum by (job) (rate(hits_total[5m]))'}\n  - {alert: Never, expr: 'vector(0) > \
                     1'}\n";
        let body = json!({"name": "n", "data": STANDARD.encode(rules)});
        let path = format!("/workspaces/{id}/rulegroupsnamespaces");
        hearth.call("POST", &path, body).await.expect(202);
        Self { hearth, base: format!("/workspaces/{id}") }
    }

    /// The data of an answer, which must be a success.
    async fn get(&self, path: &str) -> Value {
        let reply = self.hearth.get(&format!("{}/{path}", self.base)).await.expect(200);
        assert_eq!(reply.headers["content-type"], "application/json");
        succeeded(&reply.json())
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let pairs: Vec<_> =
            form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = Request::post(format!("{}/{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(pairs.join("&")))
            .expect("a request");
        succeeded(&self.hearth.send(request).await.expect(200).json())
    }
}

fn succeeded(answer: &Value) -> Value {
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_passes() {
    let grafana = Grafana::start().await;
    // A range of seconds right after 1970, asked as an instant query at its end.
    for time in ["1", "4", "4.000"] {
        let data = grafana.post("api/v1/query", &[("query", "1+1"), ("time", time)]).await;
        assert_eq!(data["resultType"], "scalar");
        assert_eq!(data["result"][1], "2");
        assert_eq!(data["result"][0].as_f64(), time.parse().ok());
    }
    let range = [("query", "1+1"), ("start", "1"), ("end", "4"), ("step", "1")];
    let data = grafana.post("api/v1/query_range", &range).await;
    let values = json!([[1, "2"], [2, "2"], [3, "2"], [4, "2"]]);
    assert_eq!(data, json!({"resultType": "matrix", "result": [{"metric": {}, "values": values}]}));
    let info = grafana.get("api/v1/status/buildinfo").await;
    assert!(info["version"].is_string());
    // Anything in there makes Grafana speak to us as if to Mimir.
    assert!(info.get("features").is_none(), "{info}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explorer_finds_metrics_labels_and_values() {
    let grafana = Grafana::start().await;
    let window = format!("start={T0}&end={}&limit=40000", T0 + 600);
    let names = grafana.get(&format!("api/v1/label/__name__/values?{window}")).await;
    assert_eq!(names, json!(["hits_total", "up"]));
    let selector = encoded(r#"{__name__="hits_total"}"#);
    let labels = grafana.get(&format!("api/v1/labels?match%5B%5D={selector}&{window}")).await;
    assert_eq!(labels, json!(["__name__", "http.code", "job"]));
    // The resource calls try POST first.
    let form = [
        ("match[]", "hits_total"),
        ("start", "1700000000"),
        ("end", "1700000600"),
        ("limit", "40000"),
    ];
    assert_eq!(grafana.post("api/v1/labels", &form).await, labels);
    let by = format!("match%5B%5D={selector}&{window}");
    let values = grafana.get(&format!("api/v1/label/job/values?{by}")).await;
    assert_eq!(values, json!(["a"]));
    let values = grafana.get(&format!("api/v1/label/U__http_2e_code/values?{by}")).await;
    assert_eq!(values, json!(["200"]));
    let found = grafana.post("api/v1/series", &form).await;
    let labels = json!({"__name__": "hits_total", "job": "a", "http.code": "200"});
    assert_eq!(found, json!([labels]));
    let metadata = grafana.get("api/v1/metadata?limit=40000").await;
    assert_eq!(metadata["hits_total"][0], json!({"type": "counter", "help": "Hits.", "unit": ""}));
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_draw_ranges_instants_and_exemplars() {
    let grafana = Grafana::start().await;
    // Times with fractions, the step as float seconds.
    let range = [
        ("query", r#"delta(hits_total{job="a"}[1m0s]) > bool 50"#),
        ("start", "1700000120.000"),
        ("end", "1700000180.000"),
        ("step", "30.000"),
        ("timeout", "30s"),
    ];
    let data = grafana.post("api/v1/query_range", &range).await;
    assert_eq!(data["resultType"], "matrix");
    let values = json!([[T0 + 120, "1"], [T0 + 150, "1"], [T0 + 180, "1"]]);
    let metric = json!({"job": "a", "http.code": "200"});
    assert_eq!(data["result"], json!([{"metric": metric, "values": values}]));
    let small = [("query", "up"), ("start", "1700000000"), ("end", "1700000001"), ("step", "0.5")];
    let data = grafana.post("api/v1/query_range", &small).await;
    let times: Vec<_> = data["result"][0]["values"].as_array().expect("values").clone();
    let times: Vec<_> = times.iter().map(|value| value[0].clone()).collect();
    assert_eq!(times, [json!(T0), json!(1_700_000_000.5), json!(T0 + 1)]);
    let instant = [("query", "sum by (job) (up)"), ("time", "1700000015.000")];
    let data = grafana.post("api/v1/query", &instant).await;
    assert_eq!(data["resultType"], "vector");
    assert_eq!(data["result"], json!([{"metric": {"job": "b"}, "value": [T0 + 15, "15"]}]));
    let form = [("query", "hits_total"), ("start", "1700000000"), ("end", "1700000600")];
    assert_eq!(grafana.post("api/v1/query_exemplars", &form).await, json!([]));
    // A rate over a name that is no counter's comes back with a notice, which Grafana shows.
    let query = encoded("rate(up[5m])");
    let path = format!("{}/api/v1/query?query={query}&time={}", grafana.base, T0 + 60);
    let notice = grafana.hearth.get(&path).await.expect(200).json();
    assert!(notice["infos"][0].as_str().is_some_and(|text| text.contains("\"up\"")), "{notice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_pages_read_rules_and_alerts() {
    let grafana = Grafana::start().await;
    let rules = grafana.get("api/v1/rules").await;
    let group = &rules["groups"][0];
    assert_eq!(group["name"], "g");
    assert!(group["file"].is_string() && group["interval"].is_number(), "{group}");
    let record = &group["rules"][0];
    assert_eq!((&record["type"], &record["name"]), (&json!("recording"), &json!("job:hits:rate")));
    // What a recording rule's name stands for: the editor expands it.
    assert!(record["query"].as_str().is_some_and(|q| q.contains("rate(hits_total")), "{record}");
    let alert = &group["rules"][1];
    assert_eq!(alert["type"], "alerting");
    // Unknown until it was evaluated for the first time.
    assert!(matches!(alert["state"].as_str(), Some("inactive" | "unknown")), "{alert}");
    assert_eq!(alert["alerts"], json!([]));
    assert_eq!(grafana.get("api/v1/alerts").await, json!({"alerts": []}));
}
