//! Against a server that speaks both reviews on a socket.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use kube::Config;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::token_reviews::client_of;

type Asked = Arc<Mutex<Vec<(String, Value)>>>;
type Answering = fn(&Value) -> (u16, Value);

/// An API server that knows two paths.
struct ApiServer {
    asked: Asked,
    reviews: KubernetesReviews,
    serving: JoinHandle<()>,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl ApiServer {
    /// `answer` makes the answer to the body of a review.
    async fn start(answer: Answering) -> Self {
        // A second test may have done it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(serve).with_state((asked.clone(), answer));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is aborted");
        });
        let config = Config::new(url.parse::<Uri>().expect("a URL"));
        let reviews = KubernetesReviews::new(client_of(config).expect("a client"));
        Self { asked, reviews, serving }
    }

    fn last(&self) -> (String, Value) {
        self.asked.lock().expect("unpoisoned").last().cloned().expect("asked")
    }

    fn times(&self) -> usize {
        self.asked.lock().expect("unpoisoned").len()
    }
}

async fn serve(
    State((asked, answer)): State<(Asked, Answering)>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let review: Value = serde_json::from_slice(&body).expect("a review is JSON");
    let (status, answer) = answer(&review);
    asked.lock().expect("unpoisoned").push((uri.path().to_owned(), review));
    (StatusCode::from_u16(status).expect("a status"), axum::Json(answer)).into_response()
}

fn with_status(review: &Value, status: Value) -> (u16, Value) {
    let mut review = review.clone();
    review["status"] = status;
    (201, review)
}

/// Knows the token `good`, made for the audience `store`.
fn tokens(review: &Value) -> (u16, Value) {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let asked = review["spec"]["audiences"].clone();
    let user = json!({"username": "system:serviceaccount:team-a:writer", "uid": "7",
        "groups": ["system:serviceaccounts"], "extra": {"pod": ["writer-0"]}});
    let status = match (token, asked[0].as_str()) {
        ("good", Some("store")) => {
            json!({"authenticated": true, "user": user, "audiences": ["store"]})
        }
        ("unaware", _) => json!({"authenticated": true, "user": user}),
        ("nameless", _) => json!({"authenticated": true, "user": {}, "audiences": asked}),
        ("good", _) => json!({"authenticated": false, "error": "token audiences [\"store\"] is \
            invalid for the target audiences"}),
        _ => json!({"authenticated": false, "error": "service account token has expired"}),
    };
    with_status(review, status)
}

fn writer() -> Identity {
    Identity {
        user: "system:serviceaccount:team-a:writer".to_owned(),
        uid: "7".to_owned(),
        groups: vec!["system:serviceaccounts".to_owned()],
        extra: [("pod".to_owned(), vec!["writer-0".to_owned()])].into(),
    }
}

fn query() -> Attributes {
    Attributes::Resource {
        resource: "workspaces",
        subresource: "query",
        verb: "get",
        namespace: "team-a".to_owned(),
        name: "demo".to_owned(),
    }
}

#[tokio::test]
async fn a_good_token_has_its_user_groups_and_what_else_is_known() {
    let server = ApiServer::start(tokens).await;
    assert_eq!(server.reviews.token("good", "store").await, Verdict::Yes(writer()));
    let (path, review) = server.last();
    assert_eq!(path, "/apis/authentication.k8s.io/v1/tokenreviews");
    assert_eq!(review["kind"], "TokenReview");
    assert_eq!(review["spec"], json!({"token": "good", "audiences": ["store"]}));
}

#[tokio::test]
async fn a_bad_token_is_refused_with_the_servers_reason() {
    let server = ApiServer::start(tokens).await;
    for (token, audience, reason) in [
        ("old", "store", "service account token has expired"),
        ("good", "another", "invalid for the target audiences"),
        // A server that does not know audiences would take anybody's token.
        ("unaware", "store", "not for \"store\""),
        ("nameless", "store", "names no user"),
    ] {
        match server.reviews.token(token, audience).await {
            Verdict::No(told) => assert!(told.contains(reason), "{token}: {told}"),
            verdict => panic!("{token}: {verdict:?}"),
        }
    }
}

#[tokio::test]
async fn a_right_is_asked_for_whole_and_only_a_plain_yes_is_one() {
    let server = ApiServer::start(|review| {
        let attributes = &review["spec"]["resourceAttributes"];
        let status = match (attributes["verb"].as_str(), attributes["name"].as_str()) {
            (Some("get"), Some("demo")) => json!({"allowed": true}),
            (Some("get"), _) => json!({"allowed": true, "denied": true, "reason": "by a webhook"}),
            _ => json!({"allowed": false, "reason": "no rule", "evaluationError": "no role x"}),
        };
        with_status(review, status)
    })
    .await;
    assert_eq!(server.reviews.access(&writer(), &query()).await, Verdict::Yes(()));
    let (path, review) = server.last();
    assert_eq!(path, "/apis/authorization.k8s.io/v1/subjectaccessreviews");
    let resource = json!({"group": "hearth.dev", "resource": "workspaces", "subresource": "query",
        "verb": "get", "namespace": "team-a", "name": "demo"});
    let spec = json!({"user": writer().user, "uid": "7", "groups": writer().groups,
        "extra": {"pod": ["writer-0"]}, "resourceAttributes": resource});
    assert_eq!(review["spec"], spec);

    let everywhere = |verb| Attributes::Resource {
        resource: "workspaces",
        subresource: "owner",
        verb,
        namespace: String::new(),
        name: String::new(),
    };
    let denied = server.reviews.access(&writer(), &everywhere("get")).await;
    assert_eq!(denied, Verdict::No("by a webhook".to_owned()));
    let no = server.reviews.access(&writer(), &everywhere("update")).await;
    assert_eq!(no, Verdict::No("no rule; no role x".to_owned()));
    let left_out = &server.last().1["spec"]["resourceAttributes"];
    assert!(left_out.get("namespace").is_none() && left_out.get("name").is_none(), "{left_out}");

    let metrics = Attributes::Path { path: "/metrics", verb: "get" };
    server.reviews.access(&writer(), &metrics).await;
    let path = json!({"path": "/metrics", "verb": "get"});
    assert_eq!(server.last().1["spec"]["nonResourceAttributes"], path);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_once_and_told_as_unknown() {
    let server = ApiServer::start(|_| {
        (
            503,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "ServiceUnavailable", "message": "etcd is away", "code": 503}),
        )
    })
    .await;
    match server.reviews.access(&writer(), &query()).await {
        Verdict::Unknown(reason) => assert!(reason.contains("etcd is away"), "{reason}"),
        verdict => panic!("{verdict:?}"),
    }
    assert_eq!(server.times(), 1, "no retries while somebody waits");
}

#[tokio::test]
async fn a_store_that_may_not_ask_says_what_it_lacks() {
    let server = ApiServer::start(|_| {
        (
            403,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "Forbidden", "message": "tokenreviews is forbidden", "code": 403}),
        )
    })
    .await;
    match server.reviews.token("good", "store").await {
        Verdict::Unknown(reason) => {
            assert!(reason.contains("tokenreviews is forbidden"), "{reason}");
            assert!(reason.contains("ClusterRole that may create tokenreviews"), "{reason}");
        }
        verdict => panic!("{verdict:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_gone_or_answers_nonsense_is_unknown() {
    let server = ApiServer::start(|_| (201, json!("hello"))).await;
    let nonsense = server.reviews.access(&writer(), &query()).await;
    assert!(matches!(nonsense, Verdict::Unknown(_)), "{nonsense:?}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let config = Config::new(url.parse::<Uri>().expect("a URL"));
    let reviews = KubernetesReviews::new(client_of(config).expect("a client"));
    match reviews.token("good", "store").await {
        Verdict::Unknown(reason) => assert!(reason.contains("refused"), "{reason}"),
        verdict => panic!("{verdict:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_waited_for_five_seconds() {
    let hung = within(std::future::pending::<Result<(), kube::Error>>());
    let began = tokio::time::Instant::now();
    assert_eq!(hung.await, Err("no answer within 5 seconds".to_owned()));
    assert_eq!(began.elapsed(), crate::token_reviews::REVIEW_TIMEOUT);
}
