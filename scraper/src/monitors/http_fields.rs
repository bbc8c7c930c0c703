//! TLS, credentials and proxies of a monitor.

use std::collections::BTreeMap;

use protocol::http_config::{Authorization, BasicAuth, TlsConfig, TlsVersion};
use protocol::scrape_config::ScrapeConfig;
use protocol::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::home_cluster::HOME_DEFAULT;
use crate::monitors::values::{AnyKeyRef, KeyRef, Reader};

/// The fields of prometheus-operator's kinds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpFields {
    /// Certificates and names.
    pub tls_config: Option<TlsFields>,
    /// User and password.
    pub basic_auth: Option<BasicAuthFields>,
    /// Any scheme.
    pub authorization: Option<AuthorizationFields>,
    /// Not supported.
    #[serde(alias = "oauth2")]
    pub oauth2: Option<Value>,
    /// Older spelling of a bearer token.
    pub bearer_token_secret: Option<KeyRef>,
    /// The service-account token's path, and nothing else.
    pub bearer_token_file: Option<String>,
    /// Default true.
    pub follow_redirects: Option<bool>,
    /// Default true.
    #[serde(alias = "enableHTTP2")]
    pub enable_http2: Option<bool>,
    /// For all requests.
    pub proxy_url: Option<String>,
    /// Hosts without the proxy.
    pub no_proxy: Option<String>,
    /// Not supported.
    pub proxy_from_environment: Option<bool>,
    /// Headers of CONNECT requests.
    pub proxy_connect_header: BTreeMap<String, Vec<KeyRef>>,
}

/// prometheus-operator's TLS fields.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TlsFields {
    /// The authorities.
    pub ca: AnyKeyRef,
    /// The client's certificate.
    pub cert: AnyKeyRef,
    /// The client's key.
    pub key_secret: Option<KeyRef>,
    /// The name the server's certificate bears.
    pub server_name: Option<String>,
    /// Do not verify.
    pub insecure_skip_verify: Option<bool>,
    /// `TLS10` to `TLS13`.
    pub min_version: Option<TlsVersion>,
    /// `TLS10` to `TLS13`.
    pub max_version: Option<TlsVersion>,
    /// The cluster's own authorities, and nothing else.
    pub ca_file: Option<String>,
    /// Refused.
    pub cert_file: Option<String>,
    /// Refused.
    pub key_file: Option<String>,
}

/// User and password.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BasicAuthFields {
    /// The user.
    pub username: KeyRef,
    /// The password.
    pub password: KeyRef,
}

/// Any scheme.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthorizationFields {
    /// Default Bearer.
    #[serde(rename = "type")]
    pub scheme: Option<String>,
    /// What is sent.
    pub credentials: Option<KeyRef>,
    /// Refused.
    pub credentials_file: Option<String>,
}

impl HttpFields {
    /// Fills the job's own fields in.
    pub fn fill(&self, job: &mut ScrapeConfig, reader: &Reader<'_>) -> Result<(), String> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if self.oauth2.is_some() {
            return Err("oauth2: not supported; use authorization with a Secret".to_owned());
        }
        if self.proxy_from_environment == Some(true) {
            return Err("proxyFromEnvironment: not supported; use proxyUrl".to_owned());
        }
        if let Some(basic) = &self.basic_auth {
            job.basic_auth = Some(BasicAuth {
                username: reader.secret("basicAuth.username", &basic.username)?,
                password: Some(Secret::new(reader.secret("basicAuth.password", &basic.password)?)),
                ..BasicAuth::default()
            });
        }
        job.authorization = self.authorization(reader)?;
        if let Some(file) = set(&self.bearer_token_file) {
            job.bearer_token_file = Some(own_file("bearerTokenFile", &file, "token")?);
        }
        if let Some(tls) = &self.tls_config {
            job.tls_config = Some(tls.read(reader)?);
        }
        job.follow_redirects = self.follow_redirects;
        job.enable_http2 = self.enable_http2;
        job.proxy_url = set(&self.proxy_url);
        job.no_proxy = set(&self.no_proxy);
        for (header, values) in &self.proxy_connect_header {
            let field = format!("proxyConnectHeader.{header}");
            let read = |at| reader.secret(&field, at).map(Secret::new);
            let values: Result<Vec<Secret>, String> = values.iter().map(read).collect();
            job.proxy_connect_header.insert(header.clone(), values?);
        }
        Ok(())
    }

    fn authorization(&self, reader: &Reader<'_>) -> Result<Option<Authorization>, String> {
        if let Some(fields) = &self.authorization {
            if fields.credentials_file.is_some() {
                return Err("authorization.credentialsFile: refused; name a Secret".to_owned());
            }
            let Some(at) = &fields.credentials else { return Ok(None) };
            let credentials = reader.secret("authorization.credentials", at)?;
            return Ok(Some(Authorization {
                scheme: fields.scheme.clone(),
                credentials: Some(Secret::new(credentials)),
                ..Authorization::default()
            }));
        }
        // Older objects carry an empty reference here.
        match &self.bearer_token_secret {
            Some(at) if !at.name.is_empty() || !at.key.is_empty() => Ok(Some(Authorization {
                credentials: Some(Secret::new(reader.secret("bearerTokenSecret", at)?)),
                ..Authorization::default()
            })),
            _ => Ok(None),
        }
    }
}

impl TlsFields {
    /// Certificates come from Secrets and ConfigMaps, not from files.
    pub fn read(&self, reader: &Reader<'_>) -> Result<TlsConfig, String> {
        for (field, file) in [("certFile", &self.cert_file), ("keyFile", &self.key_file)] {
            if file.as_ref().is_some_and(|file| !file.is_empty()) {
                return Err(format!("tlsConfig.{field}: files are refused; name a Secret"));
            }
        }
        let ca_file = self.ca_file.as_deref().filter(|file| !file.is_empty());
        let key = self.key_secret.as_ref();
        Ok(TlsConfig {
            ca: reader.any("tlsConfig.ca", &self.ca)?,
            ca_file: ca_file
                .map(|file| own_file("tlsConfig.caFile", file, "ca.crt"))
                .transpose()?,
            cert: reader.any("tlsConfig.cert", &self.cert)?,
            key: key
                .map(|at| reader.secret("tlsConfig.keySecret", at).map(Secret::new))
                .transpose()?,
            server_name: self.server_name.clone().filter(|name| !name.is_empty()),
            insecure_skip_verify: self.insecure_skip_verify,
            min_version: self.min_version,
            max_version: self.max_version,
            ..TlsConfig::default()
        })
    }
}

/// Of all files only the pod's own credentials may be named.
fn own_file(field: &str, file: &str, expected: &str) -> Result<String, String> {
    let own = format!("{HOME_DEFAULT}/{expected}");
    if file == own {
        return Ok(own);
    }
    Err(format!("{field}: {file:?} is refused: only {own:?} may be read; else name a Secret"))
}
