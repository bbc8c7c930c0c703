//! Stands in for the apps of other operators' examples.
//!
//! Serves `/metrics` on the ports that those manifests name, since their images cannot be had
//! everywhere. Takes their flags: `--listen-address=:PORT`, `--basic-auth-username=NAME` and
//! `--basic-auth-password=WORD` mean something, others nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use e2e::base64::decode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The ports of the examples that say none.
const PORTS: [u16; 2] = [8080, 1234];
/// Bytes of a request; none of ours comes near it.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

struct App {
    requests: AtomicU64,
    credentials: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let flags: BTreeMap<String, String> = std::env::args().skip(1).filter_map(flag).collect();
    let ports = match flags.get("listen-address").and_then(|at| at.rsplit(':').next()) {
        Some(port) => vec![port.parse().expect("--listen-address=:PORT")],
        None => PORTS.to_vec(),
    };
    let word = |name: &str| flags.get(name).cloned();
    let credentials = word("basic-auth-username").zip(word("basic-auth-password"));
    let credentials = credentials.map(|(name, word)| format!("{name}:{word}"));
    let app = Arc::new(App { requests: AtomicU64::new(0), credentials });
    let mut servers = JoinSet::new();
    for port in ports {
        let listener = TcpListener::bind(("0.0.0.0", port)).await.expect("the port is free");
        servers.spawn(serve(listener, Arc::clone(&app)));
    }
    servers.join_next().await;
}

fn flag(argument: String) -> Option<(String, String)> {
    let (name, value) = argument.trim_start_matches('-').split_once('=')?;
    Some((name.to_owned(), value.to_owned()))
}

async fn serve(listener: TcpListener, app: Arc<App>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(talk(socket, Arc::clone(&app)));
    }
}

/// Answers one request after the other until the other side goes.
async fn talk(mut socket: TcpStream, app: Arc<App>) {
    let mut request = Vec::new();
    while request.len() < REQUEST_BYTES_MAX {
        if !matches!(socket.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let answer = app.answer(&String::from_utf8_lossy(&request));
        request.clear();
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl App {
    fn answer(&self, request: &str) -> String {
        let (status, body) = if !request.starts_with("GET /metrics") {
            ("404 Not Found", "only /metrics is here\n".to_owned())
        } else if !self.admits(request) {
            ("401 Unauthorized", "wrong name or password\n".to_owned())
        } else {
            ("200 OK", self.page())
        };
        let length = body.len();
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n");
        format!("{head}content-length: {length}\r\n\r\n{body}")
    }

    fn admits(&self, request: &str) -> bool {
        let Some(wanted) = &self.credentials else { return true };
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            let value = value.trim().strip_prefix("Basic ")?;
            name.eq_ignore_ascii_case("authorization").then(|| decode(value))
        };
        request.lines().find_map(header).is_some_and(|shown| shown == wanted.as_bytes())
    }

    fn page(&self) -> String {
        let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        format!(
            "# HELP http_requests_total Count of all HTTP requests\n\
             # TYPE http_requests_total counter\n\
             http_requests_total{{code=\"200\",method=\"get\"}} {count}\n\
             # HELP version Version information about this binary\n\
             # TYPE version gauge\n\
             version{{version=\"stand-in\"}} 1\n"
        )
    }
}
