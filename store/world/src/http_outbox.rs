//! The outbox over HTTP.
//!
//! No retries, no environment proxies, at most ten redirects. A URL may hold a secret (a token in
//! its path), so no error ever shows more of it than host and port.

use std::error::Error;
use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use crate::http_client::{build_client, check_open, target_url};
use crate::outbox::{
    Outbox, OutboxError, OutboxOptions, OutboxRequest, OutboxResponse, RESPONSE_BYTES_MAX,
};
use crate::public_addresses::PrivateAddress;

/// Clients kept, one for each way to connect: some hundred receivers with certificates of their
/// own. The one that was not used for longest goes first.
pub const CLIENTS_MAX: usize = 128;

/// A client serves all requests that connect the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClientKey {
    options: OutboxOptions,
    /// Whether the scheme is https.
    secure: bool,
    /// The real host, only where the options name another server.
    host: Option<String>,
}

/// Sends requests with reqwest.
#[derive(Debug, Default)]
pub struct HttpOutbox {
    /// The one used last stands last.
    clients: Mutex<Vec<(ClientKey, Client)>>,
}

impl HttpOutbox {
    /// An outbox without connections.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&self, url: &Url, options: &OutboxOptions) -> Result<Client, OutboxError> {
        let host = options.server_name.as_ref().and_then(|_| url.host_str().map(str::to_owned));
        let key = ClientKey { options: options.clone(), secure: url.scheme() == "https", host };
        let mut clients = self.clients.lock().expect("nobody panics with this lock");
        if let Some(found) = clients.iter().position(|(known, _)| *known == key) {
            let entry = clients.remove(found);
            let client = entry.1.clone();
            clients.push(entry);
            return Ok(client);
        }
        let client = build_client(&key.options, key.secure, key.host.as_deref())
            .map_err(|reason| OutboxError::Invalid { url: shown(url), reason })?;
        if clients.len() >= CLIENTS_MAX {
            clients.remove(0);
        }
        clients.push((key, client.clone()));
        Ok(client)
    }
}

impl Outbox for HttpOutbox {
    fn send(&self, request: OutboxRequest) -> BoxFuture<'_, Result<OutboxResponse, OutboxError>> {
        Box::pin(async move {
            let (url, method, headers) = parse(&request)?;
            let client = self.client(&url, &request.options)?;
            let asked = url.clone();
            let (url, headers) = target_url(url, headers, request.options.server_name.as_deref())?;
            check_options(&request.options, &[&asked, &url])?;
            let host = shown(&url);
            let exchange = async {
                let mut response = client
                    .request(method, url)
                    .headers(headers)
                    .body(request.body)
                    .timeout(request.timeout)
                    .send()
                    .await?;
                let body = read_start(&mut response).await?;
                Ok(answer(&response, body))
            };
            exchange.await.map_err(|error| unreachable(host, error))
        })
    }
}

fn parse(request: &OutboxRequest) -> Result<(Url, Method, HeaderMap), OutboxError> {
    let invalid =
        |url: &str, reason: String| Err(OutboxError::Invalid { url: url.to_owned(), reason });
    let url = match Url::parse(&request.url) {
        Ok(url) => url,
        Err(error) => return invalid("(not shown)", error.to_string()),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return invalid(&shown(&url), format!("scheme {:?} is not http or https", url.scheme()));
    }
    let Ok(method) = Method::from_bytes(request.method.as_bytes()) else {
        return invalid(&shown(&url), format!("method {:?} is not valid", request.method));
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        // The value may be a secret: only the name is shown.
        match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            (Ok(key), Ok(value)) => headers.append(key, value),
            _ => return invalid(&shown(&url), format!("header {name:?} is not valid")),
        };
    }
    Ok((url, method, headers))
}

async fn read_start(response: &mut reqwest::Response) -> reqwest::Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = RESPONSE_BYTES_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == RESPONSE_BYTES_MAX {
            break;
        }
    }
    Ok(body.freeze())
}

fn answer(response: &reqwest::Response, body: Bytes) -> OutboxResponse {
    let headers = response.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    OutboxResponse { status: response.status().as_u16(), headers: headers.collect(), body }
}

/// Addresses that stand in the URLs themselves are resolved by nobody: they are judged here.
fn check_options(options: &OutboxOptions, urls: &[&Url]) -> Result<(), OutboxError> {
    if !options.public_only {
        return Ok(());
    }
    let proxy = options.proxy_url.as_deref().and_then(|url| Url::parse(url).ok());
    for url in urls.iter().copied().chain(&proxy) {
        check_open(url)
            .map_err(|error| OutboxError::Invalid { url: shown(url), reason: error.to_string() })?;
    }
    Ok(())
}

fn unreachable(host: String, error: reqwest::Error) -> OutboxError {
    let error = error.without_url();
    if let Some(private) = beneath(&error) {
        return OutboxError::Invalid { url: host, reason: private.to_string() };
    }
    if error.is_timeout() {
        return OutboxError::Unreachable { host, reason: "no answer in time".to_owned() };
    }
    // The cause says more than the outer words do.
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    OutboxError::Unreachable { host, reason }
}

/// The refusal to connect to a private address, where that is what happened.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a PrivateAddress> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<PrivateAddress>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Host and port.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("(no host)");
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_resolves_to_a_private_address_is_never_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("it is a socket");
        let port = listener.local_addr().expect("it is bound").port();
        let options = OutboxOptions { public_only: true, ..OutboxOptions::default() };
        let client = build_client(&options, false, None).expect("a client");
        // The one name that every machine resolves to itself, past the look at the URL.
        let sent = client.get(format!("http://localhost:{port}/")).send().await;
        let error = unreachable("localhost".to_owned(), sent.expect_err("nobody may be asked"));
        assert!(matches!(&error, OutboxError::Invalid { .. }), "final: {error}");
        assert!(error.to_string().contains("localhost is a private address"), "{error}");
        let nobody = listener.accept().expect_err("nobody connected");
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    }
}
