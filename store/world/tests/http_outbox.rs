//! The outbox against servers on the loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use world::http_outbox::HttpOutbox;
use world::outbox::{
    Outbox, OutboxError, OutboxOptions, OutboxRequest, OutboxResponse, RESPONSE_BYTES_MAX,
};

/// A server that gives every connection one answer; the requests come out of the channel.
struct Server {
    port: u16,
    requests: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Server {
    async fn start(answer: String, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (answer, sender, tls) = (answer.clone(), sender.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, &answer, &sender).await,
                        // The client may hang up over our certificate.
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                serve(socket, &answer, &sender).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    async fn plain(answer: &str) -> Self {
        Self::start(answer.to_owned(), None).await
    }
}

async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
    requests: &tokio::sync::mpsc::UnboundedSender<String>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"END") {
        let mut buffer = [0; 1024];
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
    requests.send(String::from_utf8(request).unwrap()).unwrap();
    // The client may have heard enough before the end.
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nX-Id: 7\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn request(url: &str, options: OutboxOptions) -> OutboxRequest {
    OutboxRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer hidden".to_owned())],
        body: Bytes::from_static(b"END"),
        timeout: Duration::from_secs(20),
        options,
    }
}

async fn send(url: &str, options: OutboxOptions) -> Result<OutboxResponse, OutboxError> {
    HttpOutbox::new().send(request(url, options)).await
}

#[tokio::test]
async fn one_exchange() {
    let mut server = Server::plain(&ok("thanks")).await;
    let url = format!("http://127.0.0.1:{}/hook?token=hidden", server.port);
    let answer = send(&url, OutboxOptions::default()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (200, &b"thanks"[..]));
    assert!(answer.headers.contains(&("x-id".to_owned(), "7".to_owned())));
    let seen = server.requests.recv().await.unwrap();
    assert!(seen.starts_with("POST /hook?token=hidden HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("authorization: Bearer hidden\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\nEND"), "{seen}");
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let server = Server::plain(&ok(&"x".repeat(RESPONSE_BYTES_MAX * 3))).await;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let answer = send(&url, OutboxOptions::default()).await.unwrap();
    assert_eq!(answer.body.len(), RESPONSE_BYTES_MAX);
}

#[tokio::test]
async fn redirects_only_where_asked_for() {
    let target = Server::plain(&ok("there")).await;
    let to = format!("http://127.0.0.1:{}/", target.port);
    let answer = format!("HTTP/1.1 307 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let server = Server::plain(&answer).await;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let stays = send(&url, OutboxOptions::default()).await.unwrap();
    assert_eq!(stays.status, 307);
    let follow = OutboxOptions { follow_redirects: true, ..OutboxOptions::default() };
    assert_eq!(send(&url, follow).await.unwrap().body, "there");
}

#[tokio::test]
async fn private_places_are_refused_where_only_public_ones_are_allowed() {
    let server = Server::plain(&ok("there")).await;
    let open = OutboxOptions { public_only: true, ..OutboxOptions::default() };
    let proxy = Some(format!("http://127.0.0.1:{}", server.port));
    let cases = [
        (format!("http://127.0.0.1:{}/", server.port), open.clone()),
        (format!("http://[::1]:{}/", server.port), open.clone()),
        (format!("http://2130706433:{}/", server.port), open.clone()),
        ("http://93.184.216.34/".to_owned(), OutboxOptions { proxy_url: proxy, ..open.clone() }),
        (
            "https://93.184.216.34/".to_owned(),
            OutboxOptions { server_name: Some("10.0.0.1".to_owned()), ..open },
        ),
    ];
    for (url, options) in cases {
        let error = send(&url, options).await.unwrap_err();
        let is_final = matches!(&error, OutboxError::Invalid { .. });
        assert!(is_final && error.to_string().contains("private address"), "{url}: {error}");
    }
}

#[tokio::test]
async fn no_error_shows_the_url() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().map(|at| (at, silent)).unwrap();
    let bad_header = ("Bad\nheader".to_owned(), "hidden".to_owned());
    let base = request(&format!("http://127.0.0.1:{port}/hidden"), OutboxOptions::default());
    let cases = [
        (base.clone(), "no answer from 127.0.0.1:"),
        (OutboxRequest { method: "NOT GOOD".to_owned(), ..base.clone() }, "method \"NOT GOOD\""),
        (OutboxRequest { headers: vec![bad_header], ..base.clone() }, "header \"Bad\\nheader\""),
        (OutboxRequest { url: "ftp://host/hidden".to_owned(), ..base.clone() }, "scheme \"ftp\""),
        (OutboxRequest { url: "http:///hidden:x:y".to_owned(), ..base.clone() }, "is not valid"),
        (
            OutboxRequest {
                url: format!("http://{}/hidden", silent.0),
                timeout: Duration::from_millis(50),
                ..base
            },
            "no answer in time",
        ),
    ];
    for (request, expected) in cases {
        let error = HttpOutbox::new().send(request.clone()).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

fn tls_for(name: &str) -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

#[tokio::test]
async fn certificates_are_checked_as_asked() {
    let (tls, pem) = tls_for("receiver.example");
    let mut server = Server::start(ok("safe"), Some(tls)).await;
    let url = format!("https://127.0.0.1:{}/", server.port);
    let trusted = OutboxOptions { ca_pem: Some(pem), ..OutboxOptions::default() };

    let refused = send(&url, trusted.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "another name: {refused}");

    let named = OutboxOptions { server_name: Some("receiver.example".to_owned()), ..trusted };
    assert_eq!(send(&url, named.clone()).await.unwrap().body, "safe");
    let seen = server.requests.recv().await.unwrap();
    assert!(seen.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)), "{seen}");

    let stranger = OutboxOptions { ca_pem: None, ..named.clone() };
    let refused = send(&url, stranger).await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "nobody vouches for it: {refused}");

    let blind = OutboxOptions { insecure_skip_verify: true, ..OutboxOptions::default() };
    assert_eq!(send(&url, blind).await.unwrap().body, "safe");

    let broken = OutboxOptions { ca_pem: Some("not pem".to_owned()), ..named };
    let broken = send(&url, broken).await;
    assert!(broken.is_err(), "{broken:?}");
}
