//! A webhook receiver that keeps every message.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Takes POSTs, answers 200.
pub struct Inbox {
    /// `http://ADDRESS:PORT/`
    pub url: String,
    messages: Arc<Mutex<Vec<Value>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Inbox {
    /// Begins to listen on loopback.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    /// Begins to listen on an address of this machine.
    pub async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
        let messages = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, Arc::clone(&messages)));
        Self { url, messages, task }
    }

    /// Every message so far, oldest first.
    pub fn messages(&self) -> Vec<Value> {
        self.messages.lock().expect("nobody panics while holding the messages").clone()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, messages: Arc<Mutex<Vec<Value>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(receive(socket, Arc::clone(&messages)));
    }
}

async fn receive(mut socket: tokio::net::TcpStream, messages: Arc<Mutex<Vec<Value>>>) {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        bytes.extend_from_slice(&buffer[..read]);
        while let Some((body_at, length)) = head_of(&bytes) {
            if bytes.len() < body_at + length {
                break;
            }
            let rest = bytes.split_off(body_at + length);
            let message = serde_json::from_slice(&bytes[body_at..]).unwrap_or(Value::Null);
            messages.lock().expect("nobody panics while holding the messages").push(message);
            bytes = rest;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if socket.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// Where the body begins and how long it is, once the head is there.
fn head_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((end + 4, length.unwrap_or(0)))
}
