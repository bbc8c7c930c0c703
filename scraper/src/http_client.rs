//! HTTP requests the way a configuration wants them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use protocol::http_config::{HttpClientConfig, TlsConfig, TlsVersion};
use protocol::secret::Secret;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder, Response};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error_chain::chain;
use crate::write_client::USER_AGENT;

/// Redirects that are followed, as Go's client does.
const REDIRECTS_MAX: usize = 10;

/// How often certificate files are looked at.
const FILES_LOOK: Duration = Duration::from_secs(10);

/// A client with its credentials. Files of credentials are read for each request, so that a rotated
/// token is used at once; rotated certificates are used within seconds, and connections made with
/// the old ones are closed.
pub struct HttpClient {
    config: HttpClientConfig,
    bearer: Option<Arc<dyn Bearer>>,
    built: Mutex<Built>,
}

/// Mints bearer tokens that are no file's content.
pub trait Bearer: Send + Sync {
    /// A token that is valid now. Called for every request: keep what is good.
    fn token(&self) -> BoxFuture<'_, Result<String, String>>;
}

struct Built {
    client: Client,
    /// Size and time of each certificate file when the client was built.
    files: Vec<Option<(u64, SystemTime)>>,
    looked_at: Instant,
}

impl HttpClient {
    /// `Err`: why no request can be made, in words.
    pub fn new(config: &HttpClientConfig) -> Result<Self, String> {
        if config.oauth2.is_some() {
            return Err("oauth2 is not supported yet".to_owned());
        }
        let files = look_at(&tls_files(config));
        let built = Built { client: build(config)?, files, looked_at: Instant::now() };
        Ok(Self { config: config.clone(), bearer: None, built: Mutex::new(built) })
    }

    /// The same with minted tokens; they stand before those of the configuration.
    pub fn with_bearer(
        config: &HttpClientConfig,
        bearer: Option<Arc<dyn Bearer>>,
    ) -> Result<Self, String> {
        Ok(Self { bearer, ..Self::new(config)? })
    }

    /// The client, built anew where a certificate file has changed.
    async fn client(&self) -> Client {
        let mut built = self.built.lock().await;
        let paths = tls_files(&self.config);
        if !paths.is_empty() && built.looked_at.elapsed() >= FILES_LOOK {
            built.looked_at = Instant::now();
            let files = look_at(&paths);
            if files != built.files {
                match build(&self.config) {
                    Ok(client) => (built.client, built.files) = (client, files),
                    Err(reason) => tracing::warn!(reason, "changed certificates are not used"),
                }
            }
        }
        built.client.clone()
    }

    /// A GET with these headers, those of the configuration and its credentials.
    pub async fn get(&self, url: &str, mut headers: HeaderMap) -> Result<Response, String> {
        self.add_credentials(&mut headers).await?;
        self.add_custom(&mut headers).await?;
        let request = self.client().await.get(url).headers(headers);
        request.send().await.map_err(|error| chain(&error.without_url()))
    }

    /// A request as it is, with the headers of the configuration and its credentials.
    pub async fn send(
        &self,
        url: &str,
        request: http::Request<bytes::Bytes>,
    ) -> Result<Response, String> {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        self.add_credentials(&mut headers).await?;
        self.add_custom(&mut headers).await?;
        let client = self.client().await;
        let request = client.request(parts.method, url).headers(headers).body(body);
        request.send().await.map_err(|error| chain(&error.without_url()))
    }

    async fn add_credentials(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let config = &self.config;
        let value = if let Some(bearer) = &self.bearer {
            Some(format!("Bearer {}", bearer.token().await?))
        } else if let Some(basic) = &config.basic_auth {
            let user = text_or_file(Some(&basic.username), basic.username_file.as_ref()).await?;
            let password = basic.password.as_ref().map(Secret::expose);
            let password = text_or_file(password, basic.password_file.as_ref()).await?;
            Some(format!("Basic {}", base64_of(&format!("{user}:{password}"))))
        } else if let Some(authorization) = &config.authorization {
            let credentials = authorization.credentials.as_ref().map(Secret::expose);
            let file = authorization.credentials_file.as_ref();
            let credentials = text_or_file(credentials, file).await?;
            let scheme = authorization.scheme.as_deref().unwrap_or("Bearer").trim();
            (!credentials.is_empty()).then(|| format!("{scheme} {credentials}"))
        } else if config.bearer_token.is_some() || config.bearer_token_file.is_some() {
            let token = config.bearer_token.as_ref().map(Secret::expose);
            let token = text_or_file(token, config.bearer_token_file.as_ref()).await?;
            Some(format!("Bearer {token}"))
        } else {
            None
        };
        let Some(value) = value else { return Ok(()) };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| "the credentials hold bytes that no header may have".to_owned())?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }

    async fn add_custom(&self, headers: &mut HeaderMap) -> Result<(), String> {
        for (name, values) in &self.config.http_headers {
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} is no header name"))?;
            let mut texts: Vec<String> = values.values.clone();
            texts.extend(values.secrets.iter().map(|secret| secret.expose().to_owned()));
            for file in &values.files {
                texts.push(read_trimmed(file).await?);
            }
            for text in texts {
                let value = HeaderValue::from_str(&text)
                    .map_err(|_| format!("a value of the header {name:?} is no header value"))?;
                headers.append(key.clone(), value);
            }
        }
        Ok(())
    }
}

async fn text_or_file(
    text: Option<impl AsRef<str>>,
    file: Option<&String>,
) -> Result<String, String> {
    match file {
        Some(file) => read_trimmed(file).await,
        None => Ok(text.map(|text| text.as_ref().to_owned()).unwrap_or_default()),
    }
}

async fn read_trimmed(file: &str) -> Result<String, String> {
    let text = tokio::fs::read_to_string(file).await.map_err(|error| format!("{file}: {error}"))?;
    Ok(text.trim().to_owned())
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn build(config: &HttpClientConfig) -> Result<Client, String> {
    // One provider in the whole process; whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().user_agent(USER_AGENT).referer(false);
    builder = match config.follow_redirects {
        Some(false) => builder.redirect(Policy::none()),
        // The client itself keeps the Authorization header from other hosts, but not these.
        _ if !config.http_headers.is_empty() => builder.redirect(Policy::custom(same_host_only)),
        _ => builder.redirect(Policy::limited(REDIRECTS_MAX)),
    };
    if config.enable_http2 == Some(false) {
        builder = builder.http1_only();
    }
    builder = with_proxy(builder, config)?;
    if let Some(tls) = &config.tls_config {
        builder = with_tls(builder, tls)?;
    }
    builder.build().map_err(|error| chain(&error))
}

fn same_host_only(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let first = attempt.previous().first();
    let is_same = first.is_some_and(|first| first.origin() == attempt.url().origin());
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("too many redirects");
    }
    if is_same {
        return attempt.follow();
    }
    attempt.error("a redirect to another host is not followed with http_headers")
}

/// The files that a client reads once, when it is built.
fn tls_files(config: &HttpClientConfig) -> Vec<&str> {
    let Some(tls) = &config.tls_config else { return Vec::new() };
    [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter().filter_map(Option::as_deref).collect()
}

fn look_at(paths: &[&str]) -> Vec<Option<(u64, SystemTime)>> {
    let look = |path: &&str| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    paths.iter().map(look).collect()
}

fn with_proxy(builder: ClientBuilder, config: &HttpClientConfig) -> Result<ClientBuilder, String> {
    if config.proxy_from_environment == Some(true) {
        return Err("proxy_from_environment is not supported; use proxy_url".to_owned());
    }
    let Some(url) = config.proxy_url.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(builder.no_proxy());
    };
    let mut proxy = reqwest::Proxy::all(url).map_err(|error| chain(&error))?;
    if let Some(hosts) = &config.no_proxy {
        proxy = proxy.no_proxy(reqwest::NoProxy::from_string(hosts));
    }
    if !config.proxy_connect_header.is_empty() {
        let mut headers = HeaderMap::new();
        for (name, values) in &config.proxy_connect_header {
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} is no header name"))?;
            for value in values {
                let value = HeaderValue::from_str(value.expose())
                    .map_err(|_| format!("a value of the header {name:?} is no header value"))?;
                headers.append(key.clone(), value);
            }
        }
        proxy = proxy.headers(headers);
    }
    Ok(builder.proxy(proxy))
}

fn with_tls(mut builder: ClientBuilder, tls: &TlsConfig) -> Result<ClientBuilder, String> {
    if tls.server_name.is_some() {
        return Err("tls_config.server_name is not supported yet".to_owned());
    }
    if let Some(pem) = inline_or_file(tls.ca.as_deref(), tls.ca_file.as_deref())? {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| format!("tls_config.ca: {}", chain(&error)))?;
        builder = builder.tls_certs_only(certificates);
    }
    let cert = inline_or_file(tls.cert.as_deref(), tls.cert_file.as_deref())?;
    let key = inline_or_file(tls.key.as_ref().map(Secret::expose), tls.key_file.as_deref())?;
    if let (Some(cert), Some(key)) = (cert, key) {
        let identity = reqwest::Identity::from_pem(format!("{key}\n{cert}").as_bytes())
            .map_err(|error| format!("tls_config.cert: {}", chain(&error)))?;
        builder = builder.identity(identity);
    }
    if tls.insecure_skip_verify == Some(true) {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let version = |version: TlsVersion| match version {
        // Older versions are not spoken: the least there is stands for them.
        TlsVersion::Tls10 | TlsVersion::Tls11 | TlsVersion::Tls12 => reqwest::tls::Version::TLS_1_2,
        TlsVersion::Tls13 => reqwest::tls::Version::TLS_1_3,
    };
    if let Some(min) = tls.min_version {
        builder = builder.tls_version_min(version(min));
    }
    if let Some(max) = tls.max_version {
        if max < TlsVersion::Tls12 {
            return Err("tls_config.max_version: TLS below 1.2 is not spoken".to_owned());
        }
        builder = builder.tls_version_max(version(max));
    }
    Ok(builder)
}

fn inline_or_file(inline: Option<&str>, file: Option<&str>) -> Result<Option<String>, String> {
    match (inline, file) {
        (Some(text), _) => Ok(Some(text.to_owned())),
        (None, Some(file)) => {
            std::fs::read_to_string(file).map(Some).map_err(|error| format!("{file}: {error}"))
        }
        (None, None) => Ok(None),
    }
}
