//! Remote write: versions, partial writes, quotas.

#[path = "support/in_process.rs"]
mod in_process;
#[path = "support/test_clock.rs"]
mod test_clock;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use in_process::{InProcess, series};
use protocol::remote_write::{DECODED_BYTES_MAX, Version};
use serde_json::{Value, json};
use test_clock::TestClock;

const T0: i64 = 1_700_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn version_1_is_taken_and_says_nothing_of_what_was_written() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let batch = [series(&[("__name__", "up"), ("job", "a")], &[(T0, 1.0), (T0 + 1000, 0.0)])];
    let written = hearth.write_as(Version::V1, &id, &batch).await.expect(204);
    let told = |name: &str| name.starts_with("x-prometheus-remote-write");
    assert!(!written.headers.keys().any(|name| told(name.as_str())), "{:?}", written.headers);
    // A client that lost the answer sends the same again.
    hearth.write_as(Version::V1, &id, &batch).await.expect(204);
    let found = hearth.query(&id, "up[1m]", "1700000001").await;
    assert_eq!(found[0]["values"], json!([[1_700_000_000, "1"], [1_700_000_001, "0"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn version_1_keeps_what_is_valid_of_a_partly_valid_write() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let batch =
        [series(&[("__name__", "good")], &[(T0, 1.0)]), series(&[("nameless", "x")], &[(T0, 1.0)])];
    let refused = hearth.write_as(Version::V1, &id, &batch).await.expect(400);
    assert!(refused.text().contains("nameless"), "{}", refused.text());
    assert_eq!(refused.headers["content-type"], "text/plain; charset=utf-8");
    let found = hearth.query(&id, "good", "1700000000").await;
    assert_eq!(found[0]["value"], json!([1_700_000_000, "1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded_as_they_came_and_as_they_unpack() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let send = async |body: Vec<u8>| {
        let request = Request::post(format!("/workspaces/{id}/api/v1/remote_write"))
            .header("content-type", Version::V1.content_type())
            .header("content-encoding", "snappy")
            .body(Body::from(body))
            .expect("a request");
        hearth.send(request).await
    };
    // A few bytes that unpack to more than is allowed.
    let bomb = protocol::remote_write::compress(&vec![0; DECODED_BYTES_MAX + 1]);
    let refused = send(bomb).await.expect(413);
    assert!(refused.text().contains(&DECODED_BYTES_MAX.to_string()), "{}", refused.text());
    // No body announced its length here: it is cut off while it is read.
    send(vec![0; 39 << 20]).await.expect(413);
    hearth.write(&id, &[series(&[("__name__", "up")], &[(T0, 1.0)])]).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_too_fast_is_told_to_come_again() {
    let mut clock = None;
    let hearth = InProcess::start_in(|world| clock = Some(TestClock::put_into(world))).await;
    let clock = clock.expect("set above");
    let id = hearth.workspace("demo").await;
    let limits = json!({"ingestedSamplesPerSecond": 10, "ingestedSamplesBurst": 100});
    let path = format!("/workspaces/{id}/configuration");
    hearth.call("PATCH", &path, json!({"hearth": {"limits": limits}})).await.expect(202);
    let samples = |count: i64| {
        let samples: Vec<_> = (0..count).map(|n| (T0 + n, 1.0)).collect();
        [series(&[("__name__", "up")], &samples)]
    };
    hearth.write(&id, &samples(100)).await.expect(204);
    let refused = hearth.write(&id, &samples(25)).await.expect(429);
    assert_eq!(refused.headers["retry-after"], "3");
    let text = "ingestion rate limit (10) exceeded while adding 25 samples and 0 metadata\n";
    assert_eq!(refused.text(), text);
    let metrics = hearth.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("reason=\"rate_limited\"} 25"), "{metrics}");
    clock.advance(Duration::from_secs(3));
    hearth.write(&id, &samples(25)).await.expect(204);
    // Without a limit nothing waits.
    let limits = json!({"ingestedSamplesPerSecond": 0});
    hearth.call("PATCH", &path, json!({"hearth": {"limits": limits}})).await.expect(202);
    hearth.write(&id, &samples(1000)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn series_of_a_label_set_are_limited_and_a_restart_counts_them_again() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let sets = json!([
        {"labelSet": {"team": "a"}, "limits": {"maxSeries": 2}},
        {"labelSet": {}, "limits": {"maxSeries": 1}},
    ]);
    let path = format!("/workspaces/{id}/configuration");
    hearth.call("PATCH", &path, json!({"limitsPerLabelSet": sets})).await.expect(202);
    let of = |team: &str, n: i64| {
        [series(&[("__name__", "up"), ("team", team), ("n", &n.to_string())], &[(T0 + n, 1.0)])]
    };
    hearth.write(&id, &of("a", 1)).await.expect(204);
    hearth.write(&id, &of("a", 2)).await.expect(204);
    hearth.write(&id, &of("b", 1)).await.expect(204);
    let refused = hearth.write(&id, &of("a", 3)).await.expect(400).text();
    assert!(
        refused.contains("limit of 2 reached for series with labels {team=\"a\"}"),
        "{refused}"
    );
    hearth.write(&id, &of("c", 1)).await.expect(400);
    let metrics = hearth.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("reason=\"per_labelset_series_limit\"} 2"), "{metrics}");

    let hearth = hearth.restart().await;
    hearth.write(&id, &of("a", 3)).await.expect(400);
    // Series that are there go on.
    let more = [series(&[("__name__", "up"), ("team", "a"), ("n", "1")], &[(T0 + 60_000, 1.0)])];
    hearth.write(&id, &more).await.expect(204);
    hearth.call("PATCH", &path, json!({"limitsPerLabelSet": []})).await.expect(202);
    hearth.write(&id, &of("a", 3)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_one_failed_request_and_no_more() {
    let hearth = InProcess::start().await;
    let id = hearth.workspace("demo").await;
    let path = format!("/workspaces/{id}/api/v1/targets");
    hearth.store.set_targets_provider(Arc::new(|_| panic!("a defect that the test made")));
    let failed = hearth.get(&path).await.expect(500);
    let request_id = failed.headers["x-amzn-requestid"].to_str().expect("text").to_owned();
    let told = failed.json();
    assert_eq!((&told["status"], &told["errorType"]), (&json!("error"), &json!("internal")));
    assert!(told["error"].as_str().is_some_and(|e| e.contains(&request_id)), "{told}");
    hearth.store.set_targets_provider(Arc::new(|_| Value::Null));
    hearth.get(&path).await.expect(200);
}
