//! A running `hearth`, asked over HTTP, killed at will.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::eventually::eventually;

/// A process of the built binary; killed with its owner.
pub struct Hearth {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    child: Child,
    client: reqwest::Client,
}

impl Hearth {
    /// Starts `hearth ARGS --data-dir DIR --listen URL'S ADDRESS` and waits until it is ready.
    pub async fn start(args: &[&str], data_dir: &Path, port: u16) -> Self {
        install_crypto();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(crate::binary::hearth())
            .args(args)
            .arg("--data-dir")
            .arg(data_dir)
            .args(["--listen", &address])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client without options");
        let started = Self { url: format!("http://{address}"), child, client };
        eventually("hearth is ready", Duration::from_secs(30), async || {
            let answer = started.client.get(format!("{}/-/ready", started.url)).send().await;
            answer.and_then(reqwest::Response::error_for_status).map_err(|e| e.to_string())
        })
        .await;
        started
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs until it is killed");
    }

    /// SIGKILL from outside, without waiting: for when others still talk to the process.
    pub fn kill_now(&self) {
        let pid = self.child.id().expect("it runs until it is killed").to_string();
        let sent = std::process::Command::new("kill").args(["-KILL", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGKILL was not sent");
    }

    /// SIGTERM, and waits for a clean end.
    pub async fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM was not sent");
        tokio::time::timeout(Duration::from_secs(20), self.child.wait())
            .await
            .expect("it stops within 20 s of SIGTERM")
            .expect("its status is known")
    }

    /// GET, as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await;
        read(answer).await
    }

    /// A request with a JSON body, its answer as JSON.
    pub async fn send(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let method = method.parse().map_err(|_| format!("no method {method}"))?;
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json").body(body.to_string());
        read(request.send().await).await
    }

    /// An instant query below `base` (empty for the root), its result list.
    pub async fn query(&self, base: &str, expr: &str) -> Result<Vec<Value>, String> {
        let escaped = escape(expr);
        let answer = self.get(&format!("{base}/api/v1/query?query={escaped}")).await?;
        answer["data"]["result"].as_array().cloned().ok_or_else(|| answer.to_string())
    }

    /// Remote write 1.0 of a body that is compressed already; the status.
    pub async fn write(&self, base: &str, body: Vec<u8>) -> Result<u16, String> {
        let request = self.client.post(format!("{}{base}/api/v1/write", self.url)).body(body);
        let request = request
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0");
        let answer = request.send().await.map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }
}

/// Every byte as `%XX`, for a query in a URL.
pub fn escape(text: &str) -> String {
    text.bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(number: u8) -> char {
    char::from_digit(u32::from(number), 16).expect("four bits")
}

async fn read(answer: reqwest::Result<reqwest::Response>) -> Result<Value, String> {
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_success() { Ok(value) } else { Err(format!("{status}: {value}")) }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port of loopback");
    listener.local_addr().expect("it is bound").port()
}

/// The one crypto provider, once a process.
pub fn install_crypto() {
    // Fails where another test of this process was first, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
