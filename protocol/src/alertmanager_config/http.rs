//! How a receiver is reached: `http_config`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::alertmanager_config::secret::SecretText;
use crate::empty_field::null_as_default;

/// Settings of an HTTP client.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// User and password.
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    /// Any other `Authorization`.
    #[serde(default)]
    pub authorization: Option<Authorization>,
    /// Client credentials.
    #[serde(default)]
    pub oauth2: Option<serde_json::Value>,
    /// The old form of `authorization`.
    #[serde(default)]
    pub bearer_token: Option<SecretText>,
    /// The old form of `authorization.credentials_file`.
    #[serde(default)]
    pub bearer_token_file: Option<String>,
    /// Certificates.
    #[serde(default)]
    pub tls_config: Option<TlsConfig>,
    /// A proxy to go through.
    #[serde(default)]
    pub proxy_url: Option<String>,
    /// Hosts that are reached without it.
    #[serde(default)]
    pub no_proxy: Option<String>,
    /// Take the proxy from the environment.
    #[serde(default)]
    pub proxy_from_environment: bool,
    /// Headers for the proxy.
    #[serde(default, deserialize_with = "null_as_default")]
    pub proxy_connect_header: BTreeMap<String, Vec<SecretText>>,
    /// Follow redirects.
    #[serde(default = "yes")]
    pub follow_redirects: bool,
    /// Allow HTTP/2.
    #[serde(default = "yes")]
    pub enable_http2: bool,
    /// Headers of every request.
    #[serde(default, deserialize_with = "null_as_default")]
    pub http_headers: BTreeMap<String, HeaderValues>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            bearer_token: None,
            bearer_token_file: None,
            tls_config: None,
            proxy_url: None,
            no_proxy: None,
            proxy_from_environment: false,
            proxy_connect_header: BTreeMap::new(),
            follow_redirects: true,
            enable_http2: true,
            http_headers: BTreeMap::new(),
        }
    }
}

/// User and password.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user.
    #[serde(default)]
    pub username: Option<SecretText>,
    /// A file that holds the user.
    #[serde(default)]
    pub username_file: Option<String>,
    /// The password.
    #[serde(default)]
    pub password: Option<SecretText>,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<String>,
}

/// The `Authorization` header.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The word before the credentials, `Bearer` where absent.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The credentials.
    #[serde(default)]
    pub credentials: Option<SecretText>,
    /// A file that holds them.
    #[serde(default)]
    pub credentials_file: Option<String>,
}

/// Certificates.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates to trust, PEM.
    #[serde(default)]
    pub ca: Option<SecretText>,
    /// Our certificate, PEM.
    #[serde(default)]
    pub cert: Option<SecretText>,
    /// Our key, PEM.
    #[serde(default)]
    pub key: Option<SecretText>,
    /// File of `ca`.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// File of `cert`.
    #[serde(default)]
    pub cert_file: Option<String>,
    /// File of `key`.
    #[serde(default)]
    pub key_file: Option<String>,
    /// The name expected in the certificate.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Trust anybody.
    #[serde(default)]
    pub insecure_skip_verify: bool,
    /// Oldest version, `TLS12`.
    #[serde(default)]
    pub min_version: Option<String>,
    /// Newest version.
    #[serde(default)]
    pub max_version: Option<String>,
}

/// The values of one header.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderValues {
    /// Plain values.
    #[serde(default, deserialize_with = "null_as_default")]
    pub values: Vec<String>,
    /// Values that are not shown.
    #[serde(default, deserialize_with = "null_as_default")]
    pub secrets: Vec<SecretText>,
    /// Files that hold values.
    #[serde(default, deserialize_with = "null_as_default")]
    pub files: Vec<String>,
}

impl HttpConfig {
    /// The reference's checks: what excludes what. Pairs of field and message.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, field: &'static str, message: &str| {
            if wrong {
                faults.push((field, message.to_owned()));
            }
        };
        let bearer = self.bearer_token.is_some() || self.bearer_token_file.is_some();
        let kinds = [
            self.basic_auth.is_some(),
            self.authorization.is_some(),
            self.oauth2.is_some(),
            bearer,
        ];
        fault(
            kinds.iter().filter(|&&used| used).count() > 1,
            "authorization",
            "at most one of basic_auth, oauth2, bearer_token & authorization must be configured",
        );
        if let Some(auth) = &self.authorization {
            let kind = auth.kind.as_deref().unwrap_or("Bearer").trim();
            fault(
                kind.eq_ignore_ascii_case("basic"),
                "authorization.type",
                "authorization type cannot be set to \"basic\", use \"basic_auth\" instead",
            );
            fault(
                auth.credentials.is_some() && auth.credentials_file.is_some(),
                "authorization.credentials_file",
                "at most one of authorization credentials & credentials_file must be configured",
            );
        }
        if let Some(auth) = &self.basic_auth {
            fault(
                auth.password.is_some() && auth.password_file.is_some(),
                "basic_auth.password_file",
                "at most one of basic_auth password, password_file & password_ref must be configured",
            );
            fault(
                auth.username.is_some() && auth.username_file.is_some(),
                "basic_auth.username_file",
                "at most one of basic_auth username, username_file & username_ref must be configured",
            );
        }
        if let Some(tls) = &self.tls_config {
            let has_cert = tls.cert.is_some() || tls.cert_file.is_some();
            let has_key = tls.key.is_some() || tls.key_file.is_some();
            fault(
                has_cert != has_key,
                "tls_config",
                "exactly one of the client certificate and its key is configured: both are needed",
            );
        }
        faults
    }

    /// The fields that name files, as paths below this one.
    pub fn file_fields(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut file = |set: bool, path: &str| {
            if set {
                files.push(path.to_owned());
            }
        };
        file(self.bearer_token_file.is_some(), "bearer_token_file");
        if let Some(auth) = &self.basic_auth {
            file(auth.username_file.is_some(), "basic_auth.username_file");
            file(auth.password_file.is_some(), "basic_auth.password_file");
        }
        if let Some(auth) = &self.authorization {
            file(auth.credentials_file.is_some(), "authorization.credentials_file");
        }
        if let Some(tls) = &self.tls_config {
            file(tls.ca_file.is_some(), "tls_config.ca_file");
            file(tls.cert_file.is_some(), "tls_config.cert_file");
            file(tls.key_file.is_some(), "tls_config.key_file");
        }
        for (name, header) in &self.http_headers {
            file(!header.files.is_empty(), &format!("http_headers.{name}.files"));
        }
        files
    }

    /// The fields that are understood but not built yet, as paths below this one.
    pub fn unbuilt_fields(&self) -> Vec<&'static str> {
        let tls = self.tls_config.as_ref();
        let table = [
            (self.oauth2.is_some(), "oauth2"),
            (self.no_proxy.is_some(), "no_proxy"),
            (self.proxy_from_environment, "proxy_from_environment"),
            (!self.proxy_connect_header.is_empty(), "proxy_connect_header"),
            (!self.enable_http2, "enable_http2"),
            (tls.is_some_and(|tls| tls.min_version.is_some()), "tls_config.min_version"),
            (tls.is_some_and(|tls| tls.max_version.is_some()), "tls_config.max_version"),
        ];
        table.into_iter().filter(|(set, _)| *set).map(|(_, field)| field).collect()
    }
}

fn yes() -> bool {
    true
}
