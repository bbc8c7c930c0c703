//! Builds the HTTP client for one way to connect.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy, Url, redirect};

use crate::http_outbox::shown;
use crate::outbox::{OutboxError, OutboxOptions};
use crate::public_addresses::{PrivateAddress, is_private_host, public_of};

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
        public_only,
    } = options;
    let follow = match (*follow_redirects, *public_only) {
        (true, true) => redirect::Policy::custom(in_the_open),
        (true, false) => redirect::Policy::limited(REDIRECTS_MAX),
        (false, _) => redirect::Policy::none(),
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
    let renamed = server_name.clone().zip(host.map(str::to_owned));
    if renamed.is_some() {
        // HTTP/2 has one field for the server's name and the host asked for; here they differ.
        builder = builder.http1_only();
    }
    if renamed.is_some() || *public_only {
        builder = builder.dns_resolver(Arc::new(Addresses { renamed, public_only: *public_only }));
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

/// Follows redirects, but not those to private addresses; names are judged when they are resolved.
fn in_the_open(attempt: redirect::Attempt<'_>) -> redirect::Action {
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("too many redirects");
    }
    match check_open(attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(error) => attempt.error(error),
    }
}

/// Whether a URL names a private address itself.
pub(crate) fn check_open(url: &Url) -> Result<(), PrivateAddress> {
    let host = url.host_str().unwrap_or_default();
    if is_private_host(host) { Err(PrivateAddress { host: host.to_owned() }) } else { Ok(()) }
}

/// Resolves names as the options want it.
struct Addresses {
    /// The server's name, and the host that was asked for, whose addresses it has.
    renamed: Option<(String, String)>,
    public_only: bool,
}

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let asked = name.as_str();
        let renamed = self.renamed.as_ref().filter(|(name, _)| asked.eq_ignore_ascii_case(name));
        let host = renamed.map_or(asked, |(_, host)| host);
        // An IPv6 address stands in brackets in a URL.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let public_only = self.public_only;
        Box::pin(async move {
            // Port 0: the URL's port is put in.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let found: Vec<SocketAddr> =
                if public_only { public_of(&host, found)? } else { found.collect() };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_to_a_private_place_is_not_followed() {
        let place = |url: &str| Url::parse(url).expect("a URL");
        for private in ["http://169.254.169.254/latest", "https://localhost/", "http://[fd00::1]/"]
        {
            assert!(check_open(&place(private)).is_err(), "{private}");
        }
        assert!(check_open(&place("https://hooks.example.com/")).is_ok());
    }
}
