//! The credentials on the wire: the cluster's and AWS's.
#![allow(clippy::unwrap_used, reason = "a test says what it saw")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use protocol::labels::Labels;
use protocol::scrape_config::ScrapeConfiguration;
use protocol::scrape_config_resolve::ResolvedJob;
use protocol::sigv4::{self, Credentials, Scope};
use scraper::clock::WallClock;
use scraper::kubernetes::aws_credentials::AwsSource;
use scraper::kubernetes::cluster::Cluster;
use scraper::kubernetes::cluster_access::ClusterAccess;
use scraper::kubernetes::cluster_fetch::fetch_of;
use scraper::kubernetes::credential_files::{CredentialFiles, clear};
use scraper::kubernetes::eks::{EksSettings, access};
use scraper::scrape_client::{Fetch, ScrapeClient};
use scraper::scrape_outcome::Answer;

/// Path with query, and headers, of each request.
type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// Answers by path; 404 elsewhere.
async fn server(answers: &[(&str, String)]) -> (SocketAddr, Seen) {
    let answers: Arc<HashMap<String, String>> =
        Arc::new(answers.iter().map(|(path, body)| ((*path).to_owned(), body.clone())).collect());
    let seen: Seen = Arc::default();
    let log = Arc::clone(&seen);
    let handler = move |request: Request| {
        let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
        async move {
            let uri = request.uri().clone();
            let whole = uri.path_and_query().unwrap().to_string();
            log.lock().unwrap().push((whole, request.headers().clone()));
            let action = uri.query().and_then(|query| query.strip_prefix("Action="));
            let action = action.and_then(|query| query.split('&').next());
            let key = action.map_or_else(|| uri.path().to_owned(), |action| format!("?{action}"));
            match answers.get(&key) {
                Some(body) => {
                    ([("content-type", "text/plain; version=0.0.4")], body.clone()).into_response()
                }
                None => (StatusCode::NOT_FOUND, "nothing here").into_response(),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(handler);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, seen)
}

fn job(fields: &str) -> ResolvedJob {
    let text = format!("scrape_configs: [{{job_name: j, {fields}}}]");
    ScrapeConfiguration::parse(&text).unwrap().jobs().remove(0)
}

const TOKEN_FIELDS: &str = "bearer_token_file: /var/run/secrets/kubernetes.io/serviceaccount/token";

fn home(dir: &Path) {
    std::fs::write(dir.join("token"), "t-1\n").unwrap();
    std::fs::write(dir.join("namespace"), "shop").unwrap();
}

/// An authority is not wanted over plain HTTP.
fn without_tls(mut access: ClusterAccess) -> ClusterAccess {
    access.http.tls_config = None;
    access
}

fn fetch(job: &ResolvedJob, cluster: &Arc<Cluster>) -> Arc<dyn Fetch> {
    let files = CredentialFiles::ServiceAccountOnly;
    let cleared = clear(job, files, Some(cluster.access())).unwrap();
    fetch_of(&cleared, Some(cluster), |job| Ok(Arc::new(ScrapeClient::new(job)?))).unwrap()
}

fn authorization(seen: &Seen, at: usize) -> Option<String> {
    let seen = seen.lock().unwrap();
    seen[at].1.get("authorization").map(|value| value.to_str().unwrap().to_owned())
}

const SECOND: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_token_goes_to_the_api_server_and_to_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    home(dir.path());
    let (api, api_seen) = server(&[("/metrics", "a 1\n".to_owned())]).await;
    let (other, other_seen) = server(&[("/metrics", "a 1\n".to_owned())]).await;
    let access = ClusterAccess::with_home(&format!("http://{api}"), dir.path()).unwrap();
    assert_eq!(access.own_namespace.as_deref(), Some("shop"));
    let cluster = Arc::new(Cluster::new(without_tls(access)).unwrap());
    let fetch = fetch(&job(TOKEN_FIELDS), &cluster);
    let none = Labels::empty();
    let url = format!("http://{api}/metrics");
    let answer = fetch.fetch_discovered(&url, &none, SECOND).await;
    assert!(matches!(answer, Answer::Body(..)), "{answer:?}");
    assert_eq!(authorization(&api_seen, 0).as_deref(), Some("Bearer t-1"));
    // A rotated token is used at once.
    std::fs::write(dir.path().join("token"), "t-2").unwrap();
    fetch.fetch_discovered(&url, &none, SECOND).await;
    assert_eq!(authorization(&api_seen, 1).as_deref(), Some("Bearer t-2"));
    let url = format!("http://{other}/metrics");
    let answer = fetch.fetch_discovered(&url, &none, SECOND).await;
    let Answer::Failed(reason) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("only goes to the API server and to kubelets"), "{reason}");
    assert!(other_seen.lock().unwrap().is_empty(), "nothing was even asked");
}

#[tokio::test]
async fn targets_are_reached_by_the_proxy() {
    let dir = tempfile::tempdir().unwrap();
    home(dir.path());
    let path = "/api/v1/namespaces/shop/pods/web-0:8080/proxy/metrics";
    let (api, seen) = server(&[(path, "a 1\n".to_owned())]).await;
    let access = ClusterAccess::with_home(&format!("http://{api}"), dir.path()).unwrap();
    let cluster = Arc::new(Cluster::new(without_tls(access)).unwrap().through_proxy(true));
    let fetch = fetch(&job("metrics_path: /metrics"), &cluster);
    let labels = Labels::from_pairs([
        ("__meta_kubernetes_namespace", "shop"),
        ("__meta_kubernetes_pod_name", "web-0"),
        ("__meta_kubernetes_pod_ip", "10.0.0.1"),
    ]);
    let answer = fetch.fetch_discovered("http://10.0.0.1:8080/metrics", &labels, SECOND).await;
    assert!(matches!(answer, Answer::Body(..)), "{answer:?}");
    assert_eq!(authorization(&seen, 0).as_deref(), Some("Bearer t-1"));
    let answer = fetch.fetch_discovered("http://10.0.0.2:1/", &labels, SECOND).await;
    assert!(matches!(answer, Answer::Failed(_)), "{answer:?}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

struct HandClock(Mutex<i64>);

impl WallClock for HandClock {
    fn now_ms(&self) -> i64 {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn an_eks_cluster_is_found_and_asked_with_fresh_tokens() {
    const START: i64 = 1_700_000_000;
    let list = r#"{"kind":"List","metadata":{"resourceVersion":"1"},"items":[]}"#;
    let (api, api_seen) = server(&[("/api/v1/nodes", list.to_owned())]).await;
    let described = format!(
        r#"{{"cluster": {{"name": "prod", "endpoint": "http://{api}",
            "certificateAuthority": {{"data": "{}"}}}}}}"#,
        STANDARD.encode("")
    );
    let (eks, eks_seen) = server(&[("/clusters/prod", described)]).await;
    let role = "<R><Credentials><AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>rolesecret\
                </SecretAccessKey><SessionToken>session</SessionToken></Credentials></R>";
    let (sts, sts_seen) = server(&[("?AssumeRole", role.to_owned())]).await;
    let keys = Credentials {
        access_key_id: "AKID".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    let settings = EksSettings {
        cluster_arn: "arn:aws:eks:eu-west-1:1:cluster/prod".to_owned(),
        role_arn: Some("arn:aws:iam::1:role/reader".to_owned()),
        eks_endpoint: Some(format!("http://{eks}")),
        sts_endpoint: Some(format!("http://{sts}")),
        trusted_sts: None,
        source: AwsSource::Keys(keys.clone()),
    };
    let clock = Arc::new(HandClock(Mutex::new(START * 1000)));
    let found = access(&settings, Arc::clone(&clock) as Arc<dyn WallClock>).await.unwrap();
    let role_keys = Credentials {
        access_key_id: "ROLEKEY".to_owned(),
        secret_access_key: "rolesecret".to_owned(),
        session_token: Some("session".to_owned()),
    };
    check_signature(&sts_seen, 0, &sts, &keys, "sts", START);
    check_signature(&eks_seen, 0, &eks, &role_keys, "eks", START);
    let cluster = Cluster::new(found).unwrap();
    let ask = || async {
        let request = http::Request::get("/api/v1/nodes").body(Vec::new()).unwrap();
        cluster.client().request_text(request).await.unwrap()
    };
    ask().await;
    ask().await;
    *clock.0.lock().unwrap() += 11 * 60 * 1000;
    ask().await;
    let tokens: Vec<String> = (0..3).map(|at| authorization(&api_seen, at).unwrap()).collect();
    assert_eq!(tokens[0], tokens[1], "minted once");
    assert_ne!(tokens[1], tokens[2], "renewed before its quarter of an hour has passed");
    assert_eq!(sts_seen.lock().unwrap().len(), 1, "the role's credentials are kept");
    check_token(&tokens[0], &sts, &role_keys, START);
    check_token(&tokens[2], &sts, &role_keys, START + 11 * 60);
}

/// Whether a request bears the signature of these keys.
fn check_signature(
    seen: &Seen,
    at: usize,
    host: &SocketAddr,
    keys: &Credentials,
    service: &str,
    now: i64,
) {
    let seen = seen.lock().unwrap();
    let (path, headers) = &seen[at];
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    assert!(headers.contains(&("host".to_owned(), host.to_string())));
    let hash = sigv4::body_hash(b"");
    let request =
        sigv4::Request { method: "GET", path, query, headers: &headers, body_hash: &hash };
    let scope = Scope { region: "eu-west-1", service };
    let secret = |key: &str| (key == keys.access_key_id).then(|| keys.secret_access_key.clone());
    assert_eq!(sigv4::verify(request, scope, now, secret), Ok(keys.access_key_id.clone()));
}

/// Signs the token's URL again, as STS does when the API server asks it.
fn check_token(bearer: &str, sts: &SocketAddr, keys: &Credentials, now: i64) {
    let token = bearer.strip_prefix("Bearer k8s-aws-v1.").unwrap();
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    let query = url.strip_prefix(&format!("http://{sts}/?")).unwrap();
    let headers =
        [("host".to_owned(), sts.to_string()), ("x-k8s-aws-id".to_owned(), "prod".to_owned())];
    let hash = sigv4::body_hash(b"");
    let request = sigv4::Request {
        method: "GET",
        path: "/",
        query: "Action=GetCallerIdentity&Version=2011-06-15",
        headers: &headers,
        body_hash: &hash,
    };
    let scope = Scope { region: "eu-west-1", service: "sts" };
    assert_eq!(query, sigv4::presign(request, keys, scope, now, 60));
}

#[tokio::test]
async fn what_aws_refuses_is_told() {
    let (eks, _) = server(&[]).await;
    let settings = EksSettings {
        cluster_arn: "arn:aws:eks:eu-west-1:1:cluster/gone".to_owned(),
        role_arn: None,
        eks_endpoint: Some(format!("http://{eks}")),
        sts_endpoint: None,
        trusted_sts: None,
        source: AwsSource::Keys(Credentials {
            access_key_id: "a".to_owned(),
            secret_access_key: "b".to_owned(),
            session_token: None,
        }),
    };
    let clock: Arc<dyn WallClock> = Arc::new(HandClock(Mutex::new(0)));
    let error = access(&settings, Arc::clone(&clock)).await.unwrap_err().to_string();
    assert!(error.starts_with("eks: DescribeCluster gone: ") && error.contains("404"), "{error}");
    let identity = AwsSource::WebIdentity { role_arn: "r".to_owned(), token_file: "/x".to_owned() };
    let settings =
        EksSettings { source: identity, sts_endpoint: Some("http://evil".to_owned()), ..settings };
    let error = access(&settings, clock).await.unwrap_err().to_string();
    assert!(error.contains("stsEndpoint"), "the pod's own token stays at home: {error}");
}
