//! A running role between a double of its API server and a store.
#![allow(dead_code, reason = "each test uses its part")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use futures::future::BoxFuture;
use protocol::collector_report::CollectorReport;
use scraper::clock::{SystemClock, WallClock};
use scraper::destination::WriteDestination;
use scraper::role::{RoleError, RoleParts, RoleSettings, run};
use scraper::token_review::{ReviewError, TokenReviews};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use crate::support::Inbox;

/// The one Scraper that the API server has.
pub type Object = watch::Sender<Value>;

pub fn scraper(generation: u64, spec: Value) -> Value {
    json!({
        "apiVersion": "hearth.dev/v1alpha1",
        "kind": "Scraper",
        "metadata": {
            "name": "demo", "namespace": "here", "uid": "u",
            "generation": generation, "resourceVersion": generation.to_string(),
        },
        "spec": spec,
        "status": {"shards": 1},
    })
}

/// A spec with these scrape configurations, asked ten times a second.
pub fn spec(scrape_configs: &str) -> Value {
    let configuration = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs: [{scrape_configs}]"
    );
    json!({"destination": {"workspaceRef": {"name": "w"}}, "scrapeConfiguration": configuration})
}

async fn scrapers(State(object): State<Arc<Object>>, RawQuery(query): RawQuery) -> Body {
    let current = object.borrow().clone();
    if !query.unwrap_or_default().contains("watch=true") {
        let version = current["metadata"]["resourceVersion"].clone();
        let list = json!({
            "apiVersion": "hearth.dev/v1alpha1", "kind": "ScraperList",
            "metadata": {"resourceVersion": version}, "items": [current],
        });
        return Body::from(list.to_string());
    }
    let changes = futures::stream::unfold(object.subscribe(), async |mut changes| {
        changes.changed().await.ok()?;
        let event = json!({"type": "MODIFIED", "object": *changes.borrow_and_update()});
        Some((Ok::<_, std::io::Error>(format!("{event}\n")), changes))
    });
    Body::from_stream(changes.boxed())
}

pub async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The API server at home; its URL.
pub async fn api_server(object: Arc<Object>) -> String {
    let missing = async || {
        let status = json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 404,
            "reason": "NotFound", "message": "not found",
        });
        (StatusCode::NOT_FOUND, Json(status))
    };
    let router = Router::new()
        .route("/apis/hearth.dev/v1alpha1/namespaces/here/scrapers", get(scrapers))
        .fallback(missing)
        .with_state(object);
    format!("http://{}", serve(router).await)
}

/// A store that keeps what it is sent in an inbox.
pub async fn store(inbox: Arc<Inbox>) -> SocketAddr {
    let write = async move |request: Request<Body>| {
        let (parts, body) = request.into_parts();
        let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        inbox.write(Request::from_parts(parts, body)).await.unwrap().map(Body::from)
    };
    serve(Router::new().route("/write", post(write))).await
}

/// Takes every token for the name of its user, but `bad`, and nothing where there is no verdict.
struct NamedTokens {
    verdicts: bool,
}

impl TokenReviews for NamedTokens {
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<String, ReviewError>> {
        let verdict = match token {
            _ if !self.verdicts => Err(ReviewError::Unavailable("no verdict".to_owned())),
            "" | "bad" => Err(ReviewError::Unauthenticated("a bad token".to_owned())),
            user => Ok(user.to_owned()),
        };
        Box::pin(std::future::ready(verdict))
    }
}

/// A role that runs.
pub struct Running {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), RoleError>>,
}

/// What it is started with.
pub struct Start<'a> {
    pub api: &'a str,
    pub store: SocketAddr,
    pub data_dir: &'a Path,
    /// Whether somebody says whose tokens are.
    pub verdicts: bool,
    pub clock: Arc<dyn WallClock>,
}

impl<'a> Start<'a> {
    pub fn new(api: &'a str, store: SocketAddr, data_dir: &'a Path) -> Self {
        Self { api, store, data_dir, verdicts: true, clock: Arc::new(SystemClock) }
    }

    pub fn run(self, change: impl FnOnce(&mut RoleSettings)) -> Running {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = probe.local_addr().unwrap();
        drop(probe);
        let mut settings = RoleSettings {
            namespace: "here".to_owned(),
            name: "demo".to_owned(),
            shard: 0,
            listen: address,
            tls: None,
            data_dir: self.data_dir.to_owned(),
            buffer_bytes: 16 << 20,
            remote_write_url: format!("http://{}/write", self.store),
            token_file: None,
            ca_file: None,
            status_reader: Some("operator".to_owned()),
            home: "/nowhere".into(),
            kubeconfig: None,
            eks: None,
            proxy: false,
        };
        change(&mut settings);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = kube::Config::new(self.api.parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        let reviews = Box::new(NamedTokens { verdicts: self.verdicts });
        let (stop, stopped) = oneshot::channel::<()>();
        let run = run(RoleParts { client, reviews, clock: self.clock }, settings, async {
            let _ = stopped.await;
        });
        Running { address, stop, ended: tokio::spawn(run) }
    }
}

impl Running {
    pub async fn ask(&self, path: &str, token: Option<&str>) -> Option<(u16, String)> {
        let mut request = reqwest::Client::new().get(format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Asks for a path until the answer is as wanted.
    pub async fn answers(
        &self,
        what: &str,
        path: &str,
        wanted: impl Fn(u16, &str) -> bool,
    ) -> String {
        let mut last = None;
        for _ in 0..1500 {
            last = self.ask(path, Some("operator")).await;
            if let Some((code, text)) = &last
                && wanted(*code, text)
            {
                return text.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} was not seen; the last answer: {last:?}");
    }

    /// Asks for the report until it is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&CollectorReport) -> bool) {
        let reads = |code, text: &str| code == 200 && wanted(&serde_json::from_str(text).unwrap());
        self.answers(what, "/status", reads).await;
    }

    pub async fn is_ready(&self) {
        self.answers("ready", "/-/ready", |code, _| code == 200).await;
    }

    pub async fn end(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}
