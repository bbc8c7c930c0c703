//! HTTP clients that jobs of the same settings share.
//!
//! A client holds the system's certificate authorities and a pool of connections, some 150 KiB;
//! with thousands of monitors that is most of a collector's memory. Credentials are no part of it:
//! they are headers of each request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use protocol::http_config::HttpClientConfig;
use reqwest::Client;

/// The clients of one collector.
#[derive(Default)]
pub struct SharedClients {
    clients: Mutex<BTreeMap<Plain, Client>>,
}

/// What tells two clients apart that have neither certificates nor proxies of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Plain {
    follows_redirects: bool,
    http2: bool,
}

impl SharedClients {
    /// A client for these settings, shared where nothing in them is special; `build` makes one.
    pub fn client(
        &self,
        config: &HttpClientConfig,
        build: impl FnOnce(&HttpClientConfig) -> Result<Client, String>,
    ) -> Result<Client, String> {
        let Some(plain) = plain(config) else { return build(config) };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&plain) {
            return Ok(client.clone());
        }
        let client = build(config)?;
        clients.insert(plain, client.clone());
        Ok(client)
    }
}

fn plain(config: &HttpClientConfig) -> Option<Plain> {
    let is_plain = config.tls_config.is_none()
        && config.proxy_url.as_deref().unwrap_or_default().is_empty()
        && config.proxy_from_environment != Some(true)
        // Redirects take these into account.
        && config.http_headers.is_empty();
    is_plain.then_some(Plain {
        follows_redirects: config.follow_redirects != Some(false),
        http2: config.enable_http2 != Some(false),
    })
}

#[cfg(test)]
mod tests {
    use protocol::http_config::TlsConfig;

    use super::*;

    #[test]
    fn only_jobs_without_certificates_and_proxies_share_and_only_with_their_like() {
        let shared = SharedClients::default();
        let mut built = 0;
        let none = HttpClientConfig::default();
        let tls = HttpClientConfig { tls_config: Some(TlsConfig::default()), ..none.clone() };
        let proxy = HttpClientConfig { proxy_url: Some("http://p".to_owned()), ..none.clone() };
        let stays = HttpClientConfig { follow_redirects: Some(false), ..none.clone() };
        let token = HttpClientConfig { bearer_token_file: Some("/t".to_owned()), ..none.clone() };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut ask = |config: &HttpClientConfig| {
            let before = built;
            let client = shared.client(config, |_| {
                built += 1;
                Client::builder().build().map_err(|error| error.to_string())
            });
            client.map(|_| built - before)
        };
        assert_eq!([ask(&none), ask(&none), ask(&token)], [Ok(1), Ok(0), Ok(0)]);
        assert_eq!([ask(&stays), ask(&stays)], [Ok(1), Ok(0)]);
        assert_eq!([ask(&tls), ask(&tls), ask(&proxy), ask(&proxy)], [const { Ok(1) }; 4]);
    }
}
