//! The policy of retries, and a store over real TLS.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::control::client::ControlClient;
use crate::control::error::ControlError;
use crate::runtime::https::HttpsClients;

fn answer(status: u16, seconds: Option<&str>) -> Result<Response<Bytes>, Failed> {
    let mut response = Response::builder().status(status);
    if let Some(seconds) = seconds {
        response = response.header("retry-after", seconds);
    }
    Ok(response.body(Bytes::new()).expect("a response"))
}

#[test]
fn only_what_a_moment_may_cure_is_tried_again() {
    let pause = Duration::from_millis(100);
    assert_eq!(pause_after(&answer(503, None), pause), Some(pause));
    assert_eq!(pause_after(&answer(429, Some("1")), pause), Some(Duration::from_secs(1)));
    assert_eq!(pause_after(&answer(429, Some("60")), pause), None);
    assert_eq!(pause_after(&answer(409, None), pause), None);
    assert_eq!(pause_after(&answer(202, None), pause), None);
    let failed = |again| Err(Failed { again, reason: String::new() });
    assert_eq!(pause_after(&failed(true), pause), Some(pause));
    assert_eq!(pause_after(&failed(false), pause), None, "it may have been done");
}

struct Tokens {
    given: AtomicUsize,
    stale: AtomicUsize,
}

impl TokenSource for Tokens {
    fn token(&self) -> BoxFuture<'_, Result<String, String>> {
        self.given.fetch_add(1, Ordering::Relaxed);
        let number = self.stale.load(Ordering::Relaxed);
        Box::pin(async move { Ok(format!("token-{number}")) })
    }

    fn refused(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }
}

/// A store of one connection at a time that gives scripted answers and remembers what it was asked.
struct Double {
    url: String,
    ca_pem: String,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn double(answers: &'static [&'static str]) -> Double {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key =
        rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they fit");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        for answer in answers {
            let (socket, _) = listener.accept().await.expect("a connection");
            // A client that does not trust us hangs up.
            let Ok(mut tls) = acceptor.accept(socket).await else { continue };
            let mut bytes = vec![0; 16 * 1024];
            let read = tls.read(&mut bytes).await.expect("a request");
            seen.lock().expect("no panic").push(String::from_utf8_lossy(&bytes[..read]).into());
            let length = answer.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
            let answer = answer.replacen(
                "\r\n",
                &format!("\r\ncontent-length: {length}\r\nconnection: close\r\n"),
                1,
            );
            tls.write_all(answer.as_bytes()).await.expect("an answer");
            let _ = tls.shutdown().await;
        }
    });
    Double { url: format!("https://localhost:{port}"), ca_pem: made.cert.pem(), asked }
}

fn client(url: &str, ca_pem: &str) -> ControlClient {
    let tokens = Arc::new(Tokens { given: AtomicUsize::new(0), stale: AtomicUsize::new(0) });
    let trusting = HttpsClients::default().trusting(ca_pem).expect("a certificate");
    let transport = HttpsTransport::new(url, trusting, tokens);
    ControlClient::new(Arc::new(transport), "operator/hearth/team/main")
}

#[tokio::test]
async fn a_request_carries_token_and_owner_and_a_refused_token_is_renewed() {
    let double = double(&[
        "HTTP/1.1 401 Unauthorized\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\nstarting",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\": 1}",
    ])
    .await;
    let answer: serde_json::Value = client(&double.url, &double.ca_pem)
        .get("/workspaces/ws-1")
        .await
        .expect("the third attempt");
    assert_eq!(answer, json!({"a": 1}));
    let asked = double.asked.lock().expect("no panic").clone();
    let [first, second, third] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(first.starts_with("GET /workspaces/ws-1 HTTP/1.1"), "{first}");
    assert!(first.contains("hearth-owner: operator/hearth/team/main"), "{first}");
    assert!(first.contains("authorization: Bearer token-0"), "{first}");
    assert!(second.contains("Bearer token-1") && third.contains("Bearer token-1"));
}

#[tokio::test]
async fn a_conflict_comes_at_once_and_names_its_owner() {
    let double = double(&["HTTP/1.1 409 Conflict\r\n\r\n{\"__type\": \"ConflictException\", \
        \"message\": \"taken\", \"hearth\": {\"owner\": \"up/x\"}}"])
    .await;
    let told = client(&double.url, &double.ca_pem).tell(Method::PUT, "/x", &json!({})).await;
    let wanted = ControlError::Conflict { message: "taken".into(), owner: Some("up/x".to_owned()) };
    assert_eq!(told, Err(wanted));
}

#[tokio::test]
async fn a_stranger_with_another_authority_is_not_talked_to() {
    let real = double(&["HTTP/1.1 200 OK\r\n\r\n{}"; 3]).await;
    let other = double(&[]).await;
    let told = client(&real.url, &other.ca_pem).get::<serde_json::Value>("/x").await;
    match told {
        Err(ControlError::Unreachable { message }) => {
            assert!(message.contains("certificate"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(real.asked.lock().expect("no panic").is_empty(), "no token was sent");
}
