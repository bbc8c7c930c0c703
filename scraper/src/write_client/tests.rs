//! What a request holds, what an answer means.

use super::*;

fn sample(series: &str, timestamp_ms: i64, value: f64) -> ScrapedSample {
    let labels = Labels::from_pairs([("__name__", series)]);
    let hash = labels.stable_hash();
    ScrapedSample { labels, hash, timestamp_ms, value, exemplar: None, metadata: None }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Bytes::copy_from_slice(body.as_bytes())).expect("a valid answer")
}

#[test]
fn both_versions_carry_the_samples() {
    let samples = [sample("a", 2, 5.0), sample("b", 1, 6.0), sample("a", 1, 4.0)];
    for version in [Version::V1, Version::V2] {
        let request = request_of(body_of(&samples, version), version, 2);
        assert_eq!(request.headers()["retry-attempt"], "2");
        assert_eq!(request.headers()[VERSION_HEADER], version.header());
        let message = decompress(request.body(), DECODED_BYTES_MAX).expect("snappy");
        let decoded = decode(&message, version).expect("a message").series;
        let shown: Vec<(String, Vec<i64>)> = decoded
            .iter()
            .map(|s| (s.labels.to_string(), s.samples.iter().map(|s| s.timestamp_ms).collect()))
            .collect();
        assert_eq!(shown, [("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![1])]);
    }
}

#[test]
fn a_body_of_2_0_can_become_one_of_1_0() {
    let samples = [sample("a", 2, 5.0), sample("b", 1, 6.0), sample("a", 1, 4.0)];
    let turned = body_as_v1(&body_of(&samples, Version::V2)).expect("it reads");
    assert_eq!(turned, body_of(&samples, Version::V1));
    assert!(body_as_v1(b"nonsense").is_err());
}

#[test]
fn verdicts() {
    let retry = |after: Option<u64>, reason: &str| Verdict::Retry {
        after: after.map(Duration::from_secs),
        reason: reason.to_owned(),
    };
    let written = (SAMPLES_WRITTEN_HEADER, "10");
    let some = (SAMPLES_WRITTEN_HEADER, "4");
    let partial = |reason: &str| Verdict::Partial { refused: 6, reason: reason.to_owned() };
    let refused = |reason: &str| Verdict::Refused(reason.to_owned());
    for (version, answer, expected) in [
        (Version::V2, answer(204, &[written], ""), Verdict::Delivered),
        (Version::V2, answer(204, &[], ""), Verdict::FallBack),
        (Version::V1, answer(200, &[], ""), Verdict::Delivered),
        (Version::V2, answer(415, &[], ""), Verdict::FallBack),
        (
            Version::V1,
            answer(415, &[], "no"),
            refused("HTTP status 415 Unsupported Media Type: no"),
        ),
        (Version::V2, answer(400, &[some], "ooo"), partial("HTTP status 400 Bad Request: ooo")),
        (
            Version::V2,
            answer(400, &[(SAMPLES_WRITTEN_HEADER, "0")], ""),
            refused("HTTP status 400 Bad Request"),
        ),
        (Version::V1, answer(404, &[], ""), refused("HTTP status 404 Not Found")),
        (Version::V2, answer(401, &[], "x"), retry(None, "HTTP status 401 Unauthorized: x")),
        (Version::V1, answer(403, &[], ""), retry(None, "HTTP status 403 Forbidden")),
        (Version::V2, answer(503, &[], ""), retry(None, "HTTP status 503 Service Unavailable")),
        (
            Version::V2,
            answer(429, &[("retry-after", "7")], ""),
            retry(Some(7), "HTTP status 429 Too Many Requests"),
        ),
        (
            Version::V2,
            answer(503, &[("retry-after", "9999")], ""),
            retry(Some(300), "HTTP status 503 Service Unavailable"),
        ),
        (
            Version::V2,
            answer(503, &[("retry-after", "Thu, 01 Jan 1970 00:00:12 GMT")], ""),
            retry(Some(2), "HTTP status 503 Service Unavailable"),
        ),
    ] {
        assert_eq!(verdict(version, 10, &answer, 10_000), expected, "{answer:?}");
    }
}

#[test]
fn the_back_off_doubles_to_its_bound() {
    assert_eq!(backoff(0), Duration::from_millis(30));
    assert_eq!(backoff(3), Duration::from_millis(240));
    assert_eq!(backoff(8), BACKOFF_MAX);
    assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
}
