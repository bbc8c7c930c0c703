//! Doubles of a cluster elsewhere and of AWS, over real HTTP.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt;
use protocol::sigv4::{self, Credentials, Scope};
use scraper::clock::{SystemClock, WallClock};
use scraper::role_server::{Server, TlsFiles};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::running_role::serve;

/// How long an API server takes one of EKS's tokens, from the date in it.
const TOKEN_LIFE_SECONDS: i64 = 15 * 60;
pub const REGION: &str = "eu-west-1";
pub const CLUSTER: &str = "prod";

/// The machine's clock, moved.
#[derive(Default)]
pub struct MovedClock(AtomicI64);

impl MovedClock {
    pub fn forward(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }

    pub fn now_seconds(&self) -> i64 {
        self.now_ms() / 1000
    }
}

impl WallClock for MovedClock {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }
}

/// Whether a bearer token is let in, or why not.
pub type Admits = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// An API server of pods, over TLS.
pub struct RemoteCluster {
    pub address: SocketAddr,
    /// Its authority, PEM.
    pub ca: String,
    inner: Arc<Inner>,
}

struct Inner {
    pods: watch::Sender<Vec<Value>>,
    /// Counts the times that all watches were ended.
    ends: watch::Sender<u64>,
    /// Lists wait while this is set.
    held: watch::Sender<bool>,
    admits: Mutex<Arc<Admits>>,
    refused: Mutex<Vec<String>>,
    tokens: Mutex<Vec<String>>,
}

impl RemoteCluster {
    /// Judges the bearer token of each request.
    pub async fn start(folder: &Path, admits: Arc<Admits>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let files =
            TlsFiles { certificate: folder.join("server.crt"), key: folder.join("server.key") };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let inner = Arc::new(Inner {
            pods: watch::Sender::default(),
            ends: watch::Sender::default(),
            held: watch::Sender::default(),
            admits: Mutex::new(admits),
            refused: Mutex::default(),
            tokens: Mutex::default(),
        });
        let router = Router::new().route("/api/v1/pods", get(pods)).with_state(Arc::clone(&inner));
        let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), Some(files)).await.unwrap();
        let address = server.address().unwrap();
        tokio::spawn(server.serve(router));
        Self { address, ca: made.cert.pem(), inner }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A pod whose only port is an exporter's.
    pub fn add_pod(&self, name: &str, exporter: SocketAddr) {
        self.inner.pods.send_modify(|pods| {
            let version = (pods.len() + 1).to_string();
            pods.push(json!({
                "metadata": {"name": name, "namespace": "shop", "uid": name,
                    "resourceVersion": version},
                "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i",
                    "ports": [{"containerPort": exporter.port()}]}]},
                "status": {"phase": "Running", "podIP": exporter.ip().to_string(),
                    "hostIP": "127.0.0.1",
                    "conditions": [{"type": "Ready", "status": "True"}]},
            }));
        });
    }

    pub fn admit(&self, admits: Arc<Admits>) {
        *self.inner.admits.lock().unwrap() = admits;
    }

    /// Lets lists wait, or answers them.
    pub fn hold(&self, held: bool) {
        self.inner.held.send_replace(held);
    }

    /// Ends all open watches, as API servers do.
    pub fn end_watches(&self) {
        self.inner.ends.send_modify(|count| *count += 1);
    }

    /// Why tokens were refused, in order.
    pub fn refused(&self) -> Vec<String> {
        self.inner.refused.lock().unwrap().clone()
    }

    /// The tokens that were let in, each once, in order.
    pub fn tokens(&self) -> Vec<String> {
        self.inner.tokens.lock().unwrap().clone()
    }
}

async fn pods(
    State(inner): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("");
    let admits = Arc::clone(&*inner.admits.lock().unwrap());
    if let Err(reason) = admits(token) {
        inner.refused.lock().unwrap().push(reason);
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": 401, "reason": "Unauthorized", "message": "Unauthorized"});
        return (StatusCode::UNAUTHORIZED, Json(status)).into_response();
    }
    {
        let mut tokens = inner.tokens.lock().unwrap();
        if !tokens.iter().any(|known| known == token) {
            tokens.push(token.to_owned());
        }
    }
    let query = query.unwrap_or_default();
    if !query.contains("watch=true") {
        inner.held.subscribe().wait_for(|held| !held).await.unwrap();
        let all = inner.pods.borrow().clone();
        let version = all.len().to_string();
        return Json(json!({"kind": "PodList", "apiVersion": "v1", "items": all,
            "metadata": {"resourceVersion": version}}))
        .into_response();
    }
    let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
    Body::from_stream(events(&inner, from.unwrap().parse().unwrap()).boxed()).into_response()
}

/// The pods after the first `told` ones as they come, until all watches end.
fn events(
    inner: &Inner,
    told: usize,
) -> impl futures::Stream<Item = Result<String, std::io::Error>> + use<> {
    let (pods, mut ends) = (inner.pods.subscribe(), inner.ends.subscribe());
    ends.mark_unchanged();
    futures::stream::unfold((pods, ends, told), async |(mut pods, mut ends, told)| {
        let pod = tokio::select! {
            biased;
            _ = ends.changed() => return None,
            found = pods.wait_for(|pods| pods.len() > told) => found.ok()?[told].clone(),
        };
        let mut pod = pod;
        (pod["kind"], pod["apiVersion"]) = (json!("Pod"), json!("v1"));
        let line = format!("{}\n", json!({"type": "ADDED", "object": pod}));
        Some((Ok(line), (pods, ends, told + 1)))
    })
}

/// EKS and STS in one.
pub struct Aws {
    pub address: SocketAddr,
    inner: Arc<AwsInner>,
}

struct AwsInner {
    clock: Arc<MovedClock>,
    /// Those that are good, by their public part.
    keys: Mutex<BTreeMap<String, Credentials>>,
    /// The service-account token that may become a role, and which role.
    identity: Mutex<(String, String)>,
    /// Status and body of DescribeCluster.
    cluster: Mutex<(u16, Value)>,
    calls: Mutex<Vec<String>>,
}

impl Aws {
    pub async fn start(clock: Arc<MovedClock>) -> Self {
        let inner = Arc::new(AwsInner {
            clock,
            keys: Mutex::default(),
            identity: Mutex::default(),
            cluster: Mutex::new((404, json!({"message": "No cluster found"}))),
            calls: Mutex::default(),
        });
        let router = Router::new().fallback(aws).with_state(Arc::clone(&inner));
        Self { address: serve(router).await, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What DescribeCluster answers.
    pub fn describe(&self, status: u16, body: Value) {
        *self.inner.cluster.lock().unwrap() = (status, body);
    }

    /// A cluster that can be looked into.
    pub fn has(&self, cluster: &RemoteCluster) {
        use base64::engine::general_purpose::STANDARD;
        let cluster = json!({"name": CLUSTER, "status": "ACTIVE", "endpoint": cluster.url(),
            "certificateAuthority": {"data": STANDARD.encode(&cluster.ca)}});
        self.describe(200, json!({"cluster": cluster}));
    }

    /// Good keys.
    pub fn add_keys(&self, id: &str) -> Credentials {
        let keys = Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: format!("secret/of+{id}"),
            session_token: None,
        };
        self.inner.keys.lock().unwrap().insert(id.to_owned(), keys.clone());
        keys
    }

    /// Which service-account token may become which role.
    pub fn trust(&self, token: &str, role: &str) {
        *self.inner.identity.lock().unwrap() = (token.to_owned(), role.to_owned());
    }

    /// What was called, in order.
    pub fn calls(&self) -> Vec<String> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// Judges tokens as the API server of an EKS cluster does, by what STS would say of them.
    pub fn judge(&self) -> Arc<Admits> {
        let (inner, host) = (Arc::clone(&self.inner), self.address.to_string());
        Arc::new(move |token| inner.judge(token, &host))
    }
}

impl AwsInner {
    /// The token is a URL of STS; its signature is good only together with the cluster's name in a
    /// header, which the API server puts there.
    fn judge(&self, token: &str, sts: &str) -> Result<(), String> {
        let token = token.strip_prefix("k8s-aws-v1.").ok_or("not a token of EKS")?;
        let url = URL_SAFE_NO_PAD.decode(token).map_err(|error| error.to_string())?;
        let url = String::from_utf8(url).map_err(|error| error.to_string())?;
        let query = url.strip_prefix(&format!("http://{sts}/?")).ok_or("another host")?;
        let url = reqwest::Url::parse(&url).map_err(|error| error.to_string())?;
        let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let value = |name: &str| pairs.get(name).map(String::as_str).unwrap_or_default();
        if value("Action") != "GetCallerIdentity" {
            return Err("another action".to_owned());
        }
        let signed = value("X-Amz-SignedHeaders");
        if !signed.split(';').any(|header| header == "x-k8s-aws-id") {
            return Err(format!("the cluster's name is not signed: {signed}"));
        }
        let age = self.clock.now_seconds() - seconds_of(value("X-Amz-Date"));
        if !(-60..TOKEN_LIFE_SECONDS).contains(&age) {
            return Err(format!("expired: {age} s old"));
        }
        let id = value("X-Amz-Credential").split('/').next().unwrap_or_default();
        let keys = self.keys.lock().unwrap().get(id).cloned();
        let keys = keys.ok_or_else(|| format!("unknown keys {id:?}"))?;
        let headers =
            [("host".to_owned(), sts.to_owned()), ("x-k8s-aws-id".to_owned(), CLUSTER.to_owned())];
        let hash = sigv4::body_hash(b"");
        let request = sigv4::Request {
            method: "GET",
            path: "/",
            query: "Action=GetCallerIdentity&Version=2011-06-15",
            headers: &headers,
            body_hash: &hash,
        };
        let scope = Scope { region: REGION, service: "sts" };
        let then = seconds_of(value("X-Amz-Date"));
        let right = sigv4::presign(request, &keys, scope, then, 60);
        if query == right { Ok(()) } else { Err("the signature is wrong".to_owned()) }
    }

    /// Whose signature a request bears.
    fn verify(&self, service: &str, uri: &Uri, headers: &HeaderMap) -> Result<String, String> {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let hash = sigv4::body_hash(b"");
        let request = sigv4::Request {
            method: "GET",
            path: uri.path(),
            query: uri.query().unwrap_or(""),
            headers: &headers,
            body_hash: &hash,
        };
        let keys = self.keys.lock().unwrap();
        let secret = |id: &str| keys.get(id).map(|keys| keys.secret_access_key.clone());
        let scope = Scope { region: REGION, service };
        sigv4::verify(request, scope, self.clock.now_seconds(), secret)
            .map_err(|error| error.to_string())
    }

    /// New keys of a role, as STS writes them.
    fn role(&self, role: &str, by: &str) -> String {
        let mut keys = self.keys.lock().unwrap();
        let id = format!("ROLE{}", keys.len());
        let made = Credentials {
            access_key_id: id.clone(),
            secret_access_key: format!("secret/of+{id}"),
            session_token: Some(format!("session of {role} by {by}")),
        };
        let xml = format!(
            "<R><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
             <SessionToken>{}</SessionToken></Credentials></R>",
            made.secret_access_key,
            made.session_token.clone().unwrap()
        );
        keys.insert(id, made);
        xml
    }
}

/// Of `20231114T221320Z`, on the day of now.
fn seconds_of(date: &str) -> i64 {
    let text = |at: std::ops::Range<usize>| date.get(at).unwrap_or("0");
    let date = format!("{}-{}-{}", text(0..4), text(4..6), text(6..8));
    let time = format!("{}:{}:{}", text(9..11), text(11..13), text(13..15));
    let stamp: Result<k8s_openapi::jiff::Timestamp, _> = format!("{date}T{time}Z").parse();
    stamp.map_or(0, |stamp| stamp.as_second())
}

async fn aws(State(inner): State<Arc<AwsInner>>, request: Request) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let url = reqwest::Url::parse(&format!("http://aws{uri}")).unwrap();
    let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let action = pairs.get("Action").cloned().unwrap_or_else(|| uri.path().to_owned());
    inner.calls.lock().unwrap().push(action.clone());
    let no = |reason: String| {
        (StatusCode::FORBIDDEN, json!({"message": reason}).to_string()).into_response()
    };
    match action.as_str() {
        "AssumeRoleWithWebIdentity" => {
            let asked = (pairs["WebIdentityToken"].clone(), pairs["RoleArn"].clone());
            if *inner.identity.lock().unwrap() != asked {
                return no("the identity is not trusted".to_owned());
            }
            inner.role(&asked.1, "web identity").into_response()
        }
        "AssumeRole" => match inner.verify("sts", &uri, &headers) {
            Ok(id) => inner.role(&pairs["RoleArn"], &id).into_response(),
            Err(reason) => no(reason),
        },
        _ => match inner.verify("eks", &uri, &headers) {
            Ok(_) => {
                assert_eq!(uri.path(), format!("/clusters/{CLUSTER}"));
                let (status, body) = inner.cluster.lock().unwrap().clone();
                (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
            }
            Err(reason) => no(reason),
        },
    }
}
