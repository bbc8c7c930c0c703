//! HTTPS for the API server: bounded bodies, bounded time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use check::patience::Patience;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use kube::core::admission::AdmissionResponse;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::webhook::review::{self, Request};

/// Largest body: etcd takes objects of 1.5 MiB, and an update brings the old one as well.
pub const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Longest time for a whole answer: less than the 5 s that the API server waits.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(4);
/// Longest time for a handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(3);
/// Objects judged at once: what a pod of a core or two can do in the time that there is.
const JUDGED_MAX: usize = 4;
/// Connections at once: each API server keeps a few open.
const CONNECTIONS_MAX: usize = 64;
/// Where reviews are sent.
pub const PATH: &str = "/validate";

/// The certificate in force; `None` until there is one.
pub type Certificates = watch::Receiver<Option<Arc<ServerConfig>>>;

/// Serves until it is dropped. A connection takes the certificate in force when it begins.
pub async fn serve(listener: TcpListener, certificates: Certificates) {
    let router = router();
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    loop {
        let permit = connections.clone().acquire_owned().await;
        let accepted = listener.accept().await;
        // Who has ended makes room.
        while tasks.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: closing connections gives them back.
                tracing::warn!(%error, "the webhook cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let config = certificates.borrow().clone();
        let router = router.clone();
        tasks.spawn(async move {
            let _permit = permit;
            if let Some(config) = config {
                connection(stream, config, router).await;
            }
        });
    }
}

async fn connection(stream: TcpStream, config: Arc<ServerConfig>, router: Router) {
    let handshake = TlsAcceptor::from(config).accept(stream);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_PATIENCE, handshake).await else {
        tracing::debug!("a connection to the webhook ended before it began");
        return;
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(ANSWER_PATIENCE);
    let service = TowerToHyperService::new(router);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the webhook broke");
    }
}

/// The one route.
pub fn router() -> Router {
    let judges = Arc::new(Semaphore::new(JUDGED_MAX));
    Router::new().route(PATH, post(validate)).with_state(judges)
}

async fn validate(State(judges): State<Arc<Semaphore>>, request: HttpRequest) -> Response {
    let deadline = tokio::time::Instant::now() + ANSWER_PATIENCE;
    let body = match tokio::time::timeout_at(deadline, body(request.into_body())).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal.into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body came too slowly").into_response(),
    };
    let review = match review::read(&body) {
        Ok(review) => Arc::new(review),
        Err(message) => return (StatusCode::BAD_REQUEST, message).into_response(),
    };
    let judged = judge(judges, review.clone());
    let response = match tokio::time::timeout_at(deadline, judged).await {
        Ok(Some(response)) => response,
        Ok(None) | Err(_) => review::unfinished(&review),
    };
    told(&review, &response);
    let json = serde_json::to_vec(&response.into_review()).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

async fn body(body: Body) -> Result<bytes::Bytes, (StatusCode, String)> {
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            let message = format!("the body exceeds the limit of {BODY_BYTES_MAX} bytes");
            return (StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        (StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}"))
    })
}

/// Judges on a thread where it may take long; `None` where the judge itself failed.
fn judge(
    judges: Arc<Semaphore>,
    review: Arc<Request>,
) -> impl Future<Output = Option<AdmissionResponse>> {
    // Set as soon as nobody waits any more, by the deadline or by a connection that went away.
    let over = OnDrop(Arc::new(AtomicBool::new(false)));
    async move {
        let permit = judges.acquire_owned().await.ok()?;
        let flag = over.0.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let patience = Patience::until(move || flag.load(Ordering::Relaxed));
            review::answer(&review, &patience)
        });
        let answer = judged.await;
        drop(over);
        answer.inspect_err(|error| tracing::error!(%error, "the webhook's judge failed")).ok()
    }
}

struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn told(review: &Request, response: &AdmissionResponse) {
    if !response.allowed {
        let (kind, name) = (&review.kind.kind, &review.name);
        let namespace = review.namespace.as_deref().unwrap_or_default();
        let message = response.result.message.lines().nth(1).unwrap_or_default();
        tracing::info!(kind, namespace, name, message, "an object was refused");
    }
}
