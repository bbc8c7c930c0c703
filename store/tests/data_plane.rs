//! Remote write to query, through the router.

#[path = "support/in_process.rs"]
mod in_process;

use axum::body::Body;
use axum::http::Request;
use in_process::{InProcess, encoded, series};
use protocol::labels::Labels;
use protocol::remote_write::Version;
use protocol::sample::{Exemplar, Metadata, MetricType};
use serde_json::{Value, json};

const T0: i64 = 1_700_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_answered_at_once_and_after_a_restart() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let samples: Vec<_> = (0..10).map(|n| (T0 + n * 15_000, n as f64 * 30.0)).collect();
    let batch = [
        series(&[("__name__", "http_requests_total"), ("job", "a")], &samples),
        series(&[("__name__", "http_requests_total"), ("job", "b")], &samples),
    ];
    let written = hearth.write(&id, &batch).await.expect(204);
    assert_eq!(written.headers["x-prometheus-remote-write-samples-written"], "20");

    let at = "1700000135";
    let wanted = json!([{"metric": {"job": "a"}, "value": [1_700_000_135, "270"]}]);
    let sum = r#"sum by (job) (http_requests_total{job="a"})"#;
    assert_eq!(hearth.query(&id, sum, at).await, wanted);
    let hearth = hearth.restart().await;
    assert_eq!(hearth.query(&id, sum, at).await, wanted);

    let path = format!(
        "/workspaces/{id}/api/v1/query_range?query={}&start=1700000000&end=1700000030&step=15",
        encoded(r#"http_requests_total{job="b"}"#)
    );
    let answer = hearth.get(&path).await.expect(200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let data = answer.json()["data"].clone();
    assert_eq!(data["resultType"], "matrix");
    assert_eq!(
        data["result"][0]["values"],
        json!([[1_700_000_000, "0"], [1_700_000_015, "30"], [1_700_000_030, "60"]])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workspaces_never_see_each_other() {
    let hearth = InProcess::start().await;
    let (one, two) = (hearth.workspace("one").await, hearth.workspace("two").await);
    hearth.write(&one, &[series(&[("__name__", "mine")], &[(T0, 1.0)])]).await.expect(204);
    hearth.write(&two, &[series(&[("__name__", "theirs")], &[(T0, 2.0)])]).await.expect(204);
    let names = async |id: &str| {
        let path = format!("/workspaces/{id}/api/v1/label/__name__/values");
        hearth.get(&path).await.expect(200).json()["data"].clone()
    };
    assert_eq!(names(&one).await, json!(["mine"]));
    assert_eq!(names(&two).await, json!(["theirs"]));
    assert_eq!(hearth.query(&one, "theirs", "1700000000").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_workspace_answers_at_the_root() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let none = hearth.get("/api/v1/query?query=1").await.expect(404);
    assert_eq!(none.json()["errorType"], "not_found");
    hearth.store.set_default_workspace(Some(id.parse().expect("an id")));
    hearth.write(&id, &[series(&[("__name__", "up")], &[(T0, 1.0)])]).await.expect(204);
    for path in ["/api/v1/query", "/api/v1/api/v1/query"] {
        let answer = hearth.get(&format!("{path}?query=up&time=1700000000")).await.expect(200);
        assert_eq!(answer.json()["data"]["result"][0]["value"], json!([1_700_000_000, "1"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn series_labels_and_values_are_found_by_matchers_and_time() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let batch = [
        series(&[("__name__", "a"), ("http.code", "200")], &[(T0, 1.0)]),
        series(&[("__name__", "b"), ("x", "y")], &[(T0 + 3_600_000, 1.0)]),
    ];
    hearth.write(&id, &batch).await.expect(204);
    let get = async |path: &str| {
        let answer = hearth.get(&format!("/workspaces/{id}/api/v1/{path}")).await.expect(200);
        answer.json()["data"].clone()
    };
    assert_eq!(get("labels").await, json!(["__name__", "http.code", "x"]));
    assert_eq!(get("labels?match[]=b").await, json!(["__name__", "x"]));
    assert_eq!(get("label/U__http_2e_code/values").await, json!(["200"]));
    assert_eq!(get("label/__name__/values?end=1700000001").await, json!(["a"]));
    assert_eq!(get("series?match[]=b").await, json!([{"__name__": "b", "x": "y"}]));
    let path = format!("/workspaces/{id}/api/v1/labels?limit=1");
    let cut = hearth.get(&path).await.expect(200).json();
    assert_eq!(cut["warnings"], json!(["results truncated due to limit"]));
    for path in ["series", "series?match[]={}", "labels?match[]=%7Bx%3D~%22.*%22%7D"] {
        let path = format!("/workspaces/{id}/api/v1/{path}");
        assert_eq!(hearth.get(&path).await.expect(400).json()["errorType"], "bad_data");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partly_valid_write_keeps_what_is_valid_and_names_the_rest() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    hearth.write(&id, &[series(&[("__name__", "up")], &[(T0, 1.0)])]).await.expect(204);
    let batch = [
        series(&[("__name__", "up")], &[(T0, 2.0), (T0 + 1000, 3.0)]),
        series(&[("no_name", "x")], &[(T0, 1.0)]),
    ];
    let refused = hearth.write(&id, &batch).await.expect(400);
    assert_eq!(refused.headers["x-prometheus-remote-write-samples-written"], "1");
    let text = refused.text();
    assert!(text.contains("duplicate sample for timestamp 1700000000000"), "{text}");
    assert!(text.contains("no_name"), "{text}");
    let result = hearth.query(&id, "up", "1700000001").await;
    assert_eq!(result[0]["value"], json!([1_700_000_001, "3"]));
    let metrics = hearth.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("reason=\"new-value-for-timestamp\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_the_wrong_kind_are_refused_before_they_cost() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let path = format!("/workspaces/{id}/api/v1/write");
    let send = async |kind: &str, encoding: &str, body: Vec<u8>| {
        let request = Request::post(&path)
            .header("content-type", kind)
            .header("content-encoding", encoding)
            .body(Body::from(body))
            .expect("a request");
        hearth.send(request).await
    };
    let v1 = Version::V1.content_type();
    send("application/json", "snappy", vec![]).await.expect(415);
    send("application/x-protobuf;proto=nonsense", "snappy", vec![]).await.expect(415);
    send(&v1, "gzip", vec![]).await.expect(415);
    send(&v1, "snappy", vec![1, 2, 3]).await.expect(400);
    let truncated = protocol::remote_write::compress(&[0x0a, 0x7f]);
    send(&v1, "snappy", truncated).await.expect(400);
    // The header announces 4 GiB.
    send(&v1, "snappy", vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0]).await.expect(413);
    let request = Request::post(&path)
        .header("content-length", "1000000000")
        .body(Body::empty())
        .expect("a request");
    hearth.send(request).await.expect(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_has_prometheus_status_and_type() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let base = format!("/workspaces/{id}/api/v1");
    for (path, status, kind, text) in [
        ("query?query=sum(", 400, "bad_data", "invalid parameter \"query\": 1:5: parse error"),
        ("query", 400, "bad_data", "parse error"),
        ("query?query=1&time=x", 400, "bad_data", "invalid parameter \"time\""),
        ("query?query=1&timeout=x", 400, "bad_data", "invalid parameter \"timeout\""),
        ("query_range?query=1&start=2&end=1&step=1", 400, "bad_data", "end timestamp"),
        ("query_range?query=1&start=1&end=2&step=0", 400, "bad_data", "zero or negative"),
        ("query_range?query=1&start=1&step=1", 400, "bad_data", "invalid parameter \"end\""),
        ("query_range?query=1&start=0&end=20000&step=1", 400, "bad_data", "11000 points"),
        ("nothing", 404, "not_found", "/api/v1/nothing"),
        ("targets/metadata", 501, "not_implemented", "/api/v1/targets/metadata is not built yet"),
    ] {
        let refused = hearth.get(&format!("{base}/{path}")).await.expect(status).json();
        assert_eq!((&refused["status"], &refused["errorType"]), (&json!("error"), &json!(kind)));
        let error = refused["error"].as_str().expect("a text");
        assert!(error.contains(text), "{path}: {error}");
    }
    let federate = hearth.get(&format!("/workspaces/{id}/federate")).await.expect(501).text();
    assert!(federate.contains("federation (/federate) is not built yet"), "{federate}");
    hearth.call("DELETE", &format!("{base}/query"), Value::Null).await.expect(405);
    let missing = hearth.get("/workspaces/ws-none/api/v1/query?query=1").await.expect(404).json();
    assert!(missing["error"].as_str().expect("a text").contains("ws-none"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_limits_stats_gzip_head_and_options_work() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let base = format!("/workspaces/{id}/api/v1");
    let batch: Vec<_> = (0..200)
        .map(|n| series(&[("__name__", "up"), ("n", &n.to_string())], &[(T0, f64::from(n))]))
        .collect();
    hearth.write(&id, &batch).await.expect(204);
    let form = |body: &str| {
        Request::post(format!("{base}/query"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept-encoding", "gzip")
            .body(Body::from(body.to_owned()))
            .expect("a request")
    };
    let answer = hearth.send(form("query=up&time=1700000000&limit=3&stats=true")).await.expect(200);
    let answer = answer.json();
    assert_eq!(answer["data"]["result"].as_array().map(Vec::len), Some(3));
    assert_eq!(answer["warnings"], json!(["results truncated due to limit"]));
    assert!(answer["data"]["stats"]["samples"]["peakSamples"].is_u64(), "{answer}");

    let packed = hearth.send(form("query=up&time=1700000000")).await.expect(200);
    assert_eq!(packed.headers["content-encoding"], "gzip");
    let mut text = String::new();
    let mut reader = flate2::read::GzDecoder::new(packed.body.as_slice());
    std::io::Read::read_to_string(&mut reader, &mut text).expect("gzip");
    assert!(text.starts_with(r#"{"status":"success""#), "{text}");

    let head = hearth.call("HEAD", "/-/ready", Value::Null).await;
    assert!(head.body.is_empty() && head.headers.contains_key("content-length"));
    hearth.get("/-/healthy").await.expect(200);
    let options = hearth.call("OPTIONS", &format!("{base}/query"), Value::Null).await.expect(204);
    assert_eq!(options.headers["access-control-allow-origin"], "*");
    let info = hearth.get(&format!("{base}/status/buildinfo")).await.expect(200).json();
    assert_eq!(info["data"]["version"], "3.14.0");
    let text = hearth.get(&format!("{base}/format_query?query=sum(up)by(n)")).await.expect(200);
    assert_eq!(text.json()["data"], "sum by (n) (up)");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_exemplars_and_cardinality_are_told() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let now_ms = hearth.store.world.clock.now_ms();
    let mut counter = series(&[("__name__", "hits_total"), ("job", "a")], &[(now_ms, 5.0)]);
    counter.metadata = Some(Metadata {
        metric_type: MetricType::Counter,
        help: "Hits.".into(),
        unit: String::new(),
    });
    counter.exemplars = vec![Exemplar {
        labels: Labels::from_pairs([("trace_id", "t1")]),
        value: 0.5,
        timestamp_ms: 1_700_000_000_250,
    }];
    let other = series(&[("__name__", "up"), ("job", "a")], &[(now_ms, 1.0)]);
    let written = hearth.write(&id, &[counter, other]).await.expect(204);
    assert_eq!(written.headers["x-prometheus-remote-write-exemplars-written"], "1");
    let get = async |path: &str| {
        let answer = hearth.get(&format!("/workspaces/{id}/api/v1/{path}")).await.expect(200);
        answer.json()["data"].clone()
    };
    let known = json!({"hits_total": [{"type": "counter", "help": "Hits.", "unit": ""}]});
    assert_eq!(get("metadata").await, known);
    assert_eq!(get("metadata?metric=up").await, json!({}));
    let found = get("query_exemplars?query=rate(hits_total[5m])&start=0&end=2000000000").await;
    assert_eq!(
        found,
        json!([{
            "seriesLabels": {"__name__": "hits_total", "job": "a"},
            "exemplars":
                [{"labels": {"trace_id": "t1"}, "value": "0.5", "timestamp": 1_700_000_000.25}],
        }])
    );
    let status = get("status/tsdb").await;
    assert_eq!(status["headStats"]["numSeries"], 2);
    assert_eq!(status["seriesCountByLabelValuePair"][0], json!({"name": "job=a", "value": 2}));
    let metrics = hearth.get("/metrics").await.expect(200).text();
    assert!(
        metrics.contains(&format!("hearth_active_series{{workspace=\"{id}\"}} 2")),
        "{metrics}"
    );
}
