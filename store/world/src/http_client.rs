//! Builds the HTTP client for one way to connect.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy, Url, redirect};

use crate::http_host::shown;
use crate::outbox::{OutboxError, OutboxOptions};

/// Idle connections a host: notifications come in small bursts.
const IDLE_PER_HOST_MAX: usize = 4;
/// Most receivers close idle connections after a minute.
const IDLE_MAX: Duration = Duration::from_secs(50);
/// As Go's client has it.
const REDIRECTS_MAX: usize = 10;

/// A client, or the reason why there can be none. `host` is the URL's, where the options say that
/// the server goes by another name.
pub(crate) fn build_client(
    options: &OutboxOptions,
    secure: bool,
    host: Option<&str>,
) -> Result<Client, String> {
    // Already there when the program has installed it: the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Destructured whole, so that a new option cannot be forgotten.
    let OutboxOptions {
        follow_redirects,
        insecure_skip_verify,
        ca_pem,
        identity_pem,
        server_name,
        proxy_url,
    } = options;
    let follow = if *follow_redirects {
        redirect::Policy::limited(REDIRECTS_MAX)
    } else {
        redirect::Policy::none()
    };
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(follow)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .pool_idle_timeout(IDLE_MAX)
        .user_agent(concat!("hearth/", env!("CARGO_PKG_VERSION")));
    if *insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let authorities = match ca_pem {
        Some(pem) => Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| format!("certificate authority: {}", error.without_url()))?,
        None => Vec::new(),
    };
    if let Some(pem) = identity_pem {
        let identity = Identity::from_pem(pem.as_bytes())
            .map_err(|error| format!("client certificate: {}", error.without_url()))?;
        builder = builder.identity(identity);
    }
    if let Some(url) = proxy_url {
        let proxy = Proxy::all(url).map_err(|_| "the proxy's URL is not valid".to_owned())?;
        builder = builder.proxy(proxy);
    }
    if let (Some(name), Some(host)) = (server_name, host) {
        let renamed = Renamed { name: name.clone(), host: host.to_owned() };
        // HTTP/2 has one field for the server's name and the host asked for; here they differ.
        builder = builder.dns_resolver(Arc::new(renamed)).http1_only();
    }
    with_roots(builder, authorities, secure || *follow_redirects)
}

/// Trusts the machine's roots and `authorities`. A machine without roots can still speak plain
/// HTTP.
fn with_roots(
    builder: ClientBuilder,
    authorities: Vec<Certificate>,
    secure: bool,
) -> Result<Client, String> {
    let builder = if secure {
        builder.tls_certs_merge(authorities)
    } else {
        builder.tls_certs_only(authorities)
    };
    builder.build().map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("no client can be made: {error}{}", cause.unwrap_or_default())
    })
}

/// Where to send a request: with another server name the URL names that server, so that its
/// certificate is checked, and the Host header keeps what was asked for.
pub(crate) fn target_url(
    mut url: Url,
    mut headers: HeaderMap,
    server_name: Option<&str>,
) -> Result<(Url, HeaderMap), OutboxError> {
    let Some(server_name) = server_name.filter(|_| url.scheme() == "https") else {
        return Ok((url, headers));
    };
    let invalid = |url: &Url| OutboxError::Invalid {
        url: shown(url),
        reason: format!("server name {server_name:?} is not valid"),
    };
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let host = HeaderValue::try_from(host).map_err(|_| invalid(&url))?;
    headers.entry(HOST).or_insert(host);
    url.set_host(Some(server_name)).map_err(|_| invalid(&url.clone()))?;
    Ok((url, headers))
}

/// Resolves the server's name to the addresses of the host that was asked for.
struct Renamed {
    name: String,
    host: String,
}

impl Resolve for Renamed {
    fn resolve(&self, name: Name) -> Resolving {
        let is_ours = name.as_str().eq_ignore_ascii_case(&self.name);
        let host = if is_ours { self.host.clone() } else { name.as_str().to_owned() };
        Box::pin(async move {
            // An IPv6 address stands in brackets in a URL. Port 0: the URL's port is put in.
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
