//! The role against a double of the API server.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use protocol::collector_report::CollectorReport;
use scraper::role::{RoleSettings, run_with};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

/// The one Scraper that the API server has.
type Object = watch::Sender<Value>;

fn scraper(generation: u64, spec: Value) -> Value {
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

fn spec(exporter: SocketAddr) -> Value {
    let configuration = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs: [{{job_name: app, static_configs: [{{targets: ['{exporter}']}}]}}]"
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

async fn review(Json(asked): Json<Value>) -> Json<Value> {
    let token = asked["spec"]["token"].as_str().unwrap_or_default();
    let status = match token {
        "bad" => json!({"authenticated": false}),
        user => json!({
            "authenticated": true, "audiences": asked["spec"]["audiences"],
            "user": {"username": user},
        }),
    };
    let spec = &asked["spec"];
    let (version, kind) = ("authentication.k8s.io/v1", "TokenReview");
    Json(json!({"apiVersion": version, "kind": kind, "spec": spec, "status": status}))
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn api_server(object: Arc<Object>) -> SocketAddr {
    let missing = async || {
        let status = json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 404,
            "reason": "NotFound", "message": "not found",
        });
        (StatusCode::NOT_FOUND, Json(status))
    };
    let router = Router::new()
        .route("/apis/hearth.dev/v1alpha1/namespaces/here/scrapers", get(scrapers))
        .route("/apis/authentication.k8s.io/v1/tokenreviews", post(review))
        .fallback(missing)
        .with_state(object);
    serve(router).await
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), scraper::role::RoleError>>,
}

fn start(api: &str, store: SocketAddr, data_dir: &std::path::Path) -> Running {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let settings = RoleSettings {
        namespace: "here".to_owned(),
        name: "demo".to_owned(),
        shard: 0,
        listen: address,
        tls: None,
        data_dir: data_dir.to_owned(),
        buffer_bytes: 16 << 20,
        remote_write_url: format!("http://{store}/write"),
        token_file: None,
        ca_file: None,
        status_reader: Some("operator".to_owned()),
        status_audience: "hearth.dev/collector".to_owned(),
        home: "/nowhere".into(),
        kubeconfig: None,
        eks: None,
        proxy: false,
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = kube::Config::new(api.parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = run_with(client, settings, async {
        let _ = stopped.await;
    });
    Running { address, stop, ended: tokio::spawn(run) }
}

impl Running {
    async fn ask(&self, path: &str, token: Option<&str>) -> Option<(u16, String)> {
        let mut request = reqwest::Client::new().get(format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Asks for the report until it is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&CollectorReport) -> bool) {
        let mut last = String::new();
        for _ in 0..500 {
            if let Some((200, text)) = self.ask("/status", Some("operator")).await {
                if wanted(&serde_json::from_str(&text).unwrap()) {
                    return;
                }
                last = text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} was not seen; the last report: {last}");
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_scraper_is_followed_and_the_last_good_one_stays() {
    let exporter = serve(Router::new().route(
        "/metrics",
        get(async || ([("content-type", "text/plain; version=0.0.4")], "a 1\n")),
    ))
    .await;
    let (written, mut writes) = watch::channel(0usize);
    let written = Arc::new(written);
    let store =
        serve(Router::new().route(
            "/write",
            post(async move |body: Bytes| written.send_modify(|n| *n += body.len())),
        ))
        .await;
    let object = Arc::new(watch::Sender::new(scraper(1, spec(exporter))));
    let api = format!("http://{}", api_server(Arc::clone(&object)).await);
    let folder = tempfile::tempdir().unwrap();
    let running = start(&api, store, folder.path());

    running.until("the first generation", |r| r.generation == 1 && r.active == 1).await;
    tokio::time::timeout(Duration::from_secs(10), writes.wait_for(|n| *n > 0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(running.ask("/-/ready", None).await.unwrap().0, 200);
    assert_eq!(running.ask("/status", None).await.unwrap().0, 401);
    assert_eq!(running.ask("/status", Some("bad")).await.unwrap().0, 401);
    assert_eq!(running.ask("/status", Some("stranger")).await.unwrap().0, 403);
    let metrics = running.ask("/metrics", None).await.unwrap().1;
    assert!(metrics.contains("hearth_collector_targets 1\n"), "{metrics}");

    let mut bad = spec(exporter);
    bad["scrapeConfiguration"] = json!("scrape_configs: [{job_name: a, bearer_token_file: /x}]");
    object.send_replace(scraper(2, bad));
    let refused = |r: &CollectorReport| r.refused.as_deref().is_some_and(|r| r.contains("/x"));
    running.until("the refusal", |r| refused(r) && r.generation == 1 && r.active == 1).await;

    let mut good = spec(exporter);
    good["monitors"] = json!({"podMonitors": {}});
    object.send_replace(scraper(3, good));
    running
        .until("the missing kind", |r| {
            let told = r.rejected.iter().any(|one| one.kind == "PodMonitor");
            told && r.generation == 3 && r.refused.is_none() && r.active == 1
        })
        .await;
    running.end().await;

    // Nobody answers: what is remembered runs.
    let running = start("http://127.0.0.1:9", store, folder.path());
    for _ in 0..500 {
        if running.ask("/-/ready", None).await.is_some_and(|(code, _)| code == 200) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let metrics = running.ask("/metrics", None).await.unwrap().1;
    assert!(metrics.contains("hearth_collector_generation 3\n"), "{metrics}");
    assert_eq!(running.ask("/status", Some("operator")).await.unwrap().0, 503, "no verdict");
    running.end().await;
}
