//! How an HTTP client reaches a server, as users write it.
//!
//! Prometheus's `http_config`: the same fields stand in scrape jobs, discovery and receivers, side
//! by side with the fields of their own; [`with_http_client`](crate::with_http_client) adds them to
//! a struct.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scrape_config_faults::Faults;
use crate::secret::Secret;

/// The fields together, once a struct has been read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpClientConfig {
    /// User and password.
    pub basic_auth: Option<BasicAuth>,
    /// A token of any scheme.
    pub authorization: Option<Authorization>,
    /// A token fetched by client credentials.
    pub oauth2: Option<OAuth2>,
    /// Older spelling of `authorization.credentials`.
    pub bearer_token: Option<Secret>,
    /// Older spelling of `authorization.credentials_file`.
    pub bearer_token_file: Option<String>,
    /// Certificates and names.
    pub tls_config: Option<TlsConfig>,
    /// The proxy for all requests.
    pub proxy_url: Option<String>,
    /// Comma-separated hosts to reach without the proxy.
    pub no_proxy: Option<String>,
    /// Take HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    pub proxy_from_environment: Option<bool>,
    /// Headers of CONNECT requests.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Default true.
    pub follow_redirects: Option<bool>,
    /// Default true.
    pub enable_http2: Option<bool>,
    /// Headers of every request.
    pub http_headers: BTreeMap<String, HeaderValues>,
}

/// User and password, either one from a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// A file that holds the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_file: Option<String>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
}

/// The Authorization header: a scheme and its credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authorization {
    /// Default `Bearer`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Secret>,
    /// A file that holds the credentials, read for every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<String>,
}

/// A token fetched by client credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth2 {
    /// Who asks.
    pub client_id: String,
    /// The client's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// A file that holds the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<String>,
    /// The key that signs assertions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_key: Option<Secret>,
    /// A file that holds that key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_key_file: Option<String>,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_key_id: Option<String>,
    /// `client_credentials` or `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Default RS256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_algorithm: Option<String>,
    /// Issuer of the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Audience of the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Further claims.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, serde_json::Value>,
    /// What is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Where the token comes from.
    pub token_url: String,
    /// Further parameters of the token request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoint_params: BTreeMap<String, String>,
    /// TLS towards the token's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsConfig>,
    /// Proxy towards the token's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// Hosts without the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_proxy: Option<String>,
    /// Proxy from the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_from_environment: Option<bool>,
    /// Headers of CONNECT requests.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

/// Certificates and names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificates of the authorities, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The same in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The client's certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    /// The same in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<String>,
    /// The client's key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// The same in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// The name the server's certificate must bear, instead of the URL's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Do not verify the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// `TLS10` to `TLS13`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
    /// `TLS10` to `TLS13`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// 1.0, which no client of ours speaks.
    #[serde(rename = "TLS10")]
    Tls10,
    /// 1.1, which no client of ours speaks.
    #[serde(rename = "TLS11")]
    Tls11,
    /// 1.2
    #[serde(rename = "TLS12")]
    Tls12,
    /// 1.3
    #[serde(rename = "TLS13")]
    Tls13,
}

/// The values of one header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderValues {
    /// In clear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Not to be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Files that hold values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// Headers that the client sets itself, so that a configuration may not.
const RESERVED_HEADERS: [&str; 17] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-prometheus-scrape-timeout-seconds",
];

impl HttpClientConfig {
    /// Whether any field at all is set.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Reports every contradiction, as Prometheus does.
    pub fn validate(&self, faults: &mut Faults<'_>) {
        self.validate_credentials(faults);
        if let Some(oauth2) = &self.oauth2 {
            oauth2.validate(&mut faults.at("oauth2"));
            faults.at("oauth2").unsupported("use authorization with a credentials_file");
        }
        if let Some(tls) = &self.tls_config {
            tls.validate(&mut faults.at("tls_config"));
        }
        let proxy = self.proxy_url.as_deref().unwrap_or("");
        let from_environment = self.proxy_from_environment == Some(true);
        if from_environment {
            faults.at("proxy_from_environment").unsupported("use proxy_url");
        }
        if from_environment && !proxy.is_empty() {
            faults.at("proxy_url").invalid("cannot stand beside proxy_from_environment");
        }
        if from_environment && self.no_proxy.is_some() {
            faults.at("no_proxy").invalid("cannot stand beside proxy_from_environment");
        }
        if self.no_proxy.is_some() && proxy.is_empty() && !from_environment {
            faults.at("no_proxy").invalid("needs a proxy_url");
        }
        if !self.proxy_connect_header.is_empty() && proxy.is_empty() && !from_environment {
            faults.at("proxy_connect_header").invalid("needs a proxy_url");
        }
        for name in self.http_headers.keys() {
            if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                faults.at("http_headers").at(name).invalid("is set by the scraper itself");
            }
        }
    }

    fn validate_credentials(&self, faults: &mut Faults<'_>) {
        let bearer = self.bearer_token.is_some() || self.bearer_token_file.is_some();
        let ways = [
            ("basic_auth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
            ("bearer_token or bearer_token_file", bearer),
        ];
        let used: Vec<&str> = ways.iter().filter(|way| way.1).map(|way| way.0).collect();
        if used.len() > 1 {
            faults.invalid(format!("at most one of {} may be set", used.join(", ")));
        }
        if self.bearer_token.is_some() && self.bearer_token_file.is_some() {
            faults
                .at("bearer_token_file")
                .invalid("at most one of bearer_token and bearer_token_file may be set");
        }
        if let Some(basic) = &self.basic_auth {
            basic.validate(&mut faults.at("basic_auth"));
        }
        if let Some(authorization) = &self.authorization {
            authorization.validate(&mut faults.at("authorization"));
        }
    }
}

impl BasicAuth {
    fn validate(&self, faults: &mut Faults<'_>) {
        if !self.username.is_empty() && self.username_file.is_some() {
            faults.at("username_file").invalid("at most one of username and username_file");
        }
        if self.password.is_some() && self.password_file.is_some() {
            faults.at("password_file").invalid("at most one of password and password_file");
        }
    }
}

impl Authorization {
    fn validate(&self, faults: &mut Faults<'_>) {
        if self.credentials.is_some() && self.credentials_file.is_some() {
            faults
                .at("credentials_file")
                .invalid("at most one of credentials and credentials_file may be set");
        }
        let scheme = self.scheme.as_deref().unwrap_or("Bearer").trim();
        if scheme.eq_ignore_ascii_case("basic") {
            faults.at("type").invalid("cannot be \"basic\"; use basic_auth instead");
        }
    }
}

impl OAuth2 {
    fn validate(&self, faults: &mut Faults<'_>) {
        if self.client_id.is_empty() {
            faults.at("client_id").invalid("must not be empty");
        }
        if self.token_url.is_empty() {
            faults.at("token_url").invalid("must not be empty");
        }
        if self.client_secret.is_some() && self.client_secret_file.is_some() {
            faults
                .at("client_secret_file")
                .invalid("at most one of client_secret and client_secret_file may be set");
        }
        if let Some(tls) = &self.tls_config {
            tls.validate(&mut faults.at("tls_config"));
        }
    }
}

impl TlsConfig {
    fn validate(&self, faults: &mut Faults<'_>) {
        if self.ca.is_some() && self.ca_file.is_some() {
            faults.at("ca_file").invalid("at most one of ca and ca_file may be set");
        }
        if self.cert.is_some() && self.cert_file.is_some() {
            faults.at("cert_file").invalid("at most one of cert and cert_file may be set");
        }
        if self.key.is_some() && self.key_file.is_some() {
            faults.at("key_file").invalid("at most one of key and key_file may be set");
        }
        let cert = self.cert.is_some() || self.cert_file.is_some();
        let key = self.key.is_some() || self.key_file.is_some();
        if cert != key {
            faults.invalid("a client certificate needs both cert(_file) and key(_file)");
        }
        if let (Some(min), Some(max)) = (self.min_version, self.max_version)
            && min > max
        {
            faults.at("max_version").invalid("is below min_version");
        }
    }
}

/// Declares a struct that has the fields of [`HttpClientConfig`] beside its own.
///
/// Serde's `flatten` would lose both the refusal of unknown fields and the positions of errors.
#[macro_export]
macro_rules! with_http_client {
    ($(#[$outer:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($own)*
            /// User and password.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub basic_auth: Option<$crate::http_config::BasicAuth>,
            /// A token of any scheme.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub authorization: Option<$crate::http_config::Authorization>,
            /// A token fetched by client credentials.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub oauth2: Option<$crate::http_config::OAuth2>,
            /// Older spelling of `authorization.credentials`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub bearer_token: Option<$crate::secret::Secret>,
            /// Older spelling of `authorization.credentials_file`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub bearer_token_file: Option<String>,
            /// Certificates and names.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub tls_config: Option<$crate::http_config::TlsConfig>,
            /// The proxy for all requests.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub proxy_url: Option<String>,
            /// Comma-separated hosts to reach without the proxy.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub no_proxy: Option<String>,
            /// Take the proxy from the environment.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub proxy_from_environment: Option<bool>,
            /// Headers of CONNECT requests.
            #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            pub proxy_connect_header:
                std::collections::BTreeMap<String, Vec<$crate::secret::Secret>>,
            /// Default true.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub follow_redirects: Option<bool>,
            /// Default true.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub enable_http2: Option<bool>,
            /// Headers of every request.
            #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            pub http_headers:
                std::collections::BTreeMap<String, $crate::http_config::HeaderValues>,
        }

        impl $name {
            /// How its requests are made.
            pub fn http_client(&self) -> $crate::http_config::HttpClientConfig {
                $crate::http_config::HttpClientConfig {
                    basic_auth: self.basic_auth.clone(),
                    authorization: self.authorization.clone(),
                    oauth2: self.oauth2.clone(),
                    bearer_token: self.bearer_token.clone(),
                    bearer_token_file: self.bearer_token_file.clone(),
                    tls_config: self.tls_config.clone(),
                    proxy_url: self.proxy_url.clone(),
                    no_proxy: self.no_proxy.clone(),
                    proxy_from_environment: self.proxy_from_environment,
                    proxy_connect_header: self.proxy_connect_header.clone(),
                    follow_redirects: self.follow_redirects,
                    enable_http2: self.enable_http2,
                    http_headers: self.http_headers.clone(),
                }
            }
        }
    };
}
