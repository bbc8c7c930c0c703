//! ARNs and tokens; the calls are in the tests of the crate.

use super::*;

const NOW: i64 = 1_700_000_000;

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKID".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("session".to_owned()),
    }
}

#[test]
fn arns_are_taken_apart() {
    let arn = Arn::parse("arn:aws:eks:eu-west-1:123456789012:cluster/prod").expect("an ARN");
    assert_eq!((arn.region, arn.cluster), ("eu-west-1", "prod"));
    let sts = arn.endpoint("sts", None).expect("a URL");
    assert_eq!(sts.as_str(), "https://sts.eu-west-1.amazonaws.com/");
    let china = Arn::parse("arn:aws-cn:eks:cn-north-1:1:cluster/x").expect("an ARN");
    let eks = china.endpoint("eks", None).expect("a URL");
    assert_eq!(eks.host_str(), Some("eks.cn-north-1.amazonaws.com.cn"));
    for wrong in [
        "",
        "prod",
        "arn:aws:eks:eu-west-1:1:nodegroup/x",
        "arn:aws:eks:eu-west-1:1:cluster/",
        "arn:aws:eks:eu-west-1:1:cluster/a/b",
        "arn:aws:eks:evil.example/:1:cluster/a",
    ] {
        assert!(Arn::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_token_is_a_signed_url_that_can_be_checked() {
    let sts = Url::parse("https://sts.eu-west-1.amazonaws.com/").expect("a URL");
    let token = token(&sts, "prod", "eu-west-1", &credentials(), NOW);
    let encoded = token.strip_prefix("k8s-aws-v1.").expect("the prefix");
    let url = URL_SAFE_NO_PAD.decode(encoded).expect("base64 without padding");
    let url = Url::parse(&String::from_utf8(url).expect("text")).expect("a URL");
    assert_eq!(url.host_str(), Some("sts.eu-west-1.amazonaws.com"));
    let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(pairs["Action"], "GetCallerIdentity");
    assert_eq!(pairs["X-Amz-Expires"], "60");
    assert_eq!(pairs["X-Amz-SignedHeaders"], "host;x-k8s-aws-id");
    assert_eq!(pairs["X-Amz-Credential"], "AKID/20231114/eu-west-1/sts/aws4_request");
    assert_eq!(pairs["X-Amz-Security-Token"], "session");
    assert_eq!(pairs["X-Amz-Signature"].len(), 64);
    let again = super::token(&sts, "prod", "eu-west-1", &credentials(), NOW);
    let other = super::token(&sts, "test", "eu-west-1", &credentials(), NOW);
    assert_eq!(token, again);
    assert_ne!(token, other, "bound to its cluster");
}
