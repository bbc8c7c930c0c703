//! Published vectors, and signer against verifier.

use proptest::prelude::*;

use super::*;

/// 2015-08-30T12:36:00Z, the time of AWS's published examples.
const NOW: i64 = 1_440_938_160;

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    }
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn signature_of(
    method: &str,
    path: &str,
    query: &str,
    pairs: &[(&str, &str)],
    body: &str,
) -> String {
    let (headers, body_hash) = (headers(pairs), body_hash(body.as_bytes()));
    let request = Request { method, path, query, headers: &headers, body_hash: &body_hash };
    let scope = Scope { region: "us-east-1", service: "service" };
    let signed = sign(request, &credentials(), scope, NOW);
    let authorization = &signed.last().expect("the last header signs").1;
    authorization.rsplit('=').next().expect("the signature is last").to_owned()
}

#[test]
fn times_are_written_and_read() {
    assert_eq!(amz_time(NOW), "20150830T123600Z");
    for seconds in [0, NOW, 951_782_400, 4_107_542_399, -1] {
        assert_eq!(parse_amz_time(&amz_time(seconds)), Some(seconds));
    }
    assert_eq!(amz_time(951_782_400), "20000229T000000Z");
    for text in ["", "20150830T123600", "2015083OT123600Z", "20150830 123600Z", "éééééééé"]
    {
        assert_eq!(parse_amz_time(text), None, "{text}");
    }
}

#[test]
fn signatures_equal_the_published_ones() {
    let host = [("host", "example.amazonaws.com")];
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    assert_eq!(signature_of("GET", "/", "", &host, ""), vanilla);
    // Paths that mean the same are the same.
    assert_eq!(signature_of("GET", "/./", "", &host, ""), vanilla);
    assert_eq!(signature_of("GET", "/example/..", "", &host, ""), vanilla);
    assert_eq!(signature_of("GET", "//", "", &host, ""), vanilla);
    assert_eq!(
        signature_of("POST", "/", "", &host, ""),
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    );
    assert_eq!(
        signature_of("GET", "/", "Param2=value2&Param1=value1", &host, ""),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
}

#[test]
fn the_example_of_the_documentation_is_signed_alike() {
    let headers = headers(&[
        ("Host", "iam.amazonaws.com"),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
    ]);
    let request = Request {
        method: "GET",
        path: "/",
        query: "Action=ListUsers&Version=2010-05-08",
        headers: &headers,
        body_hash: &body_hash(b""),
    };
    let scope = Scope { region: "us-east-1", service: "iam" };
    let signed = sign(request, &credentials(), scope, NOW);
    assert_eq!(
        signed.last().expect("signed").1,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
}

#[test]
fn a_url_signed_by_itself_equals_the_published_one() {
    // The example of S3's page on query parameters.
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    };
    let headers = headers(&[("host", "examplebucket.s3.amazonaws.com")]);
    let request = Request {
        method: "GET",
        path: "/test.txt",
        query: "",
        headers: &headers,
        body_hash: "UNSIGNED-PAYLOAD",
    };
    let scope = Scope { region: "us-east-1", service: "s3" };
    let query = presign(request, &credentials, scope, 1_369_353_600, 86_400);
    assert_eq!(
        query,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[test]
fn a_token_and_more_headers_are_signed_into_a_url() {
    let credentials = Credentials { session_token: Some("to/ken=".to_owned()), ..credentials() };
    let headers = headers(&[("host", "sts.example"), ("x-k8s-aws-id", "prod")]);
    let hash = body_hash(b"");
    let query = "Action=GetCallerIdentity&Version=2011-06-15";
    let request = Request { method: "GET", path: "/", query, headers: &headers, body_hash: &hash };
    let scope = Scope { region: "eu-west-1", service: "sts" };
    let signed = presign(request, &credentials, scope, NOW, 60);
    assert!(signed.starts_with(query), "{signed}");
    for part in [
        "&X-Amz-Security-Token=to%2Fken%3D&",
        "&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&",
        "&X-Amz-Expires=60&",
        "&X-Amz-Date=20150830T123600Z&",
    ] {
        assert!(signed.contains(part), "{part} in {signed}");
    }
    // Another header, another signature.
    let other = [headers[0].clone(), ("x-k8s-aws-id".to_owned(), "test".to_owned())];
    let request = Request { headers: &other, ..request };
    assert_ne!(signed, presign(request, &credentials, scope, NOW, 60));
}

fn round_trip(change: impl FnOnce(&mut Vec<(String, String)>, &mut String, &mut i64)) -> Verdict {
    let mut all = headers(&[("host", "aps.example"), ("content-type", "a  b")]);
    let (mut path, mut now) = ("/workspaces/ws-1/api/v1/remote_write".to_owned(), NOW);
    let body_hash = body_hash(b"body");
    let scope = Scope { region: "eu-west-1", service: "aps" };
    let request =
        Request { method: "POST", path: &path, query: "", headers: &all, body_hash: &body_hash };
    let added = sign(request, &credentials(), scope, NOW);
    all.extend(added);
    change(&mut all, &mut path, &mut now);
    let request =
        Request { method: "POST", path: &path, query: "", headers: &all, body_hash: &body_hash };
    verify(request, scope, now, |key| {
        (key == "AKIDEXAMPLE").then(|| credentials().secret_access_key)
    })
}

type Verdict = Result<String, VerifyError>;

#[test]
fn what_was_signed_is_believed_and_nothing_else() {
    assert_eq!(round_trip(|_, _, _| ()), Ok("AKIDEXAMPLE".to_owned()));
    assert_eq!(round_trip(|_, path, _| path.push('x')), Err(VerifyError::Mismatch));
    assert_eq!(round_trip(|all, _, _| all[1].1.push('x')), Err(VerifyError::Mismatch));
    assert_eq!(round_trip(|all, _, _| drop(all.pop())), Err(VerifyError::Missing));
    assert!(matches!(round_trip(|_, _, now| *now += 901), Err(VerifyError::Expired(_))));
    assert_eq!(round_trip(|_, _, now| *now -= 900), Ok("AKIDEXAMPLE".to_owned()));
    let swap = |from: &'static str, to: &'static str| {
        round_trip(move |all, _, _| {
            let last = &mut all.last_mut().expect("signed").1;
            *last = last.replace(from, to);
        })
    };
    assert_eq!(swap("AKIDEXAMPLE", "OTHER"), Err(VerifyError::UnknownKey("OTHER".to_owned())));
    assert!(matches!(swap("/aps/", "/sns/"), Err(VerifyError::WrongScope { .. })));
    assert!(matches!(swap("host;", ""), Err(VerifyError::Malformed(_))));
    assert!(matches!(swap("Signature=", "Signatur="), Err(VerifyError::Malformed(_))));
}

proptest! {
    #[test]
    fn any_authorization_is_read_without_panic(text in ".{0,80}", date in ".{0,20}") {
        let text = format!("{ALGORITHM} {text}");
        let all = headers(&[("authorization", &text), ("x-amz-date", &date), ("host", "h")]);
        let request =
            Request { method: "GET", path: &text, query: &date, headers: &all, body_hash: "" };
        let scope = Scope { region: "r", service: "s" };
        prop_assert!(verify(request, scope, NOW, |_| None).is_err());
    }
}
