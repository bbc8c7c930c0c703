//! A client of the store's AMP control API.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::control::error::ControlError;
use crate::control::transport::Transport;

/// Pages of one listing: with 1000 entries each far more than a store holds.
pub const PAGES_MAX: usize = 100;

/// Calls one store in the name of one owner.
#[derive(Clone)]
pub struct ControlClient {
    transport: Arc<dyn Transport>,
    owner: String,
}

impl std::fmt::Debug for ControlClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlClient").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl ControlClient {
    /// Calls through `transport` for `owner`.
    pub fn new(transport: Arc<dyn Transport>, owner: impl Into<String>) -> Self {
        Self { transport, owner: owner.into() }
    }

    /// The same store, for another owner.
    pub fn acting_for(&self, owner: impl Into<String>) -> Self {
        Self { transport: Arc::clone(&self.transport), owner: owner.into() }
    }

    /// Who it acts for.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Asks; `None` where the thing does not exist.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ControlError> {
        match self.get(path).await {
            Err(ControlError::NotFound { .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Asks for what must be there.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        let body = self.call(Method::GET, path, Bytes::new()).await?;
        read(&body)
    }

    /// Sends and reads the answer.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, ControlError> {
        let body = self.call(method, path, write(request)?).await?;
        read(&body)
    }

    /// Sends; the answer matters only where it is an error.
    pub async fn tell(
        &self,
        method: Method,
        path: &str,
        request: &impl Serialize,
    ) -> Result<(), ControlError> {
        self.call(method, path, write(request)?).await.map(drop)
    }

    /// Removes; what is not there any more is removed.
    pub async fn remove(&self, path: &str) -> Result<(), ControlError> {
        match self.call(Method::DELETE, path, Bytes::from_static(b"{}")).await {
            Ok(_) | Err(ControlError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ControlError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| ControlError::Unexpected { message: format!("{path:?}: {error}") })?;
        let answered = self.transport.call(&self.owner, request).await;
        let response = answered.map_err(|no| ControlError::Unreachable { message: no.0 })?;
        let (parts, body) = response.into_parts();
        let good = |status: StatusCode| status.is_success();
        if good(parts.status) {
            return Ok(body);
        }
        Err(ControlError::from_answer(parts.status, &parts.headers, &body))
    }
}

/// One segment of a path, or the value of a parameter.
pub fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn write(request: &impl Serialize) -> Result<Bytes, ControlError> {
    let bytes = serde_json::to_vec(request);
    bytes.map(Bytes::from).map_err(|error| ControlError::Unexpected { message: error.to_string() })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|error| ControlError::Unexpected {
        message: format!("the answer is not of the expected shape: {error}"),
    })
}
