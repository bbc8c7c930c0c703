//! The outbox: HTTP requests that leave the store.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

/// A request to somebody outside.
#[derive(Clone, Debug)]
pub struct OutboxRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Absolute, http or https.
    pub url: String,
    /// In the order they are to be sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// For the whole exchange.
    pub timeout: Duration,
    /// How the connection is made.
    pub options: OutboxOptions,
}

/// How a connection is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutboxOptions {
    /// Follow redirects (at most 10).
    pub follow_redirects: bool,
    /// Trust any certificate.
    pub insecure_skip_verify: bool,
    /// Certificates to trust beside the built-in roots, PEM.
    pub ca_pem: Option<String>,
    /// Client certificate chain and key, PEM.
    pub identity_pem: Option<String>,
    /// Name expected in the server's certificate, where it differs from the URL's.
    pub server_name: Option<String>,
    /// A proxy to go through.
    pub proxy_url: Option<String>,
    /// Connect to addresses in the open only, whatever a name resolves to and wherever a redirect
    /// leads: [`is_private`](crate::public_addresses::is_private).
    pub public_only: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct OutboxResponse {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`RESPONSE_BYTES_MAX`] bytes; the rest is cut.
    pub body: Bytes,
}

/// Answers of receivers are only read for their error text and message id.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Why there was no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OutboxError {
    /// The request can never be sent as it is.
    #[error("request to {url:?} is not valid: {reason}")]
    Invalid {
        /// Where it should have gone.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, no answer in time, connection lost: worth another try.
    #[error("no answer from {host}: {reason}")]
    Unreachable {
        /// Host and port; never the whole URL, which may hold a secret.
        host: String,
        /// What happened.
        reason: String,
    },
}

/// Sends requests.
pub trait Outbox: Send + Sync + 'static {
    /// One exchange, no retries.
    fn send(&self, request: OutboxRequest) -> BoxFuture<'_, Result<OutboxResponse, OutboxError>>;
}
