//! A client of the store's AMP control API, in process.
//!
//! The very router that the server serves, called as a tower service: the same bytes, no socket.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use protocol::amp_api::error::ErrorBody;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

/// Answers of the control API: a definition of 1 MiB in base64 and room to spare.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Puts the caller's identity into a request; only code inside the process can.
pub type Identify = Arc<dyn Fn(&mut Request<Body>) + Send + Sync>;

/// Calls the store in the name of one owner.
#[derive(Clone)]
pub struct ControlClient {
    router: axum::Router,
    identify: Identify,
}

impl ControlClient {
    /// Calls `router`, each request marked by `identify`.
    pub fn new(router: axum::Router, identify: Identify) -> Self {
        Self { router, identify }
    }

    /// Asks and reads the answer; `None` where the thing does not exist.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        let (status, body) = self.call(Method::GET, path, Vec::new()).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => read(status, &body).with_context(|| format!("GET {path}")).map(Some),
        }
    }

    /// Asks and reads the answer, which must be there.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let (status, body) = self.call(Method::GET, path, Vec::new()).await?;
        read(status, &body).with_context(|| format!("GET {path}"))
    }

    /// Sends and reads the answer.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: &impl Serialize,
    ) -> anyhow::Result<T> {
        let what = format!("{method} {path}");
        let (status, body) = self.call(method, path, serde_json::to_vec(request)?).await?;
        read(status, &body).context(what)
    }

    /// Sends; the answer matters only where it is an error.
    pub async fn tell(
        &self,
        method: Method,
        path: &str,
        request: &impl Serialize,
    ) -> anyhow::Result<()> {
        let what = format!("{method} {path}");
        let (status, body) = self.call(method, path, serde_json::to_vec(request)?).await?;
        refuse(status, &body).context(what)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body))?;
        (self.identify)(&mut request);
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), ANSWER_BYTES_MAX).await?;
        Ok((status, body.to_vec()))
    }
}

fn refuse(status: StatusCode, body: &[u8]) -> anyhow::Result<()> {
    if status.is_success() {
        return Ok(());
    }
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) => {
            let fields: Vec<String> =
                error.field_list.iter().map(|f| format!("{}: {}", f.name, f.message)).collect();
            let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join("; ")) };
            bail!("{}: {}{fields}", error.code.as_str(), error.message)
        }
        Err(_) => bail!("{status}: {}", String::from_utf8_lossy(body)),
    }
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> anyhow::Result<T> {
    refuse(status, body)?;
    serde_json::from_slice(body).context("the answer is not of the expected shape")
}
