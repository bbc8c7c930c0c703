//! How a PodMonitoring wants its targets asked.

use protocol::http_config::{Authorization, BasicAuth, TlsConfig, TlsVersion};
use protocol::scrape_config::ScrapeConfig;
use protocol::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::monitors::values::{KeyRef, Reader};

/// Google's fields.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GmpHttpFields {
    /// Any scheme.
    pub authorization: Option<GmpAuthorization>,
    /// User and password.
    pub basic_auth: Option<GmpBasicAuth>,
    /// Certificates and names.
    pub tls: Option<GmpTls>,
    /// Not supported.
    pub oauth2: Option<Value>,
    /// For all requests.
    pub proxy_url: Option<String>,
}

/// Any scheme.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GmpAuthorization {
    /// Default Bearer.
    #[serde(rename = "type")]
    pub scheme: Option<String>,
    /// What is sent.
    pub credentials: Option<SecretSelector>,
}

/// User and password.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GmpBasicAuth {
    /// In clear.
    pub username: String,
    /// The password.
    pub password: Option<SecretSelector>,
}

/// Certificates and names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GmpTls {
    /// The authorities.
    pub ca: Option<SecretSelector>,
    /// The client's certificate.
    pub cert: Option<SecretSelector>,
    /// The client's key.
    pub key: Option<SecretSelector>,
    /// The name the server's certificate bears.
    pub server_name: Option<String>,
    /// Do not verify.
    pub insecure_skip_verify: Option<bool>,
    /// `TLS10` to `TLS13`.
    pub min_version: Option<TlsVersion>,
    /// `TLS10` to `TLS13`.
    pub max_version: Option<TlsVersion>,
}

/// A key of a Secret in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SecretSelector {
    /// The key.
    pub secret: GmpSecretKey,
}

/// A key of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GmpSecretKey {
    /// The Secret's name.
    pub name: String,
    /// The key in it.
    pub key: String,
    /// Refused.
    pub namespace: Option<String>,
}

impl GmpHttpFields {
    /// Fills the job's own fields in.
    pub fn fill(&self, job: &mut ScrapeConfig, reader: &Reader<'_>) -> Result<(), String> {
        if self.oauth2.is_some() {
            return Err("oauth2: not supported; use authorization".to_owned());
        }
        if let Some(fields) = &self.authorization
            && let Some(at) = &fields.credentials
        {
            job.authorization = Some(Authorization {
                scheme: fields.scheme.clone().filter(|scheme| !scheme.is_empty()),
                credentials: Some(Secret::new(read(reader, "authorization.credentials", at)?)),
                ..Authorization::default()
            });
        }
        if let Some(fields) = &self.basic_auth {
            let password = fields.password.as_ref();
            let password = password.map(|at| read(reader, "basicAuth.password", at)).transpose()?;
            job.basic_auth = Some(BasicAuth {
                username: fields.username.clone(),
                password: password.map(Secret::new),
                ..BasicAuth::default()
            });
        }
        if let Some(fields) = &self.tls {
            job.tls_config = Some(fields.read(reader)?);
        }
        job.proxy_url = self.proxy_url.clone().filter(|url| !url.is_empty());
        Ok(())
    }
}

impl GmpTls {
    fn read(&self, reader: &Reader<'_>) -> Result<TlsConfig, String> {
        let value = |field: &str, at: &Option<SecretSelector>| {
            at.as_ref().map(|at| read(reader, field, at)).transpose()
        };
        Ok(TlsConfig {
            ca: value("tls.ca", &self.ca)?,
            cert: value("tls.cert", &self.cert)?,
            key: value("tls.key", &self.key)?.map(Secret::new),
            server_name: self.server_name.clone().filter(|name| !name.is_empty()),
            insecure_skip_verify: self.insecure_skip_verify,
            min_version: self.min_version,
            max_version: self.max_version,
            ..TlsConfig::default()
        })
    }
}

fn read(reader: &Reader<'_>, field: &str, at: &SecretSelector) -> Result<String, String> {
    let at = &at.secret;
    if at.namespace.as_ref().is_some_and(|namespace| namespace != reader.namespace) {
        return Err(format!("{field}: only Secrets of the object's own namespace may be named"));
    }
    let at = KeyRef { name: at.name.clone(), key: at.key.clone(), optional: None };
    reader.secret(field, &at)
}
